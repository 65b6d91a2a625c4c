#pragma once
// Elementwise arithmetic. Inputs broadcast as in NumPy and share one dtype; a plain number beside a tensor
// takes the tensor's dtype. Errors: shape_mismatch, dtype_mismatch. The ops' stabilize() is in stabilize.cpp.
//
// "Within n ulp" says how far an f32 result, of the reference or of a fast kernel, may be from the exact
// value of the formula, in units in the last place of the result; an f64 result of such an op may be 4 ulp
// away, unless its note says otherwise. Ops without such a note round correctly. Gradient rules are made of
// these ops. The gradient of an element that an op did not choose is 0, whatever the derivative would be
// there.

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>

#include "weft/graph/graph.h"

namespace weft {

/// The type of a function of equally typed, broadcasting inputs.
TensorType broadcast_type(const TensorType& a, const TensorType& b);
/// The type of a comparison: the same shape, bool.
TensorType predicate_type(const TensorType& a, const TensorType& b);
/// The type itself, if it is floating point.
TensorType float_type(const TensorType& x);

template <typename T>
concept Number = Element<T> && !std::is_same_v<T, bool> && !HalfFloat<T>;
template <typename T>
concept SignedNumber = Number<T> && std::is_signed_v<T>;

template <typename T, typename U, typename F>
void map(std::span<const T> x, std::span<U> y, F f) {
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = static_cast<U>(f(x[i]));
}
template <typename T, typename U, typename F>
void map(std::span<const T> a, std::span<const T> b, std::span<U> y, F f) {
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = static_cast<U>(f(a[i], b[i]));
}

/// `f`, except that integers wrap around on overflow, as in NumPy.
template <typename F>
auto wrapping(F f) {
  return [f]<typename T, typename... Rest>(T x, Rest... rest) {
    if constexpr (std::is_integral_v<T>) {
      // Shorter integers would be promoted to int, whose overflow is undefined.
      using Modular = std::common_type_t<std::make_unsigned_t<T>, unsigned>;
      return static_cast<T>(f(static_cast<Modular>(x), static_cast<Modular>(rest)...));
    } else {
      return f(x, rest...);
    }
  };
}

struct Add {  // y = a + b
  static constexpr std::string_view name = "add";
  static constexpr Traits traits{.elementwise = true, .commutative = true};
  TensorType infer(const TensorType& a, const TensorType& b) const { return broadcast_type(a, b); }
  template <Number T>
  void forward(std::span<const T> a, std::span<const T> b, std::span<T> y) const {
    map(a, b, y, wrapping(std::plus<>{}));
  }
  std::array<Value, 2> gradient(Value a, Value b, Value y, Value dy) const;
  Value simplify(std::span<const Value> inputs) const;
  Value stabilize(std::span<const Value> inputs) const;
};

struct Sub {  // y = a - b
  static constexpr std::string_view name = "sub";
  static constexpr Traits traits{.elementwise = true};
  TensorType infer(const TensorType& a, const TensorType& b) const { return broadcast_type(a, b); }
  template <Number T>
  void forward(std::span<const T> a, std::span<const T> b, std::span<T> y) const {
    map(a, b, y, wrapping(std::minus<>{}));
  }
  std::array<Value, 2> gradient(Value a, Value b, Value y, Value dy) const;
  Value simplify(std::span<const Value> inputs) const;
  Value stabilize(std::span<const Value> inputs) const;
};

struct Mul {  // y = a * b
  static constexpr std::string_view name = "mul";
  static constexpr Traits traits{.elementwise = true, .commutative = true};
  TensorType infer(const TensorType& a, const TensorType& b) const { return broadcast_type(a, b); }
  template <Number T>
  void forward(std::span<const T> a, std::span<const T> b, std::span<T> y) const {
    map(a, b, y, wrapping(std::multiplies<>{}));
  }
  std::array<Value, 2> gradient(Value a, Value b, Value y, Value dy) const;
  Value simplify(std::span<const Value> inputs) const;
  Value stabilize(std::span<const Value> inputs) const;
};

struct Div {  // y = a / b
  static constexpr std::string_view name = "div";
  static constexpr Traits traits{.elementwise = true};
  TensorType infer(const TensorType& a, const TensorType& b) const { return broadcast_type(a, b); }
  template <std::floating_point T>
  void forward(std::span<const T> a, std::span<const T> b, std::span<T> y) const {
    map(a, b, y, std::divides<>{});
  }
  std::array<Value, 2> gradient(Value a, Value b, Value y, Value dy) const;
  Value simplify(std::span<const Value> inputs) const;
  Value stabilize(std::span<const Value> inputs) const;
};

struct Pow {  // y = a ^ b, within 1 ulp
  static constexpr std::string_view name = "pow";
  static constexpr Traits traits{.elementwise = true};
  TensorType infer(const TensorType& a, const TensorType& b) const { return broadcast_type(a, b); }
  template <std::floating_point T>
  void forward(std::span<const T> a, std::span<const T> b, std::span<T> y) const {
    map(a, b, y, [](T u, T v) { return std::pow(u, v); });
  }
  std::array<Value, 2> gradient(Value a, Value b, Value y, Value dy) const;
  Value simplify(std::span<const Value> inputs) const;
  Value stabilize(std::span<const Value> inputs) const;
};

struct Minimum {  // y = min(a, b); a tie's gradient goes to a
  static constexpr std::string_view name = "minimum";
  static constexpr Traits traits{.elementwise = true};
  TensorType infer(const TensorType& a, const TensorType& b) const { return broadcast_type(a, b); }
  template <Number T>
  void forward(std::span<const T> a, std::span<const T> b, std::span<T> y) const {
    map(a, b, y, [](T u, T v) { return u <= v || u != u ? u : v; });
  }
  std::array<Value, 2> gradient(Value a, Value b, Value y, Value dy) const;
};

struct Maximum {  // y = max(a, b); a tie's gradient goes to a
  static constexpr std::string_view name = "maximum";
  static constexpr Traits traits{.elementwise = true};
  TensorType infer(const TensorType& a, const TensorType& b) const { return broadcast_type(a, b); }
  template <Number T>
  void forward(std::span<const T> a, std::span<const T> b, std::span<T> y) const {
    map(a, b, y, [](T u, T v) { return u >= v || u != u ? u : v; });
  }
  std::array<Value, 2> gradient(Value a, Value b, Value y, Value dy) const;
};

struct Neg {  // y = -x
  static constexpr std::string_view name = "neg";
  static constexpr Traits traits{.elementwise = true};
  TensorType infer(const TensorType& x) const { return x; }
  template <SignedNumber T>
  void forward(std::span<const T> x, std::span<T> y) const {
    map(x, y, wrapping(std::negate<>{}));
  }
  Value gradient(Value x, Value y, Value dy) const;
  Value simplify(std::span<const Value> inputs) const;
};

struct Square {  // y = x * x
  static constexpr std::string_view name = "square";
  static constexpr Traits traits{.elementwise = true};
  TensorType infer(const TensorType& x) const { return x; }
  template <Number T>
  void forward(std::span<const T> x, std::span<T> y) const {
    map(x, y, wrapping([](auto u) { return u * u; }));
  }
  Value gradient(Value x, Value y, Value dy) const;
};

struct Sqrt {  // y = sqrt(x); the gradient at 0 is infinite, but 0 where x is a sum of squares
  static constexpr std::string_view name = "sqrt";
  static constexpr Traits traits{.elementwise = true};
  TensorType infer(const TensorType& x) const { return float_type(x); }
  template <std::floating_point T>
  void forward(std::span<const T> x, std::span<T> y) const {
    map(x, y, [](T u) { return std::sqrt(u); });
  }
  Value gradient(Value x, Value y, Value dy) const;
  Value stabilize(std::span<const Value> inputs) const;
};

struct Exp {  // y = e^x, within 3 ulp
  static constexpr std::string_view name = "exp";
  static constexpr Traits traits{.elementwise = true};
  TensorType infer(const TensorType& x) const { return float_type(x); }
  template <std::floating_point T>
  void forward(std::span<const T> x, std::span<T> y) const {
    map(x, y, [](T u) { return std::exp(u); });
  }
  Value gradient(Value x, Value y, Value dy) const;
};

struct Log {  // y = ln x, within 4 ulp
  static constexpr std::string_view name = "log";
  static constexpr Traits traits{.elementwise = true};
  TensorType infer(const TensorType& x) const { return float_type(x); }
  template <std::floating_point T>
  void forward(std::span<const T> x, std::span<T> y) const {
    map(x, y, [](T u) { return std::log(u); });
  }
  Value gradient(Value x, Value y, Value dy) const;
  Value stabilize(std::span<const Value> inputs) const;
};

struct Abs {  // y = |x|; the gradient at 0 is 0
  static constexpr std::string_view name = "abs";
  static constexpr Traits traits{.elementwise = true};
  TensorType infer(const TensorType& x) const { return x; }
  template <SignedNumber T>
  void forward(std::span<const T> x, std::span<T> y) const {
    map(x, y, [](T u) {
      if constexpr (std::is_integral_v<T>) return u < 0 ? wrapping(std::negate<>{})(u) : u;
      return static_cast<T>(std::abs(u));
    });
  }
  Value gradient(Value x, Value y, Value dy) const;
};

struct Erf {  // y = 2 / sqrt(pi) * integral of exp(-t^2) from 0 to x, within 5 ulp
  static constexpr std::string_view name = "erf";
  static constexpr Traits traits{.elementwise = true};
  TensorType infer(const TensorType& x) const { return float_type(x); }
  template <std::floating_point T>
  void forward(std::span<const T> x, std::span<T> y) const {
    map(x, y, [](T u) { return std::erf(u); });
  }
  Value gradient(Value x, Value y, Value dy) const;
};

struct Clip {  // y = min(max(x, low), high); the gradient at the bounds passes
  static constexpr std::string_view name = "clip";
  static constexpr Traits traits{.elementwise = true};
  double low = 0.0;
  double high = 1.0;
  static constexpr auto attributes = weft::attributes(&Clip::low, &Clip::high);
  TensorType infer(const TensorType& x) const;
  template <std::floating_point T>
  void forward(std::span<const T> x, std::span<T> y) const {
    map(x, y, [this](T u) {
      return u < static_cast<T>(low)    ? static_cast<T>(low)
             : u > static_cast<T>(high) ? static_cast<T>(high)
                                        : u;
    });
  }
  Value gradient(Value x, Value y, Value dy) const;
};

struct Cast {  // y = x in another dtype; see cast()
  static constexpr std::string_view name = "cast";
  static constexpr Traits traits{.elementwise = true};
  DType to = DType::f32;
  static constexpr auto attributes = weft::attributes(&Cast::to);
  TensorType infer(const TensorType& x) const { return {to, x.shape}; }
  void forward(const KernelArgs& args) const;
  Value gradient(Value x, Value y, Value dy) const;
  Value simplify(std::span<const Value> inputs) const;
};

struct Select {  // y = condition ? a : b
  static constexpr std::string_view name = "where";
  static constexpr Traits traits{.elementwise = true};
  TensorType infer(const TensorType& condition, const TensorType& a, const TensorType& b) const;
  void forward(const KernelArgs& args) const;
  std::array<Value, 3> gradient(Value condition, Value a, Value b, Value y, Value dy) const;
};

/// a + b, and so on for the others below.
Value add(const Operand& a, const Operand& b);
Value sub(const Operand& a, const Operand& b);
Value mul(const Operand& a, const Operand& b);
/// a / b, floating point only.
Value div(const Operand& a, const Operand& b);
/// a to the power of b, floating point only. The gradient with respect to b is defined where a > 0.
Value pow(const Operand& a, const Operand& b);
Value minimum(const Operand& a, const Operand& b);
Value maximum(const Operand& a, const Operand& b);
Value neg(const Operand& x);
Value square(const Operand& x);
Value sqrt(const Operand& x);
Value exp(const Operand& x);
/// The natural logarithm.
Value log(const Operand& x);
Value abs(const Operand& x);
/// The Gauss error function.
Value erf(const Operand& x);
/// x limited to [low, high], floating point.
Value clip(const Operand& x, double low, double high);
/// x in another dtype. Floats become integers toward zero and within the integer's range, NaN becomes 0;
/// integers keep their low bits; to bool: x != 0. To f16 and bf16 every number is rounded once, to nearest,
/// ties to even. The gradient with respect to a value of these is f32.
Value cast(const Operand& x, DType to);
/// Elementwise `condition ? a : b` of a bool and two tensors of one dtype.
Value where(const Operand& condition, const Operand& a, const Operand& b);

inline Value operator+(const Operand& a, const Operand& b) { return add(a, b); }
inline Value operator-(const Operand& a, const Operand& b) { return sub(a, b); }
inline Value operator*(const Operand& a, const Operand& b) { return mul(a, b); }
inline Value operator/(const Operand& a, const Operand& b) { return div(a, b); }
inline Value operator-(const Operand& x) { return neg(x); }

// Compiled once, in elementwise.cpp.
extern template detail::Model detail::model_of(Add);
extern template detail::Model detail::model_of(Sub);
extern template detail::Model detail::model_of(Mul);
extern template detail::Model detail::model_of(Div);
extern template detail::Model detail::model_of(Pow);
extern template detail::Model detail::model_of(Minimum);
extern template detail::Model detail::model_of(Maximum);
extern template detail::Model detail::model_of(Neg);
extern template detail::Model detail::model_of(Square);
extern template detail::Model detail::model_of(Sqrt);
extern template detail::Model detail::model_of(Exp);
extern template detail::Model detail::model_of(Log);
extern template detail::Model detail::model_of(Abs);
extern template detail::Model detail::model_of(Erf);
extern template detail::Model detail::model_of(Clip);
extern template detail::Model detail::model_of(Cast);
extern template detail::Model detail::model_of(Select);

}  // namespace weft
