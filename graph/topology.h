#pragma once
// Questions about a graph's structure, answered by Boost.Graph over a view that is built where it is needed.
// Boost stays behind this header; nothing that runs a plan uses it. Results do not depend on edge order.

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "weft/graph/graph.h"

namespace weft {

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

  /// The most expensive chain of nodes by `cost`, in data-flow order: what no schedule can beat.
  std::vector<NodeId> critical_path(const std::function<double(NodeId)>& cost) const;

  /// Graphviz's language, with a label for each node; a label is text of any kind and its lines stay lines.
  std::string to_dot(const std::function<std::string(NodeId)>& label) const;

 private:
  struct View;
  std::unique_ptr<View> view_;
};

}  // namespace weft
