#pragma once
// Forward-mode differentiation. A vector-Jacobian product is linear in its cotangent, so that its own
// derivative with respect to the cotangent is the Jacobian-vector product: every op's one rule serves both
// modes, and what the reverse sweep leaves behind is dead code that compiling drops.

#include <span>
#include <vector>

#include "weft/graph/graph.h"

namespace weft {

/// The Jacobian-vector product: the derivative of each of `outputs` along `tangents`, one for each of `wrt`
/// and of its type; each result has the type of its output. An empty Value stands for an output that depends
/// on none of `wrt`. Throws as vjp() does.
std::vector<Value> jvp(std::span<const Value> outputs, std::span<const Value> wrt,
                       std::span<const Value> tangents, Where where = Where::current());

}  // namespace weft
