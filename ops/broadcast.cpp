#include "weft/ops/broadcast.h"

#include "weft/ops/source.h"

namespace weft {

Value apply_binary(const Op& op, const Operand& a, const Operand& b) {
  if (a.is_number() && b.is_number()) return apply(op, {a, b});  // reports that a tensor is missing
  const Value tensor = (a.is_number() ? b : a).value(op.name());
  Graph& graph = tensor.graph();
  return apply(op, {Operand(as_value(a, graph, tensor.dtype(), op.name()), a.where()),
                    Operand(as_value(b, graph, tensor.dtype(), op.name()), b.where())});
}

}  // namespace weft
