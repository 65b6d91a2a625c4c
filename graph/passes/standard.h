#pragma once
// The passes that know no particular op: they use traits and the ops' own `simplify` and `stabilize`.

#include <cstdint>
#include <functional>

#include "weft/graph/passes/pass.h"

namespace weft {

/// Drops the nodes that no root needs.
Pass dead_code();

/// Merges nodes with equal ops and equal inputs; the operands of commutative ops compare in any order.
/// Stateful nodes are never merged.
Pass common_subexpressions();

/// Replaces every node whose inputs are all constants by its value, computed with the reference kernel,
/// unless the value has more than `max_elements` elements. `constant` makes the node that holds a tensor.
/// A node whose kernel throws is kept, so that the error comes when it runs; so is one that holds programs,
/// since a plan runs a long loop much faster.
using ConstantMaker = std::function<Value(Graph&, Tensor)>;
Pass constant_folding(ConstantMaker constant, std::int64_t max_elements = 1 << 20);

/// Asks every op for a cheaper value that is equal to the bit, until none has one. Of algebra, that holds for
/// x * 1, x / 1, x - 0, x + -0, signs that meet, x / 2^k = x * 2^-k, x^1, x^2 = x * x, x^0 = 1 and 1^x = 1.
/// It does not hold for x + 0 and sums of one negated term (-0), x * 0 and x - x (infinities and NaNs), x / c
/// = x * (1 / c) for another c (rounding), x^0.5 = sqrt(x) (-0 and -inf) and sums in another order.
Pass simplify();

/// Asks every op for a form that neither overflows nor cancels: log(softmax(x)) becomes log_softmax(x). Of
/// algebra, that goes for x^-1 = 1 / x, x^0.5 = sqrt(x) where x is a square, a distance or an exponential, (x
/// * c) * d = x * (c * d) where c * d is exact, and sum(c * x) = c * sum(x) for a number c >= 1. It does not
/// for c < 1, since the sum may overflow, for x * c + x * d and for powers as products, which round more
/// often. The new program is nearer to the mathematical function than the old one, so their results may
/// differ; one may give a number where the other gives infinity or NaN.
Pass stabilize();

}  // namespace weft
