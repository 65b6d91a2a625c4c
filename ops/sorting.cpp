#include "weft/ops/sorting.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "weft/ops/axis_walk.h"
#include "weft/ops/indexing.h"
#include "weft/ops/layout.h"
#include "weft/ops/source.h"

namespace weft {
namespace {

/// Whether a comes before b in ascending order: NaNs are last.
template <typename T>
bool before(T a, T b) {
  if constexpr (!std::is_integral_v<T>) {
    if (b != b) return a == a;
  }
  return a < b;
}

/// What elements are compared as: few types, so that sorting is not compiled for each of them.
template <typename T>
using Key = std::conditional_t<std::is_integral_v<T>,
                               std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>,
                               std::conditional_t<std::is_same_v<T, double>, double, float>>;

/// Brings the first `count` of a row of elements and their places to its front, in order.
template <typename K>
void sort_row(std::vector<std::pair<K, std::int64_t>>& row, std::size_t count, bool descending) {
  const auto in_order = [&](const auto& a, const auto& b) {
    if (before(a.first, b.first)) return !descending;
    if (before(b.first, a.first)) return descending;
    return a.second < b.second;
  };
  const auto end = row.begin() + static_cast<std::ptrdiff_t>(count);
  if (end == row.end()) {
    std::sort(row.begin(), row.end(), in_order);
  } else {
    std::partial_sort(row.begin(), end, row.end(), in_order);
  }
}

/// The first `count` of each row along an axis, in order, and where they stood.
void forward_order(const KernelArgs& args, std::int64_t axis, bool descending) {
  const AxisSizes from = axis_sizes(args.inputs[0].sizes, axis);
  const AxisSizes to = axis_sizes(args.outputs[0].sizes, axis);
  const auto places = args.outputs[1].as<std::int64_t>();
  visit_dtype(args.inputs[0].dtype, [&]<typename T>(T) {
    const auto x = args.inputs[0].as<const T>();
    const auto y = args.outputs[0].as<T>();
    std::vector<std::pair<Key<T>, std::int64_t>> row(from.length);
    for (std::size_t i = 0; i < from.outer * from.inner; ++i) {
      const std::size_t outer = i / from.inner;
      const std::size_t inner = i % from.inner;
      const auto element = [&](std::size_t j) { return x[(outer * from.length + j) * from.inner + inner]; };
      for (std::size_t j = 0; j < from.length; ++j)
        row[j] = {static_cast<Key<T>>(element(j)), static_cast<std::int64_t>(j)};
      sort_row(row, to.length, descending);
      for (std::size_t j = 0; j < to.length; ++j) {
        const std::size_t place = (outer * to.length + j) * to.inner + inner;
        y[place] = element(static_cast<std::size_t>(row[j].second));
        places[place] = row[j].second;
      }
    }
  });
}

std::vector<Value> gradient_of_order(const GradientArgs& args, std::int64_t axis) {
  const Value& dy = args.output_gradients[0];
  if (!dy.has_value()) return {Value()};
  const Value zeros = broadcast_to(constant(dy.graph(), 0.0, dy.dtype()), args.inputs[0].shape());
  return {scatter(zeros, args.outputs[1], dy, axis, Reduction::add)};
}

}  // namespace

std::array<TensorType, 2> Sort::infer(const TensorType& x) const {
  normalize_axis(axis, x.shape.rank());
  return {x, TensorType{DType::i64, x.shape}};
}
void Sort::forward(const KernelArgs& args) const { forward_order(args, axis, descending); }
std::vector<Value> Sort::gradient(const GradientArgs& args) const { return gradient_of_order(args, axis); }

std::array<TensorType, 2> TopK::infer(const TensorType& x) const {
  const std::size_t along = normalize_axis(axis, x.shape.rank());
  if (!at_most(k, x.shape[along]).value_or(true)) {
    throw Error(ErrorCode::out_of_range, "there are not so many elements along the axis",
                {.expected = fmt::format("k in [0, {}]", to_string(x.shape[along])), .actual = to_string(k)});
  }
  std::vector<Dim> dims = x.shape.dims();
  dims[along] = k;
  const Shape shape(std::move(dims));
  return {TensorType{x.dtype, shape}, TensorType{DType::i64, shape}};
}
void TopK::forward(const KernelArgs& args) const { forward_order(args, axis, largest); }
std::vector<Value> TopK::gradient(const GradientArgs& args) const { return gradient_of_order(args, axis); }

TensorType SearchSorted::infer(const TensorType& sorted, const TensorType& values) const {
  if (sorted.dtype != values.dtype)
    throw Error(ErrorCode::dtype_mismatch,
                "the vector and the values have different dtypes; cast one of them");
  if (sorted.shape.rank() != 1) {
    throw Error(ErrorCode::shape_mismatch, "what is searched is a sorted vector",
                {.expected = "one axis", .actual = to_string(sorted.shape)});
  }
  return {DType::i64, values.shape};
}
void SearchSorted::forward(const KernelArgs& args) const {
  const auto y = args.outputs[0].as<std::int64_t>();
  visit_dtype(args.inputs[0].dtype, [&]<typename T>(T) {
    const auto sorted = args.inputs[0].as<const T>();
    const auto values = args.inputs[1].as<const T>();
    for (std::size_t i = 0; i < y.size(); ++i) {
      const auto place = right ? std::upper_bound(sorted.begin(), sorted.end(), values[i], before<T>)
                               : std::lower_bound(sorted.begin(), sorted.end(), values[i], before<T>);
      y[i] = place - sorted.begin();
    }
  });
}

Value sort(const Operand& x, std::int64_t axis, bool descending) {
  return apply_all(Sort{.axis = axis, .descending = descending}, {x})[0];
}
Value argsort(const Operand& x, std::int64_t axis, bool descending) {
  return apply_all(Sort{.axis = axis, .descending = descending}, {x})[1];
}
Sorted top_k(const Operand& x, const Dim& k, std::int64_t axis, bool largest) {
  const auto both = apply_all(TopK{.k = k, .axis = axis, .largest = largest}, {x});
  return {.values = both[0], .indices = both[1]};
}
Value searchsorted(const Operand& sorted, const Operand& values, bool right) {
  return apply(SearchSorted{right}, sorted, values);
}

template detail::Model detail::model_of(Sort);
template detail::Model detail::model_of(TopK);
template detail::Model detail::model_of(SearchSorted);

}  // namespace weft
