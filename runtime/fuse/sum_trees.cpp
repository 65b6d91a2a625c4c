#include "weft/runtime/fuse/sum_trees.h"

#include <algorithm>

#include "weft/ops/elementwise.h"

namespace weft {
namespace {

/// Whether a node adds two values of its own type.
bool is_plain_sum(const Graph& graph, const Node& node) {
  return node.op.is<Add>() && graph.type(node.inputs[0]) == node.outputs[0] &&
         graph.type(node.inputs[1]) == node.outputs[0];
}

SumTree tree_from(const Graph& graph, NodeId root, const std::vector<bool>& inner) {
  SumTree tree{.root = root, .sums = {}, .leaves = {}};
  std::vector<NodeId> open{root};
  while (!open.empty()) {
    const NodeId id = open.back();
    open.pop_back();
    tree.sums.push_back(id);
    for (const ValueId& input : graph.node(id).inputs) {
      if (inner[input.node]) {
        open.push_back(input.node);
      } else {
        tree.leaves.push_back(input);
      }
    }
  }
  std::ranges::sort(tree.leaves);
  return tree;
}

}  // namespace

std::vector<SumTree> sum_trees(const Program& program, std::span<const int> uses) {
  const Graph& graph = *program.graph;
  const auto needed = needed_nodes(graph, program.roots);
  std::vector<bool> inner(graph.size(), false);  // a sum that only another sum reads
  for (const NodeId id : needed) {
    const Node& node = graph.node(id);
    if (!is_plain_sum(graph, node)) continue;
    for (const ValueId& input : node.inputs)
      inner[input.node] = uses[input.node] == 1 && is_plain_sum(graph, graph.node(input.node));
  }
  std::vector<SumTree> trees;
  for (const NodeId id : needed) {
    if (!inner[id] && is_plain_sum(graph, graph.node(id))) trees.push_back(tree_from(graph, id, inner));
  }
  return trees;
}

Value sum_of_terms(std::span<const Value> terms) {
  Value total = terms[0];
  for (const Value& term : terms.subspan(1)) total = total + term;
  return total;
}

}  // namespace weft
