#include "weft/ops/random.h"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "weft/graph/philox.h"
#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"

namespace weft {
namespace {

TensorType random_type(const TensorType& key, const TensorType& type) {
  if (key != TensorType{DType::i64, Shape{2}} || !is_float(type.dtype)) {
    throw Error(ErrorCode::dtype_mismatch, "random numbers are floats made from a random key",
                {.expected = "f32 or f64 from i64[2]",
                 .actual = fmt::format("{} from {}", to_string(type), to_string(key))});
  }
  return type;
}

/// Calls `emit(index, u, v)` with two independent uniforms in [0, 1) of 32 bits each for every element.
template <typename Emit>
void for_each_pair(const KernelArgs& args, std::int64_t stream, Emit emit) {
  const auto key_values = args.inputs[0].as<const std::int64_t>();
  const PhiloxKey key =
      philox_key(static_cast<std::uint64_t>(key_values[0]), static_cast<std::uint64_t>(stream));
  const auto run = static_cast<std::uint64_t>(key_values[1]);
  const auto elements = static_cast<std::uint64_t>(args.outputs[0].elements);
  for (std::uint64_t block = 0; 2 * block < elements; ++block) {
    const PhiloxCounter bits =
        philox({static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32),
                static_cast<std::uint32_t>(run), static_cast<std::uint32_t>(run >> 32)},
               key);
    emit(2 * block, bits[0], bits[1]);
    if (2 * block + 1 < elements) emit(2 * block + 1, bits[2], bits[3]);
  }
}

template <typename T>
T to_unit(std::uint32_t high, std::uint32_t low) {
  if constexpr (std::is_same_v<T, float>) return static_cast<float>(high >> 8) * 0x1.0p-24F;
  return static_cast<T>((static_cast<std::uint64_t>(high) << 21) ^ (low >> 11)) * static_cast<T>(0x1.0p-53);
}

Value random_key(Graph& graph, Where where) { return {&graph, graph.add(RandomKey{}, {}, where), 0}; }

}  // namespace

void RandomKey::forward(const KernelArgs&) const {
  throw Error(ErrorCode::bad_feed, "random numbers need a session, which holds their seed");
}

TensorType RandomUniform::infer(const TensorType& key) const { return random_type(key, type); }
void RandomUniform::forward(const KernelArgs& args) const {
  visit_float(type.dtype, [&]<typename T>(T) {
    const auto y = args.outputs[0].as<T>();
    for_each_pair(args, stream, [&](std::uint64_t i, std::uint32_t high, std::uint32_t low) {
      y[i] = to_unit<T>(high, low);
    });
  });
}

TensorType RandomNormal::infer(const TensorType& key) const { return random_type(key, type); }
void RandomNormal::forward(const KernelArgs& args) const {
  visit_float(type.dtype, [&]<typename T>(T) {
    const auto y = args.outputs[0].as<T>();
    for_each_pair(args, stream, [&](std::uint64_t i, std::uint32_t first, std::uint32_t second) {
      const double radius = std::sqrt(-2.0 * std::log((static_cast<double>(first) + 1.0) * 0x1.0p-32));
      const double angle = 2.0 * std::numbers::pi * static_cast<double>(second) * 0x1.0p-32;
      y[i] = static_cast<T>(radius * std::cos(angle));
    });
  });
}

Value random_uniform(Graph& graph, DType dtype, const Shape& shape, double low, double high, Where where) {
  if (!(low <= high)) {
    throw Error(ErrorCode::invalid_argument, "the bounds are in the wrong order",
                {.op = "random_uniform",
                 .expected = "low <= high",
                 .actual = fmt::format("low={}, high={}", low, high),
                 .where = to_string(where)});
  }
  const Scope origin(graph, "", where);
  const Value unit =
      apply(RandomUniform{.type = {dtype, shape}, .stream = graph.next_stream()}, random_key(graph, where));
  return low == 0.0 && high == 1.0 ? unit : unit * (high - low) + low;
}

Value random_normal(Graph& graph, DType dtype, const Shape& shape, double mean, double deviation,
                    Where where) {
  const Scope origin(graph, "", where);
  const Value standard =
      apply(RandomNormal{.type = {dtype, shape}, .stream = graph.next_stream()}, random_key(graph, where));
  return mean == 0.0 && deviation == 1.0 ? standard : standard * deviation + mean;
}

Value dropout(const Operand& x, double rate) {
  if (!(rate >= 0.0 && rate < 1.0)) {
    throw Error(ErrorCode::invalid_argument, "a dropout rate is a probability below 1",
                {.op = "dropout",
                 .expected = "[0, 1)",
                 .actual = fmt::format("{}", rate),
                 .where = to_string(x.where())});
  }
  const Value value = x.value("dropout");
  if (rate == 0.0) return value;
  Graph& graph = value.graph();
  const Scope origin(graph, "dropout", x.where());
  const Value kept = random_uniform(graph, value.dtype(), value.shape(), 0.0, 1.0, x.where()) >= rate;
  return where(kept, x * (1.0 / (1.0 - rate)), 0.0);
}

}  // namespace weft
