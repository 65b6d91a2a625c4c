#pragma once
// Trigonometric and hyperbolic functions and their inverses, of floats, in radians. An infinite x gives what
// the limit is, or NaN where there is none. Ulps as in elementwise.h.

#include "weft/ops/float_function.h"

namespace weft {

struct SinFunction {  // y = sin x, within 3 ulp at any x, however large
  static constexpr std::string_view name = "sin";
  template <std::floating_point T>
  static T of(T x) {
    return std::sin(x);
  }
  static Value gradient(Value x, Value y, Value dy);
};
using Sin = FloatFunction<SinFunction>;

struct CosFunction {  // y = cos x, within 3 ulp at any x, however large
  static constexpr std::string_view name = "cos";
  template <std::floating_point T>
  static T of(T x) {
    return std::cos(x);
  }
  static Value gradient(Value x, Value y, Value dy);
};
using Cos = FloatFunction<CosFunction>;

struct TanFunction {  // y = tan x, within 4 ulp; dx = dy (1 + y^2)
  static constexpr std::string_view name = "tan";
  template <std::floating_point T>
  static T of(T x) {
    return std::tan(x);
  }
  static Value gradient(Value x, Value y, Value dy);
};
using Tan = FloatFunction<TanFunction>;

struct AsinFunction {  // y = arcsin x, within 4 ulp; NaN beyond [-1, 1]; an infinite gradient at its ends
  static constexpr std::string_view name = "asin";
  template <std::floating_point T>
  static T of(T x) {
    return std::asin(x);
  }
  static Value gradient(Value x, Value y, Value dy);
};
using Asin = FloatFunction<AsinFunction>;

struct AcosFunction {  // y = arccos x, within 3 ulp; NaN beyond [-1, 1]; an infinite gradient at its ends
  static constexpr std::string_view name = "acos";
  template <std::floating_point T>
  static T of(T x) {
    return std::acos(x);
  }
  static Value gradient(Value x, Value y, Value dy);
};
using Acos = FloatFunction<AcosFunction>;

struct AtanFunction {  // y = arctan x, within 3 ulp; dx = dy / (1 + x^2)
  static constexpr std::string_view name = "atan";
  template <std::floating_point T>
  static T of(T x) {
    return std::atan(x);
  }
  static Value gradient(Value x, Value y, Value dy);
};
using Atan = FloatFunction<AtanFunction>;

struct SinhFunction {  // y = (e^x - e^-x) / 2, within 3 ulp
  static constexpr std::string_view name = "sinh";
  template <std::floating_point T>
  static T of(T x) {
    return std::sinh(x);
  }
  static Value gradient(Value x, Value y, Value dy);
};
using Sinh = FloatFunction<SinhFunction>;

struct CoshFunction {  // y = (e^x + e^-x) / 2, within 3 ulp
  static constexpr std::string_view name = "cosh";
  template <std::floating_point T>
  static T of(T x) {
    return std::cosh(x);
  }
  static Value gradient(Value x, Value y, Value dy);
};
using Cosh = FloatFunction<CoshFunction>;

struct AsinhFunction {  // y = ln(x + sqrt(x^2 + 1)), within 3 ulp; dx = dy / sqrt(x^2 + 1)
  static constexpr std::string_view name = "asinh";
  template <std::floating_point T>
  static T of(T x) {
    return std::asinh(x);
  }
  static Value gradient(Value x, Value y, Value dy);
};
using Asinh = FloatFunction<AsinhFunction>;

struct AcoshFunction {  // y = ln(x + sqrt(x^2 - 1)), within 3 ulp; NaN below 1; an infinite gradient at 1
  static constexpr std::string_view name = "acosh";
  template <std::floating_point T>
  static T of(T x) {
    return std::acosh(x);
  }
  static Value gradient(Value x, Value y, Value dy);
};
using Acosh = FloatFunction<AcoshFunction>;

struct AtanhFunction {  // y = ln((1 + x) / (1 - x)) / 2, within 3 ulp; infinite at -1 and 1, NaN beyond
  static constexpr std::string_view name = "atanh";
  template <std::floating_point T>
  static T of(T x) {
    return std::atanh(x);
  }
  static Value gradient(Value x, Value y, Value dy);
};
using Atanh = FloatFunction<AtanhFunction>;

/// The angle of the point (x, y), in [-pi, pi], by the signs of both, as C's atan2: of (-0, -1) it is -pi.
struct Atan2Function {  // within 3 ulp; the gradient at (0, 0) is 0
  static constexpr std::string_view name = "atan2";
  static constexpr bool commutative = false;
  template <std::floating_point T>
  static T of(T y, T x) {
    return std::atan2(y, x);
  }
  static std::array<Value, 2> gradient(Value y, Value x, Value angle, Value dangle);
};
using Atan2 = FloatFunction2<Atan2Function>;

Value sin(const Operand& x);
Value cos(const Operand& x);
Value tan(const Operand& x);
Value asin(const Operand& x);
Value acos(const Operand& x);
Value atan(const Operand& x);
Value sinh(const Operand& x);
Value cosh(const Operand& x);
Value asinh(const Operand& x);
Value acosh(const Operand& x);
Value atanh(const Operand& x);
/// The angle of the point (x, y); the operands broadcast.
Value atan2(const Operand& y, const Operand& x);

// Compiled once, in trigonometry.cpp.
extern template detail::Model detail::model_of(Sin);
extern template detail::Model detail::model_of(Cos);
extern template detail::Model detail::model_of(Tan);
extern template detail::Model detail::model_of(Asin);
extern template detail::Model detail::model_of(Acos);
extern template detail::Model detail::model_of(Atan);
extern template detail::Model detail::model_of(Sinh);
extern template detail::Model detail::model_of(Cosh);
extern template detail::Model detail::model_of(Asinh);
extern template detail::Model detail::model_of(Acosh);
extern template detail::Model detail::model_of(Atanh);
extern template detail::Model detail::model_of(Atan2);

}  // namespace weft
