#include "weft/frontends/onnx/constants.h"

#include <algorithm>

#include "weft/graph/evaluate.h"
#include "weft/graph/program.h"

namespace weft::onnx {
namespace {

constexpr std::int64_t kMostElements = std::int64_t{1} << 26U;

bool is_small(const TensorType& type) {
  return type.shape.is_concrete() && type.shape.elements() <= kMostElements;
}

}  // namespace

bool Constants::is_fixed(NodeId id) {
  const auto known = fixed_.find(id);
  if (known != fixed_.end()) return known->second;
  const Node& node = graph_.node(id);
  // Inputs, parameters and keys of random numbers are what has no inputs itself and is no constant.
  const bool has_source = node.op.constant() != nullptr || !node.inputs.empty();
  const bool fixed =
      has_source && !node.op.traits().stateful && std::ranges::all_of(node.outputs, is_small) &&
      std::ranges::all_of(node.inputs, [&](const ValueId& input) { return fixed_.at(input.node); });
  return fixed_[id] = fixed;
}

Tensor Constants::of(const Value& value) {
  const auto decided = fixed_.find(value.node());
  if (decided != fixed_.end() && !decided->second) return {};
  const std::vector<NodeId> needed = needed_nodes(graph_, std::span(&value, 1));
  for (const NodeId id : needed) is_fixed(id);  // in creation order, so that its inputs are decided
  if (!fixed_.at(value.node())) return {};
  for (const NodeId id : needed) {
    if (numbers_.contains(id)) continue;
    const Node& node = graph_.node(id);
    if (const Tensor* constant = node.op.constant()) {
      numbers_[id] = {*constant};
      continue;
    }
    std::vector<Tensor> inputs;
    for (const ValueId& input : node.inputs) inputs.push_back(numbers_.at(input.node)[input.output]);
    numbers_[id] = evaluate(node.op, inputs);
  }
  return numbers_.at(value.node())[value.output()];
}

}  // namespace weft::onnx
