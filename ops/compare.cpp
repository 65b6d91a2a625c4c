#include "weft/ops/compare.h"

#include "weft/ops/broadcast.h"

namespace weft {

Value equal(const Operand& a, const Operand& b) { return apply_binary(Equal{}, a, b); }
Value not_equal(const Operand& a, const Operand& b) { return apply_binary(NotEqual{}, a, b); }
Value less(const Operand& a, const Operand& b) { return apply_binary(Less{}, a, b); }
Value less_equal(const Operand& a, const Operand& b) { return apply_binary(LessEqual{}, a, b); }
Value greater(const Operand& a, const Operand& b) { return apply_binary(Greater{}, a, b); }
Value greater_equal(const Operand& a, const Operand& b) { return apply_binary(GreaterEqual{}, a, b); }

template detail::Model detail::model_of(Equal);
template detail::Model detail::model_of(NotEqual);
template detail::Model detail::model_of(Less);
template detail::Model detail::model_of(LessEqual);
template detail::Model detail::model_of(Greater);
template detail::Model detail::model_of(GreaterEqual);

}  // namespace weft
