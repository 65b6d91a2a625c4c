#include "weft/frontends/onnx/constants.h"

#include <algorithm>
#include <set>

#include "weft/graph/evaluate.h"

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

/// The nodes that `root` needs, itself included, in creation order, without those that are `known` and what
/// only they need. A model asks for many numbers, each of few nodes, so this must not look at the whole
/// graph.
template <typename T>
std::vector<NodeId> Constants::unknown_nodes(NodeId root, const std::map<NodeId, T>& known) const {
  std::set<NodeId> found;
  std::vector<NodeId> open{root};
  while (!open.empty()) {
    const NodeId id = open.back();
    open.pop_back();
    if (known.contains(id) || !found.insert(id).second) continue;
    for (const ValueId& input : graph_.node(id).inputs) open.push_back(input.node);
  }
  return {found.begin(), found.end()};
}

Tensor Constants::of(const Value& value) {
  for (const NodeId id : unknown_nodes(value.node(), fixed_))
    is_fixed(id);  // its inputs are decided before it
  if (!fixed_.at(value.node())) return {};
  for (const NodeId id : unknown_nodes(value.node(), numbers_)) {
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
