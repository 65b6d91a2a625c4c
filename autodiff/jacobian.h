#pragma once
// Whole Jacobians, and Hessians times vectors.

#include <span>
#include <vector>

#include "weft/graph/graph.h"

namespace weft {

/// The derivatives of every element of `y` with respect to every element of `x`, of shape [y's, x's]. Both
/// have concrete shapes. It takes one vector-Jacobian product for each element of y, or one Jacobian-vector
/// product for each element of x, whichever are fewer, so it is meant for small Jacobians. Throws
/// Error(shape_mismatch) for symbolic shapes, and what vjp() throws.
Value jacobian(const Operand& y, const Value& x);

/// The Hessian of a scalar loss times a vector: for each of `wrt`, the sum over j of the second derivatives
/// with respect to it and `wrt[j]`, times `vectors[j]`. The Hessian itself is never formed (Pearlmutter,
/// Neural Computation 1994). Results have the types of `wrt`. Throws what gradients() and vjp() throw.
std::vector<Value> hessian_vector_product(const Operand& loss, std::span<const Value> wrt,
                                          std::span<const Value> vectors);

}  // namespace weft
