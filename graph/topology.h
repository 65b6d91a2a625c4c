#pragma once
// Questions about a graph's structure, answered by Boost.Graph over a view that is built where it is needed.
// Boost stays behind this header; nothing that runs a plan uses it. Results do not depend on edge order.
//
// The compiler's passes do not use it. A graph's creation order is a topological order, so one sweep over the
// nodes answers most of their questions (needed_nodes in program.h: which nodes the roots need). Other orders
// grow edge by edge (runtime/compile/partial_order.h) or follow the nodes' ages (runtime/fuse/contract.cpp),
// which no algorithm of Boost does. For the training graph of a recurrence over 1,000 steps, 26,000 nodes,
// the sweep takes 5.6 million instructions; a view takes 23 million to build and its topological sort 9.6
// million more (callgrind, g++ 12 -O2). The view serves errors, which show a path, and drawings.

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weft/graph/graph.h"

namespace weft {

/// A quoted string of Graphviz's language, in which a new line of the text begins a new line of the label.
std::string quoted_for_dot(std::string_view text);

class Topology {
 public:
  /// A view of the graph as it is now: one vertex for each node, one edge for each operand (so `mul(x, x)`
  /// has two parallel edges, told apart by their operand index).
  explicit Topology(const Graph& graph);
  ~Topology();
  Topology(const Topology&) = delete;
  Topology& operator=(const Topology&) = delete;

  /// A shortest path along data flow, both ends included; empty when `to` does not depend on `from`. Of
  /// several shortest paths, the one through the oldest nodes.
  std::vector<NodeId> shortest_path(NodeId from, NodeId to) const;

  /// Graphviz's language, with a label for each node; a label is text of any kind and its lines stay lines.
  std::string to_dot(const std::function<std::string(NodeId)>& label) const;

 private:
  struct View;
  std::unique_ptr<View> view_;
};

}  // namespace weft
