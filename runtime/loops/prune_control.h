#pragma once
// While loops and branches without what nothing needs. Internal to runtime/loops/.

#include <span>
#include <vector>

#include "weft/graph/graph.h"

namespace weft {

/// Stands for an output that nothing reads.
Value filler(Graph& target, const TensorType& type);

/// The outputs of a while loop or a branch without states, results and captured values that nothing needs;
/// `read` says of each output whether something reads it. A state that no step changes becomes a captured
/// value. Empty where all stays as it is.
std::vector<Value> pruned_control(const Node& node, std::span<const Value> inputs,
                                  const std::vector<bool>& read);

}  // namespace weft
