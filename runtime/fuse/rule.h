#pragma once
// What rules that rewrite a program for speed share, those of fuse/, sparse/ and split/. Internal to
// runtime/.

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

inline Value emit(Graph& target, const Op& op, std::span<const Value> inputs, const Node& node) {
  return {&target, target.add(op, inputs, node.where, node.name), 0};
}

}  // namespace weft
