#pragma once
// Special functions that stay accurate where the formulas that they replace have lost all digits. Floats;
// ulps as in elementwise.h.

#include "weft/ops/special.h"

namespace weft {

namespace detail {

/// e^(x^2) erfc(x), by its formula and, beyond, by the asymptotic series.
double scaled_erfc(double x);
long double scaled_erfc(long double x);
/// ln Phi(x), with Phi the normal distribution function.
double log_of_normal(double x);
long double log_of_normal(long double x);

}  // namespace detail

struct ErfcxFunction {  // y = e^(x^2) erfc(x), within 1 ulp; dx = dy (2 x y - 2 / sqrt(pi)), which loses
                        // digits as 1 / x^2
  static constexpr std::string_view name = "erfcx";
  template <std::floating_point T>
  static T of(T x) {
    return static_cast<T>(detail::scaled_erfc(static_cast<detail::Wide<T>>(x)));
  }
  static Value gradient(Value x, Value y, Value dy);
};
using Erfcx = FloatFunction<ErfcxFunction>;

struct LogNdtrFunction {  // y = ln Phi(x), within 1 ulp; dx = dy sqrt(2 / pi) / erfcx(-x / sqrt(2))
  static constexpr std::string_view name = "log_ndtr";
  template <std::floating_point T>
  static T of(T x) {
    return static_cast<T>(detail::log_of_normal(static_cast<detail::Wide<T>>(x)));
  }
  static Value gradient(Value x, Value y, Value dy);
};
using LogNdtr = FloatFunction<LogNdtrFunction>;

struct Xlog1pyFunction {  // y = a ln(1 + b), and 0 where a is 0 whatever b is but a NaN, within 9 ulp
  static constexpr std::string_view name = "xlog1py";
  static constexpr bool commutative = false;
  template <std::floating_point T>
  static T of(T a, T b) {
    return a == T{0} && b == b ? T{0} : a * std::log1p(b);
  }
  static std::array<Value, 2> gradient(Value a, Value b, Value y, Value dy);
};
using Xlog1py = FloatFunction2<Xlog1pyFunction>;

/// The scaled complementary error function: it falls like 1 / (x sqrt(pi)) and is infinite far below 0.
Value erfcx(const Operand& x);
/// The logarithm of the normal distribution function, as SciPy's: the log-likelihood of probit models.
Value log_ndtr(const Operand& x);
/// a ln(1 + b); the gradient is 0 where a is 0 and the logarithm is infinite.
Value xlog1py(const Operand& a, const Operand& b);

// Compiled once, in tails.cpp.
extern template detail::Model detail::model_of(Erfcx);
extern template detail::Model detail::model_of(LogNdtr);
extern template detail::Model detail::model_of(Xlog1py);

}  // namespace weft
