#pragma once
// Reductions beside those of reduce.h, whose axes they share: an empty list means all, negative axes count
// from the end, and with `keep_dims` a reduced axis stays with size 1.

#include "weft/ops/axis_walk.h"
#include "weft/ops/compare.h"

namespace weft {

struct Min {  // ties share the gradient equally
  static constexpr std::string_view name = "min";
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
};

struct ArgMin {  // the first of equals or, where there is one, of NaNs, as in min; i64
  static constexpr std::string_view name = "argmin";
  std::int64_t axis = -1;
  static constexpr auto attributes = weft::attributes(&ArgMin::axis);
  TensorType infer(const TensorType& x) const { return ArgMax{axis}.infer(x); }
  template <Number T>
  void forward(View<const T> x, View<std::int64_t> y) const;
  static constexpr NoGradient gradient{"it is piecewise constant"};
};

struct Any {
  static constexpr std::string_view name = "any";
  Axes axes;
  bool keep_dims = false;
  static constexpr auto attributes = weft::attributes(&Any::axes, &Any::keep_dims);
  TensorType infer(const TensorType& x) const { return reduced_type(x, axes, keep_dims); }
  template <std::same_as<bool> T>
  void forward(View<const T> x, View<T> y) const {
    std::ranges::fill(y.data, false);
    for_each_fold(x.sizes, axes, x.data.data(), y.data.data(), [](bool u, bool& all) { all = all || u; });
  }
  static constexpr NoGradient gradient = kPiecewiseConstant;
};

struct All {
  static constexpr std::string_view name = "all";
  Axes axes;
  bool keep_dims = false;
  static constexpr auto attributes = weft::attributes(&All::axes, &All::keep_dims);
  TensorType infer(const TensorType& x) const { return reduced_type(x, axes, keep_dims); }
  template <std::same_as<bool> T>
  void forward(View<const T> x, View<T> y) const {
    std::ranges::fill(y.data, true);
    for_each_fold(x.sizes, axes, x.data.data(), y.data.data(), [](bool u, bool& all) { all = all && u; });
  }
  static constexpr NoGradient gradient = kPiecewiseConstant;
};

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
  for_each_fold(x.sizes, axes, x.data.data(), y.data.data(), [](T u, T& least) {
    if (u < least || u != u) least = u;
  });
}

template <Number T>
void Prod::forward(View<const T> x, View<T> y) const {
  using Factor = std::conditional_t<std::is_floating_point_v<T>, double, std::uint64_t>;
  std::vector<Factor> products(y.data.size(), Factor{1});
  for_each_fold(x.sizes, axes, x.data.data(), products.data(),
                [](T u, Factor& product) { product *= static_cast<Factor>(u); });
  for (std::size_t i = 0; i < products.size(); ++i) y[i] = static_cast<T>(products[i]);
}

template <Number T>
void ArgMin::forward(View<const T> x, View<std::int64_t> y) const {
  const auto [outer, length, inner] = axis_sizes(x.sizes, axis);
  for (std::size_t i = 0; i < y.data.size(); ++i) {
    const T* from = x.data.data() + i / inner * length * inner + i % inner;
    std::size_t best = 0;
    for (std::size_t j = 1; j < length; ++j) {
      const T so_far = from[best * inner];
      if (so_far == so_far && !(from[j * inner] >= so_far)) best = j;
    }
    y[i] = static_cast<std::int64_t>(best);
  }
}

}  // namespace weft
