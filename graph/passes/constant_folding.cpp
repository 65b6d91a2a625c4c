#include <algorithm>
#include <limits>

#include "weft/graph/evaluate.h"
#include "weft/graph/passes/standard.h"

namespace weft {
namespace {

std::int64_t largest_output(const Node& node) {
  std::int64_t largest = 0;
  for (const TensorType& type : node.outputs) {
    if (!type.shape.is_concrete()) return std::numeric_limits<std::int64_t>::max();
    largest = std::max(largest, type.shape.elements());
  }
  return largest;
}

const Tensor* constant_of(const Value& value) { return value.graph().node(value.node()).op.constant(); }

std::vector<Value> fold(Graph& target, const Node& node, std::span<const Value> inputs,
                        const ConstantMaker& constant, std::int64_t max_elements) {
  if (node.inputs.empty() || node.op.traits().stateful || largest_output(node) > max_elements) return {};
  if (!node.op.bodies().empty()) return {};  // a plan runs a long loop by faster kernels
  std::vector<Tensor> tensors;
  for (const Value& input : inputs) {
    const Tensor* tensor = constant_of(input);
    if (tensor == nullptr) return {};
    tensors.push_back(*tensor);
  }
  try {
    std::vector<Value> folded;
    for (Tensor& result : evaluate(node.op, tensors)) folded.push_back(constant(target, std::move(result)));
    return folded;
  } catch (const Error&) {
    return {};
  }
}

}  // namespace

Pass constant_folding(ConstantMaker constant, std::int64_t max_elements) {
  return {"constant_folding", [constant = std::move(constant), max_elements](const Program& program) {
            return rewrite(*program.graph, program.roots,
                           [&](Graph& target, const Node& node, std::span<const Value> inputs) {
                             return fold(target, node, inputs, constant, max_elements);
                           });
          }};
}

}  // namespace weft
