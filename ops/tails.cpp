#include "weft/ops/tails.h"

#include <numbers>

#include "weft/ops/bits.h"
#include "weft/ops/broadcast.h"
#include "weft/ops/compare.h"
#include "weft/ops/exponential.h"

namespace weft {
namespace detail {
namespace {

/// Abramowitz and Stegun 7.1.23; the terms that are left out are below the last digit beyond these.
template <typename W>
constexpr W kFarOut = std::is_same_v<W, double> ? W{25} : W{100};

template <typename W>
W scaled_erfc_of(W x) {
  if (x < kFarOut<W>) return std::exp(x * x) * std::erfc(x);
  const W u = 1 / (2 * x * x);
  const W series = 1 - u * (1 - 3 * u * (1 - 5 * u * (1 - 7 * u)));
  return series * std::numbers::inv_sqrtpi_v<W> / x;
}

template <typename W>
W log_of_normal_of(W x) {
  constexpr W kSqrtHalf = std::numbers::sqrt2_v<W> / 2;
  constexpr W kLogOfTwo = std::numbers::ln2_v<W>;
  if (x > 0) return std::log1p(-std::erfc(x * kSqrtHalf) / 2);
  if (x > -5) return std::log(std::erfc(-x * kSqrtHalf) / 2);
  return -x * x / 2 + std::log(scaled_erfc_of(-x * kSqrtHalf)) - kLogOfTwo;
}

}  // namespace

double scaled_erfc(double x) { return scaled_erfc_of(x); }
long double scaled_erfc(long double x) { return scaled_erfc_of(x); }
double log_of_normal(double x) { return log_of_normal_of(x); }
long double log_of_normal(long double x) { return log_of_normal_of(x); }

}  // namespace detail

Value ErfcxFunction::gradient(Value x, Value y, Value dy) {
  return dy * (2.0 * x * y - 2.0 * std::numbers::inv_sqrtpi);
}

Value LogNdtrFunction::gradient(Value x, Value, Value dy) {
  constexpr double kSqrtHalf = std::numbers::sqrt2 / 2;
  const double at_zero = std::numbers::inv_sqrtpi * std::numbers::sqrt2;
  return dy * at_zero / erfcx(-kSqrtHalf * x);
}

std::array<Value, 2> Xlog1pyFunction::gradient(Value a, Value b, Value, Value dy) {
  const Value none = equal(a, 0.0);
  const Value no_slope = logical_and(none, less_equal(b, -1.0));
  return {dy * where(no_slope, 0.0, log1p(where(no_slope, 0.0, b))),
          dy * where(none, 0.0, a / (1.0 + where(none, 0.0, b)))};
}

Value erfcx(const Operand& x) { return apply(Erfcx{}, x); }
Value log_ndtr(const Operand& x) { return apply(LogNdtr{}, x); }
Value xlog1py(const Operand& a, const Operand& b) { return apply_binary(Xlog1py{}, a, b); }

template detail::Model detail::model_of(Erfcx);
template detail::Model detail::model_of(LogNdtr);
template detail::Model detail::model_of(Xlog1py);

}  // namespace weft
