#pragma once
// What of a graph its outputs do not need.

#include <functional>
#include <set>
#include <string>

#include "weft/frontends/onnx/model.h"

namespace weft::onnx {

/// Drops the nodes and initializers that no output needs, and of the other nodes the last outputs that nobody
/// reads: other runtimes may not have the operators of what is never used. Defaults of inputs and
/// initializers with `kept` names stay. Nodes come after those that they read, and have no graphs of their
/// own.
void prune(GraphProto& graph, const std::set<std::string, std::less<>>& kept = {});

}  // namespace weft::onnx
