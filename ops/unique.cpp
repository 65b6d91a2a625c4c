#include "weft/ops/unique.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace weft {
namespace {

[[noreturn]] void throw_too_many(std::size_t count, std::size_t room) {
  throw Error(ErrorCode::out_of_range, "there are more elements than the stated size",
              {.expected = fmt::format("at most {}", room), .actual = std::to_string(count)});
}

template <typename T>
bool equal_or_nan(T a, T b) {
  return a == b || (a != a && b != b);
}

}  // namespace

std::array<TensorType, 2> NonZero::infer(const TensorType& x) const {
  if (x.dtype != DType::boolean) {
    throw Error(ErrorCode::dtype_mismatch, "places are those of true elements; compare with 0 first",
                {.expected = "bool", .actual = std::string(name_of(x.dtype))});
  }
  return {TensorType{DType::i64, Shape{size, static_cast<std::int64_t>(x.shape.rank())}},
          TensorType{DType::i64, Shape{}}};
}
void NonZero::forward(const KernelArgs& args) const {
  const auto x = args.inputs[0].as<const bool>();
  const auto sizes = args.inputs[0].sizes;
  const auto places = args.outputs[0].as<std::int64_t>();
  const auto room = static_cast<std::size_t>(args.outputs[0].sizes[0]);
  const auto count = static_cast<std::size_t>(std::ranges::count(x, true));
  if (count > room) throw_too_many(count, room);
  std::ranges::fill(places, 0);
  std::size_t row = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!x[i]) continue;
    auto rest = static_cast<std::int64_t>(i);
    for (std::size_t axis = sizes.size(); axis-- > 0;) {
      places[row * sizes.size() + axis] = rest % sizes[axis];
      rest /= sizes[axis];
    }
    ++row;
  }
  args.outputs[1].as<std::int64_t>()[0] = static_cast<std::int64_t>(count);
}

std::array<TensorType, 4> Unique::infer(const TensorType& x) const {
  const TensorType counted{DType::i64, Shape{size}};
  return {TensorType{x.dtype, Shape{size}}, TensorType{DType::i64, x.shape}, counted,
          TensorType{DType::i64, Shape{}}};
}
void Unique::forward(const KernelArgs& args) const {
  const auto inverse = args.outputs[1].as<std::int64_t>();
  const auto counts = args.outputs[2].as<std::int64_t>();
  visit_dtype(args.inputs[0].dtype, [&]<typename T>(T) {
    const auto x = args.inputs[0].as<const T>();
    const auto values = args.outputs[0].as<T>();
    std::vector<std::size_t> order(x.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
      if (equal_or_nan(x[a], x[b])) return a < b;
      return x[b] != x[b] || x[a] < x[b];  // NaNs last
    });
    std::size_t count = 0;
    for (std::size_t i = 0; i < order.size(); ++i)
      count += i == 0 || !equal_or_nan(x[order[i]], x[order[i - 1]]) ? 1U : 0U;
    if (count > values.size()) throw_too_many(count, values.size());
    std::ranges::fill(values, T{});
    std::ranges::fill(counts, 0);
    std::size_t at = 0;
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (i > 0 && !equal_or_nan(x[order[i]], x[order[i - 1]])) ++at;
      values[at] = x[order[i]];
      inverse[order[i]] = static_cast<std::int64_t>(at);
      ++counts[at];
    }
    args.outputs[3].as<std::int64_t>()[0] = static_cast<std::int64_t>(count);
  });
}

Places nonzero(const Operand& x, const Dim& size) {
  const auto both = apply_all(NonZero{size}, {x});
  return {.indices = both[0], .count = both[1]};
}
Distinct unique(const Operand& x, const Dim& size) {
  const auto all = apply_all(Unique{size}, {x});
  return {.values = all[0], .inverse = all[1], .counts = all[2], .count = all[3]};
}

template detail::Model detail::model_of(NonZero);
template detail::Model detail::model_of(Unique);

}  // namespace weft
