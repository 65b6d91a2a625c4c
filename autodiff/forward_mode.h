#pragma once
// Forward-mode differentiation. A vector-Jacobian product is linear in its cotangent, so its derivative with
// respect to the cotangent is the Jacobian-vector product. Every op's one rule therefore serves both modes;
// the compiler drops what is left of the reverse sweep as dead code.

#include <span>
#include <vector>

#include "weft/graph/graph.h"

namespace weft {

/// The Jacobian-vector product: the derivative of each of `outputs` along `tangents`. There is one tangent
/// for each of `wrt`, with its type, or f32 for f16 and bf16; each result has the type of its output
/// likewise. The result for an output that depends on none of `wrt` is an empty Value. Throws as vjp() does.
std::vector<Value> jvp(std::span<const Value> outputs, std::span<const Value> wrt,
                       std::span<const Value> tangents, Where where = Where::current());

}  // namespace weft
