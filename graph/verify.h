#pragma once
// The verifier checks after every pass what must hold for every program.

#include "weft/graph/program.h"

namespace weft {

/// Throws Error(internal), which names the first node that breaks a rule: inputs are older nodes and existing
/// outputs of them, the op accepts them, and the recorded output types are what its shape rule infers. Roots
/// belong to the graph.
void verify_graph(const Graph& graph);
void verify_graph(const Program& program);

}  // namespace weft
