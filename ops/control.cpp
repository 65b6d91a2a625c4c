#include "weft/ops/control.h"

#include <cstring>

#include "weft/ops/source.h"

namespace weft {
namespace {

void copy(const ConstArg& from, const Arg& to) {
  const auto bytes = static_cast<std::size_t>(from.elements) * size_of(from.dtype);
  if (bytes > 0 && from.data != to.data) std::memcpy(to.data, from.data, bytes);
}

}  // namespace

void StopGradient::forward(const KernelArgs& args) const { copy(args.inputs[0], args.outputs[0]); }

TensorType Assign::infer(const TensorType& parameter, const TensorType& value) const {
  if (parameter != value) {
    throw Error(parameter.dtype == value.dtype ? ErrorCode::shape_mismatch : ErrorCode::dtype_mismatch,
                "a parameter keeps its type", {.expected = to_string(parameter), .actual = to_string(value)});
  }
  return parameter;
}
void Assign::forward(const KernelArgs& args) const { copy(args.inputs[1], args.outputs[0]); }

Value stop_gradient(const Operand& x) { return apply(StopGradient{}, x); }

Value assign(const Operand& parameter, const Operand& value) {
  const Value target = parameter.value();
  const Node& node = target.graph().node(target.node());
  if (!node.op.is<Parameter>()) {
    throw Error(ErrorCode::invalid_argument, "only a parameter can be assigned to",
                {.op = "assign",
                 .node = node.name,
                 .expected = "parameter",
                 .actual = std::string(node.op.name()),
                 .where = to_string(parameter.where())});
  }
  return apply(Assign{}, parameter,
               Operand(as_value(value, target.graph(), target.dtype()), parameter.where()));
}

}  // namespace weft
