#include "weft/ops/rounding.h"

#include "weft/ops/broadcast.h"

namespace weft {
namespace {

/// Integers are whole already.
Value rounded(const Op& op, const Operand& x) {
  return !x.is_number() && is_integer(x.value(op.name()).dtype()) ? x.value() : apply(op, x);
}

}  // namespace

std::array<Value, 2> Mod::gradient(Value a, Value b, Value, Value dy) const {
  return {dy, -(dy * floor_divide(a, b))};
}
// a - y is a multiple of b, whereas a / b may be rounded up to the next one.
std::array<Value, 2> Fmod::gradient(Value a, Value b, Value y, Value dy) const {
  return {dy, -(dy * round((a - y) / b))};
}
std::array<Value, 2> FloorDivide::gradient(Value, Value, Value y, Value) const {
  return {zeros_like(y), zeros_like(y)};
}

TensorType IntegerDivide::infer(const TensorType& a, const TensorType& b) const {
  const TensorType type = broadcast_type(a, b);
  if (!is_integer(type.dtype)) {
    throw Error(ErrorCode::dtype_mismatch,
                "this division is one of integers; div and floor_divide take floats",
                {.expected = "integers", .actual = std::string(name_of(type.dtype))});
  }
  return type;
}

Value floor(const Operand& x) { return rounded(Floor{}, x); }
Value ceil(const Operand& x) { return rounded(Ceil{}, x); }
Value round(const Operand& x) { return rounded(Round{}, x); }
Value trunc(const Operand& x) { return rounded(Trunc{}, x); }
Value sign(const Operand& x) { return apply(Sign{}, x); }
Value mod(const Operand& a, const Operand& b) { return apply_binary(Mod{}, a, b); }
Value fmod(const Operand& a, const Operand& b) { return apply_binary(Fmod{}, a, b); }
Value floor_divide(const Operand& a, const Operand& b) { return apply_binary(FloorDivide{}, a, b); }
Value integer_divide(const Operand& a, const Operand& b) { return apply_binary(IntegerDivide{}, a, b); }

template detail::Model detail::model_of(Floor);
template detail::Model detail::model_of(Ceil);
template detail::Model detail::model_of(Round);
template detail::Model detail::model_of(Trunc);
template detail::Model detail::model_of(Sign);
template detail::Model detail::model_of(Mod);
template detail::Model detail::model_of(Fmod);
template detail::Model detail::model_of(FloorDivide);
template detail::Model detail::model_of(IntegerDivide);

}  // namespace weft
