#include "weft/ops/control.h"

#include <cstring>

#include "weft/ops/elementwise.h"
#include "weft/ops/source.h"

namespace weft {
namespace {

void copy(const ConstArg& from, const Arg& to) {
  const auto bytes = static_cast<std::size_t>(from.elements) * size_of(from.dtype);
  if (bytes > 0 && from.data != to.data) std::memcpy(to.data, from.data, bytes);
}

}  // namespace

void StopGradient::forward(const KernelArgs& args) const { copy(args.inputs[0], args.outputs[0]); }

TensorType ScaleGradient::infer(const TensorType& x) const { return float_type(x); }
void ScaleGradient::forward(const KernelArgs& args) const { copy(args.inputs[0], args.outputs[0]); }
Value ScaleGradient::gradient(Value, Value, Value dy) const { return dy * factor; }

TensorType CustomGradient::infer(std::span<const TensorType> inputs) const {
  if (!inputs.empty()) return float_type(inputs[0]);
  throw Error(ErrorCode::invalid_argument, "a custom gradient is that of a value", {.actual = "no inputs"});
}
void CustomGradient::forward(const KernelArgs& args) const { copy(args.inputs[0], args.outputs[0]); }
std::vector<Value> CustomGradient::gradient(const GradientArgs& args) const {
  const auto inputs = args.inputs.subspan(1);
  std::vector<Value> found =
      (*rule.rule)({.inputs = inputs, .outputs = args.outputs, .output_gradients = args.output_gradients});
  if (found.size() != inputs.size()) {
    throw Error(ErrorCode::invalid_argument, "a custom gradient must give one value for each input",
                {.expected = std::to_string(inputs.size()), .actual = std::to_string(found.size())});
  }
  found.insert(found.begin(), Value());
  return found;
}

void OptimizationBarrier::forward(const KernelArgs& args) const { copy(args.inputs[0], args.outputs[0]); }

TensorType Assign::infer(const TensorType& parameter, const TensorType& value) const {
  if (parameter != value) {
    throw Error(parameter.dtype == value.dtype ? ErrorCode::shape_mismatch : ErrorCode::dtype_mismatch,
                "a parameter keeps its type", {.expected = to_string(parameter), .actual = to_string(value)});
  }
  return parameter;
}
void Assign::forward(const KernelArgs& args) const { copy(args.inputs[1], args.outputs[0]); }

Value stop_gradient(const Operand& x) { return apply(StopGradient{}, x); }

Value scale_gradient(const Operand& x, double factor) { return apply(ScaleGradient{factor}, x); }

Value custom_gradient(const Operand& y, std::span<const Value> inputs, GradientRule rule) {
  y.value("custom_gradient");
  expect_values(inputs, "custom_gradient", "input", y.where());
  std::vector<Operand> operands{y};
  for (const Value& input : inputs) operands.emplace_back(input, y.where());
  return apply_many(CustomGradient{{std::make_shared<const GradientRule>(std::move(rule))}}, operands);
}

Value optimization_barrier(const Operand& x, const Operand& after) {
  return apply(OptimizationBarrier{}, x, after);
}

Value assign(const Operand& parameter, const Operand& value) {
  const Value target = parameter.value("assign");
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
               Operand(as_value(value, target.graph(), target.dtype(), "assign"), parameter.where()));
}

template detail::Model detail::model_of(StopGradient);
template detail::Model detail::model_of(ScaleGradient);
template detail::Model detail::model_of(CustomGradient);
template detail::Model detail::model_of(OptimizationBarrier);
template detail::Model detail::model_of(Assign);

}  // namespace weft
