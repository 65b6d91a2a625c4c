#pragma once
// Whole Jacobians and Hessians, and Hessians times vectors.

#include <span>
#include <vector>

#include "weft/graph/graph.h"

namespace weft {

/// The derivatives of every element of `y` with respect to every element of `x`, of shape [y's, x's]. It is
/// one vector-Jacobian product that vmap() takes for all elements of y at once, or one Jacobian-vector
/// product for all elements of x, whichever are fewer; the products are as many times as large, so it is
/// meant for small Jacobians. Sizes may be symbols: where they do not say which are fewer, y's are taken.
/// Throws what vjp() and vmap() throw.
Value jacobian(const Operand& y, const Value& x);

/// The second derivatives of a scalar loss with respect to x, of shape [x's, x's]; zeros where the loss does
/// not depend on x. Throws what gradients() and vmap() throw.
Value hessian(const Operand& loss, const Value& x);
/// The blocks of the Hessian with respect to several values: block [i][j] has the derivatives with respect to
/// `wrt[i]` and `wrt[j]`, of shape [i's, j's].
std::vector<std::vector<Value>> hessian(const Operand& loss, std::span<const Value> wrt);
std::vector<std::vector<Value>> hessian(const Operand& loss, std::initializer_list<Value> wrt);

/// The Hessian of a scalar loss times a vector: for each of `wrt`, the sum over j of the second derivatives
/// with respect to it and `wrt[j]`, times `vectors[j]`. The Hessian itself is never formed (Pearlmutter,
/// Neural Computation 1994). Results have the types of `wrt`. Throws what gradients() and vjp() throw.
std::vector<Value> hessian_vector_product(const Operand& loss, std::span<const Value> wrt,
                                          std::span<const Value> vectors);

}  // namespace weft
