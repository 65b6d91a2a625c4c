#include "weft/ops/numbers.h"

#include "weft/ops/broadcast.h"
#include "weft/ops/compare.h"
#include "weft/ops/rounding.h"

namespace weft {
namespace {

/// dy for the one that was chosen.
std::array<Value, 2> to_chosen(const Value& first, const Value& dy) {
  return {where(first, dy, 0.0), where(first, 0.0, dy)};
}

}  // namespace

std::array<Value, 2> CopySignFunction::gradient(Value a, Value b, Value, Value dy) {
  return {dy * sign(a) * copysign(1.0, b), zeros_like(b)};
}
std::array<Value, 2> HeavisideFunction::gradient(Value x, Value, Value, Value dy) {
  return {zeros_like(x), where(equal(x, 0.0), dy, 0.0)};
}
std::array<Value, 2> NextAfterFunction::gradient(Value, Value b, Value, Value dy) {
  return {dy, zeros_like(b)};
}
std::array<Value, 2> FmaxFunction::gradient(Value a, Value b, Value, Value dy) {
  return to_chosen(logical_or(isnan(b), greater_equal(a, b)), dy);
}
std::array<Value, 2> FminFunction::gradient(Value a, Value b, Value, Value dy) {
  return to_chosen(logical_or(isnan(b), less_equal(a, b)), dy);
}

Value copysign(const Operand& a, const Operand& b) { return apply_binary(CopySign{}, a, b); }
Value heaviside(const Operand& x, const Operand& at_zero) { return apply_binary(Heaviside{}, x, at_zero); }
Value nextafter(const Operand& a, const Operand& b) { return apply_binary(NextAfter{}, a, b); }
Value fmax(const Operand& a, const Operand& b) { return apply_binary(Fmax{}, a, b); }
Value fmin(const Operand& a, const Operand& b) { return apply_binary(Fmin{}, a, b); }
Value gcd(const Operand& a, const Operand& b) { return apply_binary(Gcd{}, a, b); }
Value lcm(const Operand& a, const Operand& b) { return apply_binary(Lcm{}, a, b); }
Value signbit(const Operand& x) { return apply(SignBit{}, x); }
Value bitwise_count(const Operand& x) { return apply(BitwiseCount{}, x); }

template detail::Model detail::model_of(CopySign);
template detail::Model detail::model_of(Heaviside);
template detail::Model detail::model_of(NextAfter);
template detail::Model detail::model_of(Fmax);
template detail::Model detail::model_of(Fmin);
template detail::Model detail::model_of(Gcd);
template detail::Model detail::model_of(Lcm);
template detail::Model detail::model_of(SignBit);
template detail::Model detail::model_of(BitwiseCount);

}  // namespace weft
