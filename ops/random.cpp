#include "weft/ops/random.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "weft/graph/philox.h"
#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/exponential.h"
#include "weft/ops/layout.h"
#include "weft/ops/reduce.h"
#include "weft/ops/sorting.h"
#include "weft/ops/source.h"
#include "weft/ops/special.h"

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

/// Calls `emit(index, u, v)` with two independent uniforms in [0, 1) of 32 bits each for elements [begin,
/// end).
template <typename Emit>
void for_each_pair(std::span<const std::int64_t> numbers, std::int64_t stream, std::int64_t begin,
                   std::int64_t end, Emit emit) {
  const PhiloxKey key =
      philox_key(static_cast<std::uint64_t>(numbers[0]), static_cast<std::uint64_t>(stream));
  const auto run = static_cast<std::uint64_t>(numbers[1]);
  const auto last = static_cast<std::uint64_t>(end);
  auto element = static_cast<std::uint64_t>(begin);
  while (element < last) {
    const std::uint64_t block = element / 2;
    const PhiloxCounter bits =
        philox({static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32),
                static_cast<std::uint32_t>(run), static_cast<std::uint32_t>(run >> 32)},
               key);
    if (element % 2 == 0) emit(element++, bits[0], bits[1]);
    if (element < last) emit(element++, bits[2], bits[3]);
  }
}

template <typename T>
T to_unit(std::uint32_t high, std::uint32_t low) {
  if constexpr (std::is_same_v<T, float>) return static_cast<float>(high >> 8) * 0x1.0p-24F;
  return static_cast<T>((static_cast<std::uint64_t>(high) << 21) ^ (low >> 11)) * static_cast<T>(0x1.0p-53);
}

/// The random numbers of one element, four for each try, so that how many one element needs does not matter
/// to the others.
class ElementDraws {
 public:
  ElementDraws(PhiloxKey key, std::uint64_t run, std::uint64_t element)
      : key_(key), run_(run), element_(element) {}

  /// The numbers of a try, of which there are below 2^16; elements are below 2^48.
  PhiloxCounter of_try(std::uint32_t number) const {
    return philox(
        {static_cast<std::uint32_t>(element_), static_cast<std::uint32_t>(element_ >> 32) | number << 16,
         static_cast<std::uint32_t>(run_), static_cast<std::uint32_t>(run_ >> 32)},
        key_);
  }

 private:
  PhiloxKey key_;
  std::uint64_t run_;
  std::uint64_t element_;
};

constexpr std::uint32_t kTries = 64;

/// In (0, 1).
double open_unit(std::uint32_t bits) { return (static_cast<double>(bits) + 0.5) * 0x1.0p-32; }

/// By Box and Muller's method.
double normal_of(std::uint32_t first, std::uint32_t second) {
  const double radius = std::sqrt(-2.0 * std::log((static_cast<double>(first) + 1.0) * 0x1.0p-32));
  return radius * std::cos(2.0 * std::numbers::pi * static_cast<double>(second) * 0x1.0p-32);
}

/// With d = a - 1/3 and c = 1 / sqrt(9 d): d v for v = (1 + c x)^3 of a normal x, where ln u < x^2 / 2 + d -
/// d v + d ln v.
double gamma_of(double concentration, const ElementDraws& draws) {
  if (!(concentration > 0.0)) return std::numeric_limits<double>::quiet_NaN();
  const bool small = concentration < 1.0;
  const double d = concentration + (small ? 1.0 : 0.0) - 1.0 / 3.0;
  const double c = 1.0 / std::sqrt(9.0 * d);
  for (std::uint32_t number = 0;; ++number) {
    const PhiloxCounter bits = draws.of_try(number);
    const double x = normal_of(bits[0], bits[1]);
    const double root = 1.0 + c * x;
    const double v = root * root * root;
    const bool accepted =
        root > 0.0 && std::log(open_unit(bits[2])) < 0.5 * x * x + d - d * v + d * std::log(v);
    if (!accepted && number + 1 < kTries) continue;
    const double drawn = d * (accepted ? v : 1.0);
    return small ? drawn * std::pow(open_unit(bits[3]), 1.0 / concentration) : drawn;
  }
}

