#include "weft/ops/bits.h"

#include <limits>

#include "weft/ops/broadcast.h"
#include "weft/ops/source.h"

namespace weft {
namespace {

/// Whether an operator means logic: one of its operands is a bool.
bool of_bools(const Operand& a, const Operand& b) {
  const Operand& tensor = a.is_number() ? b : a;
  return !tensor.is_number() && tensor.value("operator").dtype() == DType::boolean;
}

}  // namespace

Value logical_and(const Operand& a, const Operand& b) { return apply_binary(LogicalAnd{}, a, b); }
Value logical_or(const Operand& a, const Operand& b) { return apply_binary(LogicalOr{}, a, b); }
Value logical_xor(const Operand& a, const Operand& b) { return apply_binary(LogicalXor{}, a, b); }
Value logical_not(const Operand& x) { return apply(LogicalNot{}, x); }
Value bitwise_and(const Operand& a, const Operand& b) { return apply_binary(BitwiseAnd{}, a, b); }
Value bitwise_or(const Operand& a, const Operand& b) { return apply_binary(BitwiseOr{}, a, b); }
Value bitwise_xor(const Operand& a, const Operand& b) { return apply_binary(BitwiseXor{}, a, b); }
Value bitwise_not(const Operand& x) { return apply(BitwiseNot{}, x); }
Value shift_left(const Operand& a, const Operand& b) { return apply_binary(ShiftLeft{}, a, b); }
Value shift_right(const Operand& a, const Operand& b) { return apply_binary(ShiftRight{}, a, b); }
Value isnan(const Operand& x) { return apply(IsNan{}, x); }
Value isinf(const Operand& x) { return apply(IsInf{}, x); }
Value isfinite(const Operand& x) { return apply(IsFinite{}, x); }

Value nan_to_num(const Operand& x, double nan, std::optional<double> positive,
                 std::optional<double> negative) {
  const Value value = x.value("nan_to_num");
  const Scope origin(value.graph(), "nan_to_num", x.where());
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const double largest = value.dtype() == DType::f32 ? static_cast<double>(std::numeric_limits<float>::max())
                                                     : std::numeric_limits<double>::max();
  const Value finite = where(equal(value, kInfinity), positive.value_or(largest),
                             where(equal(value, -kInfinity), negative.value_or(-largest), value));
  return where(isnan(value), nan, finite);
}

Value operator&(const Operand& a, const Operand& b) {
  return of_bools(a, b) ? logical_and(a, b) : bitwise_and(a, b);
}
Value operator|(const Operand& a, const Operand& b) {
  return of_bools(a, b) ? logical_or(a, b) : bitwise_or(a, b);
}
Value operator^(const Operand& a, const Operand& b) {
  return of_bools(a, b) ? logical_xor(a, b) : bitwise_xor(a, b);
}
Value operator~(const Operand& x) { return of_bools(x, x) ? logical_not(x) : bitwise_not(x); }

template detail::Model detail::model_of(LogicalAnd);
template detail::Model detail::model_of(LogicalOr);
template detail::Model detail::model_of(LogicalXor);
template detail::Model detail::model_of(BitwiseAnd);
template detail::Model detail::model_of(BitwiseOr);
template detail::Model detail::model_of(BitwiseXor);
template detail::Model detail::model_of(ShiftLeft);
template detail::Model detail::model_of(ShiftRight);
template detail::Model detail::model_of(LogicalNot);
template detail::Model detail::model_of(BitwiseNot);
template detail::Model detail::model_of(IsNan);
template detail::Model detail::model_of(IsInf);
template detail::Model detail::model_of(IsFinite);

}  // namespace weft
