#pragma once
// Special functions, and sums and products with logarithms that stay finite. Floats; ulps as in
// elementwise.h.

#include "weft/ops/float_function.h"

namespace weft {

namespace detail {

/// ln |Gamma(x)|; the C library's function of this name also writes a variable that all threads share.
double log_gamma(double x);
long double log_gamma(long double x);
/// The derivative of ln Gamma(x): upwards by psi(x) = psi(x + 1) - 1 / x, then Stirling's series (Bernardo
/// 1976); below 0 by reflection.
double digamma(double x);
long double digamma(long double x);
/// Its derivative of order n >= 1: (-1)^(n+1) n! zeta(n + 1, x) by Euler's and Maclaurin's sum; below 0 by
/// reflection.
double polygamma(int n, double x);
long double polygamma(int n, long double x);
/// Wichura's rational functions for the normal quantile (AS 241, 1988), in long double with a Newton step
/// more.
double inverse_erf(double x);
long double inverse_erf(long double x);

/// The type to compute in so that a result of type T is rounded about once.
template <std::floating_point T>
using Wide = std::conditional_t<std::is_same_v<T, float>, double, long double>;

}  // namespace detail

struct ErfcFunction {  // y = 1 - erf x, which keeps its digits where x is large, within 4 ulp
  static constexpr std::string_view name = "erfc";
  template <std::floating_point T>
  static T of(T x) {
    return std::erfc(x);
  }
  static Value gradient(Value x, Value y, Value dy);
};
using Erfc = FloatFunction<ErfcFunction>;

struct ErfinvFunction {  // the x of which erf is this, within 1 ulp; infinite at -1 and 1, NaN beyond
  static constexpr std::string_view name = "erfinv";
  template <std::floating_point T>
  static T of(T x) {
    return static_cast<T>(detail::inverse_erf(static_cast<detail::Wide<T>>(x)));
  }
  static Value gradient(Value x, Value y, Value dy);
};
using Erfinv = FloatFunction<ErfinvFunction>;

struct GaussFunction {  // y = e^(-x^2), within 4 ulp: the rounding of the square is made good
  static constexpr std::string_view name = "gauss";
  template <std::floating_point T>
  static T of(T x) {
    if constexpr (std::is_same_v<T, float>) {
      const auto wide = static_cast<double>(x);
      return static_cast<float>(std::exp(-wide * wide));
    } else {
      // What the square loses is found by Dekker's product and corrects the exponential.
      constexpr T kFar = 1e3;  // beyond, y is 0
      constexpr T kHalves = 0x1p27 + 1;
      const T near = x > kFar ? kFar : x < -kFar ? -kFar : x;
      const T squared = near * near;
      const T high = kHalves * near - (kHalves * near - near);
      const T low = near - high;
      const T y = std::exp(-squared);
      return y - y * ((high * high - squared + 2 * high * low) + low * low);
    }
  }
  static Value gradient(Value x, Value y, Value dy);
};
using Gauss = FloatFunction<GaussFunction>;

struct LgammaFunction {  // y = ln |Gamma(x)|, within 1 ulp; infinite at 0 and below at whole numbers
  static constexpr std::string_view name = "lgamma";
  template <std::floating_point T>
  static T of(T x) {
    return static_cast<T>(detail::log_gamma(static_cast<detail::Wide<T>>(x)));
  }
  static Value gradient(Value x, Value y, Value dy);
};
using Lgamma = FloatFunction<LgammaFunction>;

struct DigammaFunction {  // y = Gamma'(x) / Gamma(x), within 1 ulp; infinite at 0, NaN below at whole numbers
  static constexpr std::string_view name = "digamma";
  template <std::floating_point T>
  static T of(T x) {
    return static_cast<T>(detail::digamma(static_cast<detail::Wide<T>>(x)));
  }
  static Value gradient(Value x, Value y, Value dy);
};
using Digamma = FloatFunction<DigammaFunction>;

struct Polygamma {  // the derivative of digamma of this order, within 1 ulp; infinite at 0 and below at whole
                    // numbers
  static constexpr std::string_view name = "polygamma";
  static constexpr Traits traits{.elementwise = true};
  static constexpr std::int64_t kHighestOrder = 20;
  std::int64_t order = 1;
  static constexpr auto attributes = weft::attributes(&Polygamma::order);
  TensorType infer(const TensorType& x) const;
  template <std::floating_point T>
  void forward(std::span<const T> x, std::span<T> y) const {
    map(x, y,
        [this](T u) { return detail::polygamma(static_cast<int>(order), static_cast<detail::Wide<T>>(u)); });
  }
  Value gradient(Value x, Value y, Value dy) const;
};

struct LogAddExpFunction {  // y = ln(e^a + e^b), within 1 ulp, or 1e-15 of the larger input where it is near
                            // 0
  static constexpr std::string_view name = "logaddexp";
  static constexpr bool commutative = true;
  template <std::floating_point T>
  static T of(T a, T b) {
    const auto u = static_cast<detail::Wide<T>>(a);
    const auto v = static_cast<detail::Wide<T>>(b);
    const auto larger = u >= v || u != u ? u : v;
    const auto gap = u == v ? detail::Wide<T>{0} : std::abs(u - v);
    return static_cast<T>(larger + std::log1p(std::exp(-gap)));
  }
  static std::array<Value, 2> gradient(Value a, Value b, Value y, Value dy);
};
using LogAddExp = FloatFunction2<LogAddExpFunction>;

struct XlogyFunction {  // y = a ln b, and 0 where a is 0 whatever b is but a NaN, within 9 ulp
  static constexpr std::string_view name = "xlogy";
  static constexpr bool commutative = false;
  template <std::floating_point T>
  static T of(T a, T b) {
    return a == T{0} && b == b ? T{0} : a * std::log(b);
  }
  static std::array<Value, 2> gradient(Value a, Value b, Value y, Value dy);
};
using Xlogy = FloatFunction2<XlogyFunction>;

/// The complementary error function.
Value erfc(const Operand& x);
/// The inverse of erf, on [-1, 1].
Value erfinv(const Operand& x);
/// e^(-x^2), the Gauss function, which keeps its digits in the tails: the gradients of erf, erfc and gauss
/// are made of it, within 6 ulp.
Value gauss(const Operand& x);
/// The logarithm of the absolute value of the gamma function.
Value lgamma(const Operand& x);
Value digamma(const Operand& x);
/// The derivative of digamma of an order in [1, 20]; Error(invalid_argument) outside.
Value polygamma(std::int64_t order, const Operand& x);
/// ln(e^a + e^b), which overflows for no finite inputs; the operands broadcast.
Value logaddexp(const Operand& a, const Operand& b);
/// a ln b, and 0 where a is 0: a term of an entropy. The gradient with respect to a is 0 where a is 0 and b
/// is not positive.
Value xlogy(const Operand& a, const Operand& b);

// Compiled once, in special.cpp.
extern template detail::Model detail::model_of(Erfc);
extern template detail::Model detail::model_of(Erfinv);
extern template detail::Model detail::model_of(Gauss);
extern template detail::Model detail::model_of(Lgamma);
extern template detail::Model detail::model_of(Digamma);
extern template detail::Model detail::model_of(Polygamma);
extern template detail::Model detail::model_of(LogAddExp);
extern template detail::Model detail::model_of(Xlogy);

}  // namespace weft
