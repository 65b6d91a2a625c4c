#pragma once
// A Program is the part of a graph that is to be computed: a graph of its own and its root values. Passes
// take a Program and return a new one; they never change their argument. `rewrite` is the walk that they all
// share.

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "weft/graph/graph.h"

namespace weft {

struct Program {
  std::unique_ptr<Graph> graph;
  std::vector<Value> roots;
};

/// The ids of the nodes that `roots` need, themselves included, in creation order.
std::vector<NodeId> needed_nodes(const Graph& graph, std::span<const Value> roots);

/// Returns the outputs in the new graph for one node of the old graph; `inputs` are the node's inputs in the
/// new graph. An empty vector keeps the node as it is.
using RewriteRule =
    std::function<std::vector<Value>(Graph& target, const Node& node, std::span<const Value> inputs)>;

/// Walks the nodes that `roots` need in creation order and emits a new program. Each node's rule may emit
/// any nodes into the target; a node that nothing needs is dropped. Throws Error(internal) when a rule
/// changes the type of a value, unless `binding` is set.
Program rewrite(const Graph& graph, std::span<const Value> roots, const RewriteRule& rule,
                bool binding = false);

/// A copy of the nodes that `roots` need, with the symbols in `bindings` replaced by numbers and all shapes
/// inferred anew.
Program extract(const Graph& graph, std::span<const Value> roots, const Bindings& bindings = {});

}  // namespace weft
