#include "weft/ops/special.h"

#include <fmt/format.h>
#include <math.h>  // NOLINT(modernize-deprecated-headers): <cmath> has no lgamma_r

#include <limits>
#include <numbers>

#include "weft/ops/activation.h"
#include "weft/ops/bits.h"
#include "weft/ops/broadcast.h"
#include "weft/ops/exponential.h"

namespace weft {
namespace detail {
namespace {

/// From where on the series below are good to the last digit of T.
template <typename T>
constexpr T kFar = std::is_same_v<T, double> ? T{10} : T{20};

/// Bernoulli's numbers B2, B4, ...
template <typename T>
constexpr std::array<T, 12> kBernoulli{
    T{1} / 6, T{-1} / 30,     T{1} / 42,      T{-1} / 30,       T{5} / 66,       T{-691} / 2730,
    T{7} / 6, T{-3617} / 510, T{43867} / 798, T{-174611} / 330, T{854513} / 138, T{-236364091} / 2730};

/// cot(pi x), by the distance to the nearest whole number, which is exact.
template <typename T>
T cotangent_of_turns(T x) {
  return 1 / std::tan(std::numbers::pi_v<T> * (x - std::nearbyint(x)));
}

template <typename T>
T digamma_of(T x) {
  if (x == 0) return -1 / x;
  if (x < 0) {
    if (x == std::floor(x)) return std::numeric_limits<T>::quiet_NaN();
    return digamma_of(1 - x) - std::numbers::pi_v<T> * cotangent_of_turns(x);
  }
  T sum = 0;
  for (; x < kFar<T>; x += 1) sum -= 1 / x;
  const T inverse = 1 / (x * x);
  T series = 0;
  for (int k = 8; k >= 1; --k)
    series = (series + kBernoulli<T>[static_cast<std::size_t>(k - 1)] / (2 * k)) * inverse;
  return sum + std::log(x) - 1 / (2 * x) - series;
}

/// Hurwitz's zeta function: the sum of (x + k)^-s over k >= 0.
template <typename T>
T zeta(int s, T x) {
  T sum = 0;
  for (; x < kFar<T> + static_cast<T>(s); x += 1) sum += std::pow(x, static_cast<T>(-s));
  const T power = std::pow(x, static_cast<T>(-s));
  sum += power * x / static_cast<T>(s - 1) + power / 2;
  T factor = power / x;  // times s (s + 1) ... (s + 2j - 2) / (2j)!
  T rising = static_cast<T>(s) / 2;
  for (int j = 1; j <= 12; ++j) {
    sum += kBernoulli<T>[static_cast<std::size_t>(j - 1)] * rising * factor;
    factor /= x * x;
    rising *=
        static_cast<T>(s + 2 * j - 1) * static_cast<T>(s + 2 * j) / static_cast<T>((2 * j + 1) * (2 * j + 2));
  }
  return sum;
}

/// The derivative of order n of cot(pi x), over pi^n: a polynomial of c = cot(pi x), whose own is -pi (1 +
/// c^2).
template <typename T>
T cotangent_derivative(int n, T c) {
  std::array<T, static_cast<std::size_t>(Polygamma::kHighestOrder) + 2> terms{0, 1};
  for (int k = 0; k < n; ++k) {
    auto next = decltype(terms){};
    for (std::size_t power = 1; power < static_cast<std::size_t>(k) + 2; ++power) {
      const T slope = -static_cast<T>(power) * terms[power];
      next[power - 1] += slope;
      next[power + 1] += slope;
    }
    terms = next;
  }
  std::size_t power = static_cast<std::size_t>(n) + 1;
  T value = terms[power];
  while (power-- > 0) value = value * c + terms[power];
  return value;
}

template <typename T>
T polygamma_of(int n, T x) {
  const T sign = n % 2 == 1 ? T{1} : T{-1};
  if (x <= 0) {
    const T slope = std::pow(std::numbers::pi_v<T>, static_cast<T>(n + 1)) *
                    cotangent_derivative(n, cotangent_of_turns(x));
    return -slope - sign * polygamma_of(n, 1 - x);
  }
  if (x > std::numeric_limits<T>::max()) return 0;
  return sign * std::tgamma(static_cast<T>(n + 1)) * zeta(n + 1, x);
}

template <std::size_t N>
double ratio(const std::array<double, N>& above, const std::array<double, N>& below, double x) {
  double numerator = 0.0;
  double denominator = 0.0;
  for (std::size_t i = N; i-- > 0;) {
    numerator = numerator * x + above[i];
    denominator = denominator * x + below[i];
  }
  return numerator / denominator;
}

}  // namespace

double log_gamma(double x) {
  int sign = 0;
  return ::lgamma_r(x, &sign);
}
long double log_gamma(long double x) {
  int sign = 0;
  return ::lgammal_r(x, &sign);
}
double digamma(double x) { return digamma_of(x); }
long double digamma(long double x) { return digamma_of(x); }
double polygamma(int n, double x) { return polygamma_of(n, x); }
long double polygamma(int n, long double x) { return polygamma_of(n, x); }

double inverse_erf(double x) {
  constexpr std::array kCentre{3.3871328727963666080e0,  1.3314166789178437745e+2, 1.9715909503065514427e+3,
                               1.3731693765509461125e+4, 4.5921953931549871457e+4, 6.7265770927008700853e+4,
                               3.3430575583588128105e+4, 2.5090809287301226727e+3};
  constexpr std::array kBelowCentre{1.0,
                                    4.2313330701600911252e+1,
                                    6.8718700749205790830e+2,
                                    5.3941960214247511077e+3,
                                    2.1213794301586595867e+4,
                                    3.9307895800092710610e+4,
                                    2.8729085735721942674e+4,
                                    5.2264952788528545610e+3};
  constexpr std::array kTail{1.42343711074968357734e0,  4.63033784615654529590e0, 5.76949722146069140550e0,
                             3.64784832476320460504e0,  1.27045825245236838258e0, 2.41780725177450611770e-1,
                             2.27238449892691845833e-2, 7.74545014278341407640e-4};
  constexpr std::array kBelowTail{1.0,
                                  2.05319162663775882187e0,
                                  1.67638483018380384940e0,
                                  6.89767334985100004550e-1,
                                  1.48103976427480074590e-1,
                                  1.51986665636164571966e-2,
                                  5.47593808499534494600e-4,
                                  1.05075007164441684324e-9};
  constexpr std::array kFarTail{6.65790464350110377720e0,  5.46378491116411436990e0,
                                1.78482653991729133580e0,  2.96560571828504891230e-1,
                                2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                2.71155556874348757815e-5, 2.01033439929228813265e-7};
  constexpr std::array kBelowFarTail{1.0,
                                     5.99832206555887937690e-1,
                                     1.36929880922735805310e-1,
                                     1.48753612908506148525e-2,
                                     7.86869131145613259100e-4,
                                     1.84631831751005468180e-5,
                                     1.42151175831644588870e-7,
                                     2.04426310338993978564e-15};
  const double size = std::abs(x);
  if (!(size < 1.0)) {
    return size == 1.0 ? x * std::numeric_limits<double>::infinity()
                       : std::numeric_limits<double>::quiet_NaN();
  }
  const double half = 0.5 * x;
  constexpr double kNear = 0.425;
  double quantile = 0.0;
  if (std::abs(half) <= kNear) {
    quantile = half * ratio(kCentre, kBelowCentre, 0.180625 - half * half);
  } else {
    const double root = std::sqrt(-std::log(0.5 * (1.0 - size)));
    const double tail =
        root <= 5.0 ? ratio(kTail, kBelowTail, root - 1.6) : ratio(kFarTail, kBelowFarTail, root - 5.0);
    quantile = std::copysign(tail, x);
  }
  return quantile / std::numbers::sqrt2;
}

long double inverse_erf(long double x) {
  const auto start = static_cast<long double>(inverse_erf(static_cast<double>(x)));
  const long double size = std::abs(x);
  if (!(size < 1.0L) || std::isinf(start)) return start;
  const long double y = std::abs(start);
  // By the complement where that is small.
  const long double error = size < 0.5L ? size - std::erf(y) : std::erfc(y) - (1.0L - size);
  const long double slope = 2.0L * std::numbers::inv_sqrtpi_v<long double> * std::exp(-y * y);
  return std::copysign(y + error / slope, x);
}

}  // namespace detail

Value ErfcFunction::gradient(Value x, Value, Value dy) {
  return dy * gauss(x) * (-2.0 * std::numbers::inv_sqrtpi);
}
Value ErfinvFunction::gradient(Value, Value y, Value dy) {
  return dy / gauss(y) * (0.5 / std::numbers::inv_sqrtpi);
}
// x is bounded so that an infinite one does not meet the 0 of y.
Value GaussFunction::gradient(Value x, Value y, Value dy) { return dy * y * clip(x, -1e3, 1e3) * -2.0; }
Value LgammaFunction::gradient(Value x, Value, Value dy) { return dy * digamma(x); }
Value DigammaFunction::gradient(Value x, Value, Value dy) { return dy * polygamma(1, x); }

TensorType Polygamma::infer(const TensorType& x) const {
  if (order < 1 || order > kHighestOrder) {
    throw Error(
        ErrorCode::invalid_argument, "polygamma takes orders up to a limit",
        {.expected = fmt::format("an order in [1, {}]", kHighestOrder), .actual = std::to_string(order)});
  }
  return float_type(x);
}
Value Polygamma::gradient(Value x, Value, Value dy) const { return dy * polygamma(order + 1, x); }

// Where both are infinite their difference is NaN, and they share the gradient.
std::array<Value, 2> LogAddExpFunction::gradient(Value a, Value b, Value, Value dy) {
  const Value gap = where(logical_and(equal(a, b), isinf(a)), 0.0, a - b);
  return {dy * sigmoid(gap), dy * sigmoid(-gap)};
}

std::array<Value, 2> XlogyFunction::gradient(Value a, Value b, Value, Value dy) {
  const Value none = equal(a, 0.0);
  const Value no_slope = logical_and(none, less_equal(b, 0.0));
  return {dy * where(no_slope, 0.0, log(where(no_slope, 1.0, b))),
          dy * where(none, 0.0, a / where(none, 1.0, b))};
}

Value erfc(const Operand& x) { return apply(Erfc{}, x); }
Value erfinv(const Operand& x) { return apply(Erfinv{}, x); }
Value gauss(const Operand& x) { return apply(Gauss{}, x); }
Value lgamma(const Operand& x) { return apply(Lgamma{}, x); }
Value digamma(const Operand& x) { return apply(Digamma{}, x); }
Value polygamma(std::int64_t order, const Operand& x) { return apply(Polygamma{order}, x); }
Value logaddexp(const Operand& a, const Operand& b) { return apply_binary(LogAddExp{}, a, b); }
Value xlogy(const Operand& a, const Operand& b) { return apply_binary(Xlogy{}, a, b); }

template detail::Model detail::model_of(Erfc);
template detail::Model detail::model_of(Erfinv);
template detail::Model detail::model_of(Gauss);
template detail::Model detail::model_of(Lgamma);
template detail::Model detail::model_of(Digamma);
template detail::Model detail::model_of(Polygamma);
template detail::Model detail::model_of(LogAddExp);
template detail::Model detail::model_of(Xlogy);

}  // namespace weft
