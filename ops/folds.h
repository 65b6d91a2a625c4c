#pragma once
// Reductions beside those of reduce.h, whose axes they share: an empty list means all, negative axes count
// from the end, and with `keep_dims` a reduced axis stays with size 1.

#include "weft/ops/compare.h"
#include "weft/ops/reduce.h"

namespace weft {

struct Min {  // ties share the gradient equally
  static constexpr std::string_view name = "min";
  std::vector<Value> batch(const BatchArgs& args) const;
  Axes axes;
  bool keep_dims = false;
  static constexpr auto attributes = weft::attributes(&Min::axes, &Min::keep_dims);
  TensorType infer(const TensorType& x) const { return reduced_type(x, axes, keep_dims); }
  template <Number T>
  void forward(View<const T> x, View<T> y) const;
  Value gradient(Value x, Value y, Value dy) const;
};

struct Prod {  // dx = dy times the product of the others, which a zero does not spoil
  static constexpr std::string_view name = "prod";
  Axes axes;
  bool keep_dims = false;
  static constexpr auto attributes = weft::attributes(&Prod::axes, &Prod::keep_dims);
  TensorType infer(const TensorType& x) const { return reduced_type(x, axes, keep_dims); }
  template <Number T>
  void forward(View<const T> x, View<T> y) const;
  Value gradient(Value x, Value y, Value dy) const;
  std::vector<Value> batch(const BatchArgs& args) const;
};

struct ArgMin {  // the first of equals or, where there is one, of NaNs, as in min; i64
  static constexpr std::string_view name = "argmin";
  std::int64_t axis = -1;
  static constexpr auto attributes = weft::attributes(&ArgMin::axis);
  TensorType infer(const TensorType& x) const { return ArgMax{axis}.infer(x); }
  template <Number T>
  void forward(View<const T> x, View<std::int64_t> y) const;
  static constexpr NoGradient gradient{"it is piecewise constant"};
  std::vector<Value> batch(const BatchArgs& args) const;
};

/// A reduction of bools that starts from F::kNone.
template <typename F>
struct BoolFold {
  static constexpr std::string_view name = F::name;
  Axes axes;
  bool keep_dims = false;
  static constexpr auto attributes = weft::attributes(&BoolFold::axes, &BoolFold::keep_dims);
  TensorType infer(const TensorType& x) const { return reduced_type(x, axes, keep_dims); }
  template <std::same_as<bool> T>
  void forward(View<const T> x, View<T> y) const {
    std::ranges::fill(y.data, F::kNone);
    for_each_reduced(x.sizes, axes, [&](std::size_t in, std::size_t out) { y[out] = F::of(y[out], x[in]); });
  }
  static constexpr NoGradient gradient = kPiecewiseConstant;
  std::vector<Value> batch(const BatchArgs& args) const;
};

struct AnyFold {
  static constexpr std::string_view name = "any";
  static constexpr bool kNone = false;
  static bool of(bool a, bool b) { return a || b; }
};
struct AllFold {
  static constexpr std::string_view name = "all";
  static constexpr bool kNone = true;
  static bool of(bool a, bool b) { return a && b; }
};
using Any = BoolFold<AnyFold>;
using All = BoolFold<AllFold>;

/// The smallest element, of any numbers; a NaN wins. Of no elements the largest number.
Value min(const Operand& x, const Axes& axes = {}, bool keep_dims = false);
/// The product; of no elements 1. Floats are multiplied in f64; integers wrap around. The gradient of an
/// element is the product of the others by products of those before and after it, right where some are 0.
Value prod(const Operand& x, const Axes& axes = {}, bool keep_dims = false);
/// The index of the first smallest element along one axis, i64; the axis goes. A NaN counts as smaller than
/// any number: argmin points at what min gives.
Value argmin(const Operand& x, std::int64_t axis = -1);
/// Whether some, or every, element of a bool tensor is true; of no elements false, and true.
Value any(const Operand& x, const Axes& axes = {}, bool keep_dims = false);
Value all(const Operand& x, const Axes& axes = {}, bool keep_dims = false);

template <Number T>
void Min::forward(View<const T> x, View<T> y) const {
  constexpr T kHighest =
      std::is_floating_point_v<T> ? std::numeric_limits<T>::infinity() : std::numeric_limits<T>::max();
  std::ranges::fill(y.data, kHighest);
  for_each_reduced(x.sizes, axes, [&](std::size_t in, std::size_t out) {
    if (x[in] < y[out] || x[in] != x[in]) y[out] = x[in];
  });
}

template <Number T>
void Prod::forward(View<const T> x, View<T> y) const {
  using Factor = std::conditional_t<std::is_floating_point_v<T>, double, std::uint64_t>;
  std::vector<Factor> products(y.data.size(), Factor{1});
  for_each_reduced(x.sizes, axes,
                   [&](std::size_t in, std::size_t out) { products[out] *= static_cast<Factor>(x[in]); });
  for (std::size_t i = 0; i < products.size(); ++i) y[i] = static_cast<T>(products[i]);
}

template <Number T>
void ArgMin::forward(View<const T> x, View<std::int64_t> y) const {
  find_first_extreme(x, axis, y, std::greater_equal<>{});
}

// Compiled once, in folds.cpp.
extern template detail::Model detail::model_of(Min);
extern template detail::Model detail::model_of(Prod);
extern template detail::Model detail::model_of(ArgMin);
extern template detail::Model detail::model_of(Any);
extern template detail::Model detail::model_of(All);

}  // namespace weft
