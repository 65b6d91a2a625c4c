#pragma once
// Rounding, signs, and division that leaves a remainder. Everything here is exact or rounded once. What is
// constant between its steps has the gradient 0 everywhere, at the steps too.

#include "weft/ops/float_function.h"

namespace weft {

/// A function of floats that is constant between its steps.
template <typename F>
struct Steps {  // y = F::of(x); dx = 0
  static constexpr std::string_view name = F::name;
  template <std::floating_point T>
  static T of(T x) {
    return F::of(x);
  }
  static Value gradient(const Value& x, const Value&, const Value&) { return zeros_like(x); }
};
template <typename F>
using StepFunction = FloatFunction<Steps<F>>;

struct FloorFunction {  // the largest whole number that is not above x
  static constexpr std::string_view name = "floor";
  template <std::floating_point T>
  static T of(T x) {
    return std::floor(x);
  }
};
struct CeilFunction {  // the smallest whole number that is not below x
  static constexpr std::string_view name = "ceil";
  template <std::floating_point T>
  static T of(T x) {
    return std::ceil(x);
  }
};
struct RoundFunction {  // the nearest whole number, the even one of two
  static constexpr std::string_view name = "round";
  template <std::floating_point T>
  static T of(T x) {
    return std::nearbyint(x);
  }
};
struct TruncFunction {  // x without its fraction
  static constexpr std::string_view name = "trunc";
  template <std::floating_point T>
  static T of(T x) {
    return std::trunc(x);
  }
};
using Floor = StepFunction<FloorFunction>;
using Ceil = StepFunction<CeilFunction>;
using Round = StepFunction<RoundFunction>;
using Trunc = StepFunction<TruncFunction>;

struct Sign {  // y = -1, 0 or 1; a zero keeps its sign, a NaN stays one
  static constexpr std::string_view name = "sign";
  static constexpr Traits traits{.elementwise = true};
  TensorType infer(const TensorType& x) const { return x; }
  template <Number T>
  void forward(std::span<const T> x, std::span<T> y) const {
    map(x, y, [](T u) {
      if constexpr (std::is_unsigned_v<T>) return static_cast<T>(u > T{0});
      return u > T{0} ? T{1} : u < T{0} ? static_cast<T>(-1) : u;
    });
  }
  Value gradient(Value x, Value, Value) const { return zeros_like(x); }
};

namespace detail {

/// a / b of integers, rounded toward zero, and the remainder: 0 and 0 by 0, as in NumPy; the lowest number by
/// -1 wraps around to itself.
template <std::integral T>
struct Quotient {
  T quotient = 0;
  T remainder = 0;
};
template <std::integral T>
Quotient<T> divide(T a, T b) {
  if (b == T{0}) return {};
  if constexpr (std::is_signed_v<T>) {
    if (b == T{-1}) return {.quotient = wrapping(std::negate<>{})(a), .remainder = 0};
  }
  return {.quotient = static_cast<T>(a / b), .remainder = static_cast<T>(a % b)};
}

template <Number T>
T modulo(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    const T rest = divide(a, b).remainder;
    return rest != T{0} && (rest < T{0}) != (b < T{0}) ? static_cast<T>(rest + b) : rest;
  } else {
    const T rest = std::fmod(a, b);
    if (rest == T{0}) return std::copysign(T{0}, b);
    return (rest < T{0}) != (b < T{0}) ? rest + b : rest;
  }
}

// (a - modulo) / b is whole but for the rounding of the difference.
template <Number T>
T floor_quotient(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    const auto [quotient, remainder] = divide(a, b);
    return remainder != T{0} && (remainder < T{0}) != (b < T{0}) ? static_cast<T>(quotient - 1) : quotient;
  } else {
    if (b == T{0}) return a / b;
    const T rest = std::fmod(a, b);
    T quotient = (a - rest) / b;
    if (rest != T{0} && (rest < T{0}) != (b < T{0})) quotient -= T{1};
    if (quotient == T{0}) return std::copysign(T{0}, a / b);
    const T whole = std::floor(quotient);
    return quotient - whole > T{0.5} ? whole + T{1} : whole;
  }
}

}  // namespace detail

