#include "weft/ops/gelu.h"

#include <numbers>

#include "weft/ops/activation.h"

namespace weft {

Value Gelu::gradient(Value x, Value, Value dy) const { return dy * apply(GeluSlope{}, x); }

// phi(x) (2 - x^2), where x is bounded so that an infinite one does not meet the density's 0.
Value GeluSlope::gradient(Value x, Value, Value dy) const {
  constexpr double kDensityAtZero = 0.5 * std::numbers::inv_sqrtpi * std::numbers::sqrt2;
  const Value squared = square(clip(x, -50.0, 50.0));
  return dy * (exp(squared * -0.5) * kDensityAtZero * (2.0 - squared));
}

Value gelu(const Operand& x) { return apply(Gelu{}, x); }

}  // namespace weft
