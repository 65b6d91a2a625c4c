#pragma once
// What of a graph its outputs do not need.

#include <functional>
#include <set>
#include <string>

#include "weft/frontends/onnx/model.h"

namespace weft::onnx {

/// Drops the nodes and initializers that no output needs, and of the other nodes the last outputs that nobody
/// reads: other runtimes may not have the operators of what is never used. Defaults of inputs and
/// initializers with `kept` names stay. Nodes come after those that they read; graphs inside of nodes are
/// left as they are.
void prune(GraphProto& graph, const std::set<std::string, std::less<>>& kept = {});

/// Adds what a node reads, with what the graphs in it may read of the graph around them.
void add_read(const NodeProto& node, std::set<std::string, std::less<>>& names);

}  // namespace weft::onnx
