#include "weft/ops/gelu.h"

#include <numbers>

#include "weft/ops/activation.h"
#include "weft/ops/special.h"

namespace weft {

Value Gelu::gradient(Value x, Value, Value dy) const { return dy * apply(GeluSlope{}, x); }

// phi(x) (2 - x^2), where x is bounded so that an infinite one does not meet the density's 0. Half of it is
// exact, so that e^(-x^2 / 2) is the square of a Gauss function.
Value GeluSlope::gradient(Value x, Value, Value dy) const {
  constexpr double kDensityAtZero = 0.5 * std::numbers::inv_sqrtpi * std::numbers::sqrt2;
  const Value near = clip(x, -50.0, 50.0);
  return dy * (square(gauss(near * 0.5)) * kDensityAtZero * (2.0 - square(near)));
}

Value gelu(const Operand& x) { return apply(Gelu{}, x); }

template detail::Model detail::model_of(Gelu);
template detail::Model detail::model_of(GeluSlope);

}  // namespace weft