/// The first k at which the sum of the probabilities of 0 .. k exceeds a uniform number.
double poisson_by_sum(double rate, const ElementDraws& draws) {
  constexpr double kMost = 200.0;  // P(k > 200) at rate 10 is below 1e-150
  const PhiloxCounter bits = draws.of_try(0);
  const double u = to_unit<double>(bits[0], bits[1]);
  double probability = std::exp(-rate);
  double sum = probability;
  double k = 0.0;
  while (u >= sum && k < kMost) {
    k += 1.0;
    probability *= rate / k;
    sum += probability;
  }
  return k;
}

double poisson_by_rejection(double rate, const ElementDraws& draws) {
  const double b = 0.931 + 2.53 * std::sqrt(rate);
  const double a = -0.059 + 0.02483 * b;
  const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
  const double accepted_at_once = 0.9277 - 3.6224 / (b - 2.0);
  for (std::uint32_t number = 0; number < kTries; ++number) {
    const PhiloxCounter bits = draws.of_try(number);
    const double u = to_unit<double>(bits[0], bits[1]) - 0.5;
    const double v = open_unit(bits[2]);
    const double us = 0.5 - std::abs(u);
    const double k = std::floor((2.0 * a / us + b) * u + rate + 0.43);
    if (us >= 0.07 && v <= accepted_at_once) return k;
    if (k < 0.0 || (us < 0.013 && v > us)) continue;
    if (std::log(v * inverse_alpha / (a / (us * us) + b)) <=
        -rate + k * std::log(rate) - detail::log_gamma(k + 1.0)) {
      return k;
    }
  }
  return std::floor(rate);
}

double poisson_of(double rate, const ElementDraws& draws) {
  if (!(rate >= 0.0) || std::isinf(rate)) return std::numeric_limits<double>::quiet_NaN();
  return rate < 10.0 ? poisson_by_sum(rate, draws) : poisson_by_rejection(rate, draws);
}

/// y[i] = draw(parameter i, draws of element i) for inputs {key, parameters}.
void draw_each(const KernelArgs& args, std::int64_t stream, double (*draw)(double, const ElementDraws&)) {
  const auto key_values = args.inputs[0].as<const std::int64_t>();
  const PhiloxKey key =
      philox_key(static_cast<std::uint64_t>(key_values[0]), static_cast<std::uint64_t>(stream));
  const auto run = static_cast<std::uint64_t>(key_values[1]);
  visit_float(args.outputs[0].dtype, [&]<typename T>(T) {
    const auto parameters = args.inputs[1].as<const T>();
    const auto y = args.outputs[0].as<T>();
    for (std::size_t i = 0; i < y.size(); ++i) {
      y[i] = static_cast<T>(draw(static_cast<double>(parameters[i]), ElementDraws(key, run, i)));
    }
  });
}

/// A check of a number that describes a distribution.
void expect_parameter(bool holds, std::string_view op, std::string_view expected, double actual,
                      const Where& where) {
  if (holds) return;
  throw Error(ErrorCode::invalid_argument, "there is no such distribution",
              {.op = std::string(op),
               .expected = std::string(expected),
               .actual = fmt::format("{}", actual),
               .where = to_string(where)});
}

/// A number in a shape, to draw for each element.
Value everywhere(Graph& graph, double number, DType dtype, const Shape& shape) {
  return broadcast_to(constant(graph, number, dtype), shape);
}

Value random_key(Graph& graph, Where where) { return {&graph, graph.add(RandomKey{}, {}, where), 0}; }

}  // namespace

void RandomKey::forward(const KernelArgs&) const {
  throw Error(ErrorCode::bad_feed, "random numbers need a session, which holds their seed");
}

