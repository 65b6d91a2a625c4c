#pragma once
// What passes that look for patterns share: how often a value is read, what made it, and how to replace a
// node by another. Internal to weft.

#include <span>
#include <vector>

#include "weft/graph/program.h"

namespace weft {

/// How often each node's outputs are used, roots included.
inline std::vector<int> count_uses(const Program& program) {
  std::vector<int> uses(program.graph->size(), 0);
  for (const NodeId id : needed_nodes(*program.graph, program.roots)) {
    for (const ValueId& input : program.graph->node(id).inputs) ++uses[input.node];
  }
  for (const Value& root : program.roots) ++uses[root.node()];
  return uses;
}

inline const Node& producer(const Value& value) { return value.graph().node(value.node()); }
inline Value operand(const Value& value, std::size_t i) {
  return value.graph().value(producer(value).inputs[i]);
}

inline std::vector<Value> operands(const Value& value) {
  std::vector<Value> all;
  for (const ValueId& input : producer(value).inputs) all.push_back(value.graph().value(input));
  return all;
}

/// Builds a node with the name and the user's line of `node`; returns its first output.
inline Value emit(Graph& target, const Op& op, std::span<const Value> inputs, const Node& node) {
  return {&target, target.add(op, inputs, node.where, node.name), 0};
}

}  // namespace weft