struct Mod {  // y = a - floor(a / b) b; da = dy, db = -dy floor(a / b)
  static constexpr std::string_view name = "mod";
  static constexpr Traits traits{.elementwise = true};
  TensorType infer(const TensorType& a, const TensorType& b) const { return broadcast_type(a, b); }
  template <Number T>
  void forward(std::span<const T> a, std::span<const T> b, std::span<T> y) const {
    map(a, b, y, [](T u, T v) { return detail::modulo(u, v); });
  }
  std::array<Value, 2> gradient(Value a, Value b, Value y, Value dy) const;
};

struct Fmod {  // y = a - trunc(a / b) b; da = dy, db = -dy trunc(a / b)
  static constexpr std::string_view name = "fmod";
  static constexpr Traits traits{.elementwise = true};
  TensorType infer(const TensorType& a, const TensorType& b) const { return broadcast_type(a, b); }
  template <Number T>
  void forward(std::span<const T> a, std::span<const T> b, std::span<T> y) const {
    map(a, b, y, [](T u, T v) {
      if constexpr (std::is_integral_v<T>) return detail::divide(u, v).remainder;
      return static_cast<T>(std::fmod(u, v));
    });
  }
  std::array<Value, 2> gradient(Value a, Value b, Value y, Value dy) const;
};

struct FloorDivide {  // y = floor(a / b)
  static constexpr std::string_view name = "floor_divide";
  static constexpr Traits traits{.elementwise = true};
  TensorType infer(const TensorType& a, const TensorType& b) const { return broadcast_type(a, b); }
  template <Number T>
  void forward(std::span<const T> a, std::span<const T> b, std::span<T> y) const {
    map(a, b, y, [](T u, T v) { return detail::floor_quotient(u, v); });
  }
  std::array<Value, 2> gradient(Value a, Value b, Value y, Value dy) const;
};

struct IntegerDivide {  // y = a / b rounded toward zero
  static constexpr std::string_view name = "integer_divide";
  static constexpr Traits traits{.elementwise = true};
  TensorType infer(const TensorType& a, const TensorType& b) const;
  template <Number T>
    requires std::is_integral_v<T>
  void forward(std::span<const T> a, std::span<const T> b, std::span<T> y) const {
    map(a, b, y, [](T u, T v) { return detail::divide(u, v).quotient; });
  }
  static constexpr NoGradient gradient{"its inputs are integers"};
};

/// These take floats; integers stay as they are. Infinities and NaNs stay too.
Value floor(const Operand& x);
Value ceil(const Operand& x);
/// Halves go to the even neighbour: 0.5 to 0, 1.5 and 2.5 to 2.
Value round(const Operand& x);
Value trunc(const Operand& x);
/// -1, 0 or 1, of any numbers.
Value sign(const Operand& x);

/// The remainder with the sign of b, as Python's and NumPy's `%`: mod(-7, 3) is 2. Operands broadcast. By 0
/// it is NaN, and of integers 0. Exact but where the remainder of the other sign is added to b, rounded once.
Value mod(const Operand& a, const Operand& b);
/// The remainder with the sign of a, as C's: fmod(-7, 3) is -1. Exact. By 0 it is NaN, and of integers 0.
Value fmod(const Operand& a, const Operand& b);
/// a / b rounded down, as Python's `//`; within 2 ulp where the quotient is above 2^24 in f32. By 0 floats
/// give a / 0, and integers 0. The lowest integer by -1 wraps around.
Value floor_divide(const Operand& a, const Operand& b);
/// Integers: a / b rounded toward zero, as in C and ONNX; 0 by 0. The lowest integer by -1 wraps around.
Value integer_divide(const Operand& a, const Operand& b);

// Compiled once, in rounding.cpp.
extern template detail::Model detail::model_of(Floor);
extern template detail::Model detail::model_of(Ceil);
extern template detail::Model detail::model_of(Round);
extern template detail::Model detail::model_of(Trunc);
extern template detail::Model detail::model_of(Sign);
extern template detail::Model detail::model_of(Mod);
extern template detail::Model detail::model_of(Fmod);
extern template detail::Model detail::model_of(FloorDivide);
extern template detail::Model detail::model_of(IntegerDivide);

}  // namespace weft
