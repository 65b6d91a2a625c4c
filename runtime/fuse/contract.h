#pragma once
// How a fusing rule replaces sets of nodes by one node each: graph contraction. Internal to runtime/fuse/.

#include <functional>
#include <span>
#include <vector>

#include "weft/graph/program.h"

namespace weft {

/// Nodes that become one. No path may lead out of `nodes` and back in.
struct Contraction {
  std::vector<NodeId> nodes;     // no node in two contractions
  std::vector<ValueId> inputs;   // what the new node reads, in its order
  std::vector<ValueId> outputs;  // the values that its outputs stand for; any other is read inside only
  std::function<std::vector<Value>(Graph& target, std::span<const Value> inputs)> emit;
};

/// A new program in which each contraction is replaced by what its `emit` makes. Nodes keep their order as
/// far as what they read allows; a contraction takes the place of its youngest node. Throws Error(internal)
/// where a path leads out of a contraction and back in.
Program contract(const Program& program, std::span<const Contraction> contractions);

}  // namespace weft
