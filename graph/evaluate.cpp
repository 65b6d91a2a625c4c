#include "weft/graph/evaluate.h"

#include <algorithm>
#include <cstring>

namespace weft {
namespace {

std::vector<TensorType> types_of(std::span<const Tensor> tensors) {
  std::vector<TensorType> types;
  types.reserve(tensors.size());
  for (const Tensor& tensor : tensors) types.push_back(tensor.type());
  return types;
}

}  // namespace

Tensor broadcast_to_sizes(const Tensor& tensor, std::span<const std::int64_t> sizes) {
  if (std::ranges::equal(tensor.sizes(), sizes)) return tensor;
  const Shape target = Shape::of(sizes);
  if (broadcast(Shape::of(tensor.sizes()), target) != target) {
    throw Error(ErrorCode::shape_mismatch, "a tensor does not broadcast",
                {.expected = to_string(target), .actual = to_string(Shape::of(tensor.sizes()))});
  }
  Tensor result = Tensor::uninitialized(tensor.dtype(), sizes);
  const std::size_t element = size_of(tensor.dtype());
  const auto* from = static_cast<const std::byte*>(tensor.data());
  auto* to = static_cast<std::byte*>(result.mutable_data());
  const std::size_t offset = sizes.size() - tensor.rank();
  for (std::int64_t i = 0; i < result.elements(); ++i) {
    std::int64_t rest = i;
    std::int64_t source = 0;
    std::int64_t stride = 1;
    for (std::size_t axis = sizes.size(); axis-- > 0;) {
      const std::int64_t index = rest % sizes[axis];
      rest /= sizes[axis];
      if (axis < offset) continue;
      const std::int64_t size = tensor.sizes()[axis - offset];
      if (size != 1) source += index * stride;
      stride *= size;
    }
    std::memcpy(to + static_cast<std::size_t>(i) * element, from + static_cast<std::size_t>(source) * element,
                element);
  }
  return result;
}

std::vector<Tensor> evaluate(const Op& op, std::span<const Tensor> inputs) {
  const auto types = op.infer(types_of(inputs));
  std::vector<Tensor> operands(inputs.begin(), inputs.end());
  if (op.traits().elementwise) {
    for (Tensor& operand : operands) operand = broadcast_to_sizes(operand, types.at(0).shape.sizes());
  }
  std::vector<Tensor> outputs;
  for (const TensorType& type : types)
    outputs.push_back(Tensor::uninitialized(type.dtype, type.shape.sizes()));
  std::vector<ConstArg> in;
  std::vector<Arg> out;
  for (const Tensor& operand : operands) in.push_back(const_arg(operand));
  for (Tensor& output : outputs) out.push_back(mutable_arg(output));
  op.forward({in, out});
  return outputs;
}

std::vector<Tensor> evaluate(const Program& program, const std::function<Tensor(const Node&)>& feed) {
  const Graph& graph = *program.graph;
  std::vector<std::vector<Tensor>> results(graph.size());
  for (const NodeId id : needed_nodes(graph, program.roots)) {
    const Node& node = graph.node(id);
    if (const Tensor* constant = node.op.constant()) {
      results[id] = {*constant};
      continue;
    }
    if (node.inputs.empty()) {
      if (Tensor fed = feed(node); !fed.empty()) {
        results[id] = {std::move(fed)};
        continue;
      }
    }
    std::vector<Tensor> inputs;
    for (const ValueId& input : node.inputs) inputs.push_back(results[input.node][input.output]);
    results[id] = evaluate(node.op, inputs);
  }
  std::vector<Tensor> roots;
  for (const Value& root : program.roots) roots.push_back(results[root.node()][root.output()]);
  return roots;
}

}  // namespace weft
