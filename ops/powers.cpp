#include "weft/ops/powers.h"

#include <numbers>

#include "weft/ops/broadcast.h"
#include "weft/ops/compare.h"

namespace weft {

Value Exp2Function::gradient(Value, Value y, Value dy) { return dy * y * std::numbers::ln2; }
Value Log2Function::gradient(Value x, Value, Value dy) { return dy * std::numbers::log2e / x; }
Value Log10Function::gradient(Value x, Value, Value dy) { return dy * std::numbers::log10e / x; }
Value CbrtFunction::gradient(Value, Value y, Value dy) { return dy / (square(y) * 3.0); }

std::array<Value, 2> HypotFunction::gradient(Value a, Value b, Value y, Value dy) {
  const Value divisor = where(equal(y, 0.0), 1.0, y);
  return {dy * (a / divisor), dy * (b / divisor)};
}

Value exp2(const Operand& x) { return apply(Exp2{}, x); }
Value log2(const Operand& x) { return apply(Log2{}, x); }
Value log10(const Operand& x) { return apply(Log10{}, x); }
Value cbrt(const Operand& x) { return apply(Cbrt{}, x); }
Value hypot(const Operand& a, const Operand& b) { return apply_binary(Hypot{}, a, b); }
Value reciprocal(const Operand& x) {
  const Scope origin(x.value("reciprocal").graph(), "reciprocal", x.where());
  return 1.0 / x;
}
Value rsqrt(const Operand& x) {
  const Scope origin(x.value("rsqrt").graph(), "rsqrt", x.where());
  return 1.0 / sqrt(x);
}

template detail::Model detail::model_of(Exp2);
template detail::Model detail::model_of(Log2);
template detail::Model detail::model_of(Log10);
template detail::Model detail::model_of(Cbrt);
template detail::Model detail::model_of(Hypot);

}  // namespace weft
