#pragma once
// The stage that makes products with sparse matrices fast: the check of their rows becomes a step of its own,
// once for all products of a matrix, and each product one over non-zeros, as those of skip_zeros.h are.

#include <optional>

#include "weft/graph/program.h"

namespace weft {

/// Replaces the f32 products with sparse matrices. Returns nothing where there are none.
std::optional<Program> sparse_products(const Program& program);

}  // namespace weft
