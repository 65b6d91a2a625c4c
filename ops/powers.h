#pragma once
// Powers, roots and logarithms to other bases. Floats; ulps as in elementwise.h.

#include "weft/ops/float_function.h"

namespace weft {

struct Exp2Function {  // y = 2^x, within 2 ulp
  static constexpr std::string_view name = "exp2";
  template <std::floating_point T>
  static T of(T x) {
    return std::exp2(x);
  }
  static Value gradient(Value x, Value y, Value dy);
};
using Exp2 = FloatFunction<Exp2Function>;

struct Log2Function {  // y = log of x to base 2, within 3 ulp; -inf at 0, NaN below
  static constexpr std::string_view name = "log2";
  template <std::floating_point T>
  static T of(T x) {
    return std::log2(x);
  }
  static Value gradient(Value x, Value y, Value dy);
};
using Log2 = FloatFunction<Log2Function>;

struct Log10Function {  // y = log of x to base 10, within 3 ulp; -inf at 0, NaN below
  static constexpr std::string_view name = "log10";
  template <std::floating_point T>
  static T of(T x) {
    return std::log10(x);
  }
  static Value gradient(Value x, Value y, Value dy);
};
using Log10 = FloatFunction<Log10Function>;

struct CbrtFunction {  // y = the cube root of x, of negative ones too, within 3 ulp; an infinite gradient at
                       // 0
  static constexpr std::string_view name = "cbrt";
  template <std::floating_point T>
  static T of(T x) {
    return std::cbrt(x);
  }
  static Value gradient(Value x, Value y, Value dy);
};
using Cbrt = FloatFunction<CbrtFunction>;

struct HypotFunction {  // y = sqrt(a^2 + b^2) without overflow on the way, within 2 ulp; the gradient at 0 is
                        // 0
  static constexpr std::string_view name = "hypot";
  static constexpr bool commutative = true;
  template <std::floating_point T>
  static T of(T a, T b) {
    return std::hypot(a, b);
  }
  static std::array<Value, 2> gradient(Value a, Value b, Value y, Value dy);
};
using Hypot = FloatFunction2<HypotFunction>;

Value exp2(const Operand& x);
Value log2(const Operand& x);
Value log10(const Operand& x);
Value cbrt(const Operand& x);
/// sqrt(a^2 + b^2); infinite where one of them is, even beside a NaN.
Value hypot(const Operand& a, const Operand& b);
/// 1 / x, rounded once; infinite at 0, with the sign of x.
Value reciprocal(const Operand& x);
/// 1 / sqrt(x), within 1 ulp; infinite at 0, NaN below.
Value rsqrt(const Operand& x);

// Compiled once, in powers.cpp.
extern template detail::Model detail::model_of(Exp2);
extern template detail::Model detail::model_of(Log2);
extern template detail::Model detail::model_of(Log10);
extern template detail::Model detail::model_of(Cbrt);
extern template detail::Model detail::model_of(Hypot);

}  // namespace weft
