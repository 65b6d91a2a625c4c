#include "weft/ops/trigonometry.h"

#include "weft/ops/broadcast.h"
#include "weft/ops/compare.h"
#include "weft/ops/powers.h"

namespace weft {

Value SinFunction::gradient(Value x, Value, Value dy) { return dy * cos(x); }
Value CosFunction::gradient(Value x, Value, Value dy) { return -(dy * sin(x)); }
Value TanFunction::gradient(Value, Value y, Value dy) { return dy * (square(y) + 1.0); }
// 1 - x^2 as a product, which keeps its digits near 1.
Value AsinFunction::gradient(Value x, Value, Value dy) { return dy / sqrt((1.0 - x) * (x + 1.0)); }
Value AcosFunction::gradient(Value x, Value, Value dy) { return -(dy / sqrt((1.0 - x) * (x + 1.0))); }
Value AtanFunction::gradient(Value x, Value, Value dy) { return dy / (square(x) + 1.0); }
Value SinhFunction::gradient(Value x, Value, Value dy) { return dy * cosh(x); }
Value CoshFunction::gradient(Value x, Value, Value dy) { return dy * sinh(x); }
Value AsinhFunction::gradient(Value x, Value, Value dy) { return dy / hypot(x, 1.0); }
// By two roots: the square of a large x would be infinite.
Value AcoshFunction::gradient(Value x, Value, Value dy) { return dy / (sqrt(x - 1.0) * sqrt(x + 1.0)); }
Value AtanhFunction::gradient(Value x, Value, Value dy) { return dy / ((1.0 - x) * (x + 1.0)); }

// d/dy = x / r^2 and d/dx = -y / r^2, by r twice, whose square may have no room.
std::array<Value, 2> Atan2Function::gradient(Value y, Value x, Value, Value dangle) {
  const Value radius = hypot(y, x);
  const Value divisor = where(equal(radius, 0.0), 1.0, radius);
  const Value share = dangle / divisor;
  return {x / divisor * share, -(y / divisor * share)};
}

Value sin(const Operand& x) { return apply(Sin{}, x); }
Value cos(const Operand& x) { return apply(Cos{}, x); }
Value tan(const Operand& x) { return apply(Tan{}, x); }
Value asin(const Operand& x) { return apply(Asin{}, x); }
Value acos(const Operand& x) { return apply(Acos{}, x); }
Value atan(const Operand& x) { return apply(Atan{}, x); }
Value sinh(const Operand& x) { return apply(Sinh{}, x); }
Value cosh(const Operand& x) { return apply(Cosh{}, x); }
Value asinh(const Operand& x) { return apply(Asinh{}, x); }
Value acosh(const Operand& x) { return apply(Acosh{}, x); }
Value atanh(const Operand& x) { return apply(Atanh{}, x); }
Value atan2(const Operand& y, const Operand& x) { return apply_binary(Atan2{}, y, x); }

template detail::Model detail::model_of(Sin);
template detail::Model detail::model_of(Cos);
template detail::Model detail::model_of(Tan);
template detail::Model detail::model_of(Asin);
template detail::Model detail::model_of(Acos);
template detail::Model detail::model_of(Atan);
template detail::Model detail::model_of(Sinh);
template detail::Model detail::model_of(Cosh);
template detail::Model detail::model_of(Asinh);
template detail::Model detail::model_of(Acosh);
template detail::Model detail::model_of(Atanh);
template detail::Model detail::model_of(Atan2);

}  // namespace weft