TensorType StepKey::infer(const TensorType& key, const TensorType& step) const {
  if (key == TensorType{DType::i64, Shape{2}} && step == TensorType{DType::i64, Shape{}}) return key;
  throw Error(
      ErrorCode::dtype_mismatch, "the key of a step is made from a random key and a number",
      {.expected = "i64[2] and i64[]", .actual = fmt::format("{} and {}", to_string(key), to_string(step))});
}

void StepKey::forward(const KernelArgs& args) const {
  constexpr std::uint64_t kStream = 0x7374657073;  // no op's: those count from 0
  const auto key = args.inputs[0].as<const std::int64_t>();
  const auto step = static_cast<std::uint64_t>(args.inputs[1].as<const std::int64_t>()[0]);
  const auto run = static_cast<std::uint64_t>(key[1]);
  const PhiloxCounter mixed =
      philox({static_cast<std::uint32_t>(step), static_cast<std::uint32_t>(step >> 32),
              static_cast<std::uint32_t>(run), static_cast<std::uint32_t>(run >> 32)},
             philox_key(static_cast<std::uint64_t>(key[0]), kStream));
  const auto joined = [&](std::size_t i) {
    return static_cast<std::int64_t>(std::uint64_t{mixed[i]} << 32 | mixed[i + 1]);
  };
  const auto made = args.outputs[0].as<std::int64_t>();
  made[0] = joined(0);
  made[1] = joined(2);
}

TensorType RandomUniform::infer(const TensorType& key) const { return random_type(key, type); }
void RandomUniform::forward(const KernelArgs& args) const {
  draw(args.inputs[0].as<const std::int64_t>(), 0, args.outputs[0].elements, args.outputs[0]);
}
void RandomUniform::draw(std::span<const std::int64_t> key, std::int64_t begin, std::int64_t end,
                         const Arg& result) const {
  visit_float(type.dtype, [&]<typename T>(T) {
    const auto y = result.as<T>();
    for_each_pair(key, stream, begin, end, [&](std::uint64_t i, std::uint32_t high, std::uint32_t low) {
      y[i] = to_unit<T>(high, low);
    });
  });
}

TensorType RandomNormal::infer(const TensorType& key) const { return random_type(key, type); }
void RandomNormal::forward(const KernelArgs& args) const {
  draw(args.inputs[0].as<const std::int64_t>(), 0, args.outputs[0].elements, args.outputs[0]);
}
void RandomNormal::draw(std::span<const std::int64_t> key, std::int64_t begin, std::int64_t end,
                        const Arg& result) const {
  visit_float(type.dtype, [&]<typename T>(T) {
    const auto y = result.as<T>();
    for_each_pair(key, stream, begin, end, [&](std::uint64_t i, std::uint32_t first, std::uint32_t second) {
      y[i] = static_cast<T>(normal_of(first, second));
    });
  });
}

TensorType RandomGamma::infer(const TensorType& key, const TensorType& concentrations) const {
  return random_type(key, concentrations);
}
void RandomGamma::forward(const KernelArgs& args) const { draw_each(args, stream, gamma_of); }

TensorType RandomPoisson::infer(const TensorType& key, const TensorType& rates) const {
  return random_type(key, rates);
}
void RandomPoisson::forward(const KernelArgs& args) const { draw_each(args, stream, poisson_of); }

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

Value random_truncated_normal(Graph& graph, DType dtype, const Shape& shape, double mean, double deviation,
                              double low, double high, Where where) {
  constexpr std::string_view kName = "random_truncated_normal";
  expect_parameter(deviation > 0.0, kName, "deviation > 0", deviation, where);
  expect_parameter(low <= high, kName, fmt::format("high >= {}", low), high, where);
  const double first = (low - mean) / deviation;
  const double last = (high - mean) / deviation;
  expect_parameter(first <= 8.0, kName, "low <= mean + 8 deviation", low, where);
  expect_parameter(last >= -8.0, kName, "high >= mean - 8 deviation", high, where);
  const Scope origin(graph, kName, where);
  const double start = std::erf(first / std::numbers::sqrt2);
  const double stop = std::erf(last / std::numbers::sqrt2);
  const Value u = random_uniform(graph, f64, shape, 0.0, 1.0, where);
  const Value drawn = mean + (deviation * std::numbers::sqrt2) * erfinv(u * (stop - start) + start);
  return cast(minimum(maximum(drawn, low), high), dtype);
}

