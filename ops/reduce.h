#pragma once
// Reductions over axes. An empty list of axes means all of them; negative axes count from the end. With
// `keep_dims` a reduced axis stays with size 1.

#include <functional>
#include <initializer_list>
#include <limits>

#include "weft/ops/axis_walk.h"

namespace weft {

/// The type after reducing `axes` (normalized here).
TensorType reduced_type(const TensorType& x, const Axes& axes, bool keep_dims);

/// A reduced value beside what it was reduced from: its axes given back with size 1, and repeated along them.
Value spread(const Value& reduced, const Value& x, const Axes& axes);

struct Sum {
  static constexpr std::string_view name = "sum";
  Axes axes;
  bool keep_dims = false;
  static constexpr auto attributes = weft::attributes(&Sum::axes, &Sum::keep_dims);
  TensorType infer(const TensorType& x) const;
  template <Number T>
  void forward(View<const T> x, View<T> y) const;
  Value gradient(Value x, Value y, Value dy) const;
  std::vector<Value> batch(const BatchArgs& args) const;
  Value simplify(std::span<const Value> inputs) const;
  Value stabilize(std::span<const Value> inputs) const;
};

/// sum(x) / n over axes, also where the sum alone does not fit the dtype; of no elements a NaN.
struct Mean {
  static constexpr std::string_view name = "mean";
  Axes axes;
  bool keep_dims = false;
  static constexpr auto attributes = weft::attributes(&Mean::axes, &Mean::keep_dims);
  TensorType infer(const TensorType& x) const { return reduced_type(float_type(x), axes, keep_dims); }
  template <std::floating_point T>
  void forward(View<const T> x, View<T> y) const;
  Value gradient(Value x, Value y, Value dy) const;
  std::vector<Value> batch(const BatchArgs& args) const;
  Value simplify(std::span<const Value> inputs) const;
};

struct Max {  // ties share the gradient equally
  static constexpr std::string_view name = "max";
  std::vector<Value> batch(const BatchArgs& args) const;
  Axes axes;
  bool keep_dims = false;
  static constexpr auto attributes = weft::attributes(&Max::axes, &Max::keep_dims);
  TensorType infer(const TensorType& x) const { return reduced_type(x, axes, keep_dims); }
  template <Number T>
  void forward(View<const T> x, View<T> y) const;
  Value gradient(Value x, Value y, Value dy) const;
};

struct ArgMax {  // the index, i64, of the first of equal elements, or of the first NaN if there is one
  static constexpr std::string_view name = "argmax";
  std::int64_t axis = -1;
  static constexpr auto attributes = weft::attributes(&ArgMax::axis);
  TensorType infer(const TensorType& x) const;
  template <Number T>
  void forward(View<const T> x, View<std::int64_t> y) const;
  static constexpr NoGradient gradient{"it is piecewise constant"};
  std::vector<Value> batch(const BatchArgs& args) const;
};

struct Count {  // how many elements a reduction over `axes` adds to one; becomes a constant with the
                // shape
  static constexpr std::string_view name = "count";
  Axes axes;
  DType dtype = DType::f32;
  static constexpr auto attributes = weft::attributes(&Count::axes, &Count::dtype);
  TensorType infer(const TensorType&) const { return {dtype, Shape{}}; }
  void forward(const KernelArgs& args) const;
  Value gradient(Value, Value, Value) const { return {}; }  // depends on the shape alone
  std::vector<Value> batch(const BatchArgs& args) const;
  Value simplify(std::span<const Value> inputs) const;
};

/// Sums in the dtype of x; integers wrap around. Floats are added in f64, except that sums over leading axes
/// of at most 256 rows may be added in f32 in blocks of 16. There the error of an f32 element is at most 33 *
/// 2^-24 of the sum of absolute values; elsewhere it is one rounding. A sum of zeros is 0 and never -0.
Value sum(const Operand& x, const Axes& axes = {}, bool keep_dims = false);
/// The sum of floats divided by the number of elements, which may depend on symbols. The sum itself
/// has room where it would overflow the dtype; its accuracy is that of sum().
Value mean(const Operand& x, const Axes& axes = {}, bool keep_dims = false);
/// The largest element; without elements, the lowest number.
Value max(const Operand& x, const Axes& axes = {}, bool keep_dims = false);
/// The index of the first largest element along one axis, i64; the result lacks that axis. A NaN counts as
/// larger than any number, so that argmax is the index of max.
Value argmax(const Operand& x, std::int64_t axis = -1);

template <Number T>
void Sum::forward(View<const T> x, View<T> y) const {
  using Wide = std::conditional_t<std::is_floating_point_v<T>, double, std::uint64_t>;
  std::vector<Wide> sums(y.data.size(), Wide{0});
  for_each_reduced(x.sizes, axes,
                   [&](std::size_t in, std::size_t out) { sums[out] += static_cast<Wide>(x[in]); });
  for (std::size_t i = 0; i < sums.size(); ++i) y[i] = static_cast<T>(sums[i]);
}

template <std::floating_point T>
void Mean::forward(View<const T> x, View<T> y) const {
  using Wider = std::conditional_t<std::is_same_v<T, float>, double, long double>;
  std::vector<Wider> sums(y.data.size(), Wider{0});
  for_each_reduced(x.sizes, axes,
                   [&](std::size_t in, std::size_t out) { sums[out] += static_cast<Wider>(x[in]); });
  const auto count = static_cast<Wider>(sums.empty() ? 0 : x.data.size() / sums.size());
  for (std::size_t i = 0; i < sums.size(); ++i) y[i] = static_cast<T>(sums[i] / count);
}

template <Number T>
void Max::forward(View<const T> x, View<T> y) const {
  constexpr T kLowest =
      std::is_floating_point_v<T> ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::lowest();
  std::ranges::fill(y.data, kLowest);
  for_each_reduced(x.sizes, axes, [&](std::size_t in, std::size_t out) {
    if (x[in] > y[out] || x[in] != x[in]) y[out] = x[in];
  });
}

template <Number T>
void ArgMax::forward(View<const T> x, View<std::int64_t> y) const {
  find_first_extreme(x, axis, y, std::less_equal<>{});
}

// Compiled once, in reduce.cpp.
extern template detail::Model detail::model_of(Sum);
extern template detail::Model detail::model_of(Mean);
extern template detail::Model detail::model_of(Max);
extern template detail::Model detail::model_of(ArgMax);
extern template detail::Model detail::model_of(Count);

}  // namespace weft
