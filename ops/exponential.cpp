#include "weft/ops/exponential.h"

#include "weft/ops/compare.h"
#include "weft/ops/layout.h"

namespace weft {

Value Log1p::gradient(Value x, Value, Value dy) const { return dy / (x + 1.0); }
Value Expm1::gradient(Value x, Value, Value dy) const { return dy * exp(x); }
Value Log1mExp::gradient(Value x, Value, Value dy) const { return -(dy / expm1(-x)); }

// Where y is -inf, so is x, and x - y would be a NaN. The division corrects for the rounding of a large y,
// which all elements share.
Value LogSumExp::gradient(Value x, Value y, Value dy) const {
  constexpr double kLowest = -std::numeric_limits<double>::infinity();
  const Shape kept = reduced_type(x.type(), axes, true).shape;
  const auto expanded = [&](const Value& v) { return broadcast_to(reshape(v, kept), x.shape()); };
  const Value share = exp(where(equal(x, kLowest), kLowest, x - expanded(y)));
  const Value total = sum(share, axes, true);
  return expanded(dy) * (share / broadcast_to(where(equal(total, 0.0), 1.0, total), x.shape()));
}

Value log1p(const Operand& x) { return apply(Log1p{}, x); }
Value expm1(const Operand& x) { return apply(Expm1{}, x); }
Value log1mexp(const Operand& x) { return apply(Log1mExp{}, x); }
Value logsumexp(const Operand& x, const Axes& axes, bool keep_dims) {
  return apply(LogSumExp{.axes = axes, .keep_dims = keep_dims}, x);
}

template detail::Model detail::model_of(Log1p);
template detail::Model detail::model_of(Expm1);
template detail::Model detail::model_of(Log1mExp);
template detail::Model detail::model_of(LogSumExp);

}  // namespace weft