Value random_exponential(Graph& graph, DType dtype, const Shape& shape, double rate, Where where) {
  expect_parameter(rate > 0.0, "random_exponential", "rate > 0", rate, where);
  const Scope origin(graph, "random_exponential", where);
  return cast(log1p(-random_uniform(graph, f64, shape, 0.0, 1.0, where)) * (-1.0 / rate), dtype);
}

Value random_bernoulli(const Operand& p) {
  const Value value = p.value("random_bernoulli");
  const Scope origin(value.graph(), "random_bernoulli", p.where());
  return random_uniform(value.graph(), value.dtype(), value.shape(), 0.0, 1.0, p.where()) < value;
}

Value random_bernoulli(Graph& graph, const Shape& shape, double p, Where where) {
  expect_parameter(p >= 0.0 && p <= 1.0, "random_bernoulli", "p in [0, 1]", p, where);
  const Scope origin(graph, "random_bernoulli", where);
  return random_uniform(graph, f64, shape, 0.0, 1.0, where) < p;
}

Value random_categorical(const Operand& logits) {
  const Value x = logits.value("random_categorical");
  const Scope origin(x.graph(), "random_categorical", logits.where());
  // The noise is not limited by the digits of an f32, so that rare classes come too; a uniform number of 0
  // counts as the smallest other one.
  const Value u = maximum(random_uniform(x.graph(), f64, x.shape(), 0.0, 1.0, logits.where()), 0x1.0p-53);
  return argmax(cast(x, f64) - log(-log(u)), -1);
}

Value random_gamma(const Operand& concentrations) {
  const Value a = concentrations.value("random_gamma");
  const Scope origin(a.graph(), "", concentrations.where());
  const RandomGamma op{.stream = a.graph().next_stream()};
  return apply(op, random_key(a.graph(), concentrations.where()), a);
}

Value random_gamma(Graph& graph, DType dtype, const Shape& shape, double concentration, double rate,
                   Where where) {
  expect_parameter(concentration > 0.0, "random_gamma", "concentration > 0", concentration, where);
  expect_parameter(rate > 0.0, "random_gamma", "rate > 0", rate, where);
  const Scope origin(graph, "", where);
  const Value drawn = random_gamma(Operand(everywhere(graph, concentration, dtype, shape), where));
  return rate == 1.0 ? drawn : drawn / rate;
}

Value random_poisson(const Operand& rates) {
  const Value means = rates.value("random_poisson");
  const Scope origin(means.graph(), "", rates.where());
  const RandomPoisson op{.stream = means.graph().next_stream()};
  return apply(op, random_key(means.graph(), rates.where()), means);
}

Value random_poisson(Graph& graph, DType dtype, const Shape& shape, double rate, Where where) {
  expect_parameter(rate >= 0.0 && std::isfinite(rate), "random_poisson", "a finite rate >= 0", rate, where);
  const Scope origin(graph, "", where);
  return random_poisson(Operand(everywhere(graph, rate, dtype, shape), where));
}

Value random_permutation(Graph& graph, const Dim& size, Where where) {
  const Scope origin(graph, "random_permutation", where);
  return argsort(random_uniform(graph, f64, Shape{size}, 0.0, 1.0, where));
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

template detail::Model detail::model_of(RandomKey);
template detail::Model detail::model_of(StepKey);
template detail::Model detail::model_of(RandomUniform);
template detail::Model detail::model_of(RandomNormal);
template detail::Model detail::model_of(RandomGamma);
template detail::Model detail::model_of(RandomPoisson);

}  // namespace weft
