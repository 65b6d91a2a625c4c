#pragma once
// Text for people and for tests. The text of a program is stable: equal programs print equally.

#include <string>

#include "weft/graph/program.h"

namespace weft {

/// One line for each node:
///   %4 = matmul(%0, %1) {transpose_a=false, transpose_b=false} : f32[batch, 100]  # dense1, model.cpp:12
/// and a last line with the roots.
std::string to_text(const Graph& graph, std::span<const Value> roots = {});
std::string to_text(const Program& program);

/// Graphviz's language, one box for each node. A node that holds programs has a cluster for each of them,
/// whose results lead to it by dashed lines.
std::string to_dot(const Program& program);

}  // namespace weft
