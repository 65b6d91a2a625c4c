#pragma once
// The form of an elementwise function of one floating-point number, so that a family of them is a list of
// formulas. `F` has `name`, `of(x)`, the reference, and `gradient(x, y, dy)`.

#include "weft/ops/elementwise.h"

namespace weft {

template <typename F>
struct FloatFunction {  // y = F::of(x)
  static constexpr std::string_view name = F::name;
  static constexpr Traits traits{.elementwise = true};
  TensorType infer(const TensorType& x) const { return float_type(x); }
  template <std::floating_point T>
  void forward(std::span<const T> x, std::span<T> y) const {
    map(x, y, [](T u) { return F::of(u); });
  }
  Value gradient(Value x, Value y, Value dy) const { return F::gradient(x, y, dy); }
};

/// The same of two numbers, which broadcast.
template <typename F>
struct FloatFunction2 {  // y = F::of(a, b)
  static constexpr std::string_view name = F::name;
  static constexpr Traits traits{.elementwise = true, .commutative = F::commutative};
  TensorType infer(const TensorType& a, const TensorType& b) const { return broadcast_type(a, b); }
  template <std::floating_point T>
  void forward(std::span<const T> a, std::span<const T> b, std::span<T> y) const {
    map(a, b, y, [](T u, T v) { return F::of(u, v); });
  }
  std::array<Value, 2> gradient(Value a, Value b, Value y, Value dy) const {
    return F::gradient(a, b, y, dy);
  }
};

/// 0 in the type of x: the gradient of a step function.
Value zeros_like(const Value& x);

}  // namespace weft
