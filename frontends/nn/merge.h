#pragma once
// Merges several branches into one, elementwise; shapes broadcast. `concat` is an op (weft/ops/layout.h).
// Errors: invalid_argument if there is no input.

#include <span>

#include "weft/graph/graph.h"

namespace weft::nn {

Value sum_of(std::span<const Value> inputs, Where where = Where::current());
Value product_of(std::span<const Value> inputs, Where where = Where::current());
/// The gradient of a tie goes to the first of the equal elements.
Value max_of(std::span<const Value> inputs, Where where = Where::current());

/// The largest of each `pieces` neighbours on the last axis: [..., units * pieces] -> [..., units]; after a
/// dense layer it is the maxout unit of Goodfellow et al., ICML 2013. Ties share the gradient.
Value maxout(const Operand& x, std::int64_t pieces);

}  // namespace weft::nn
