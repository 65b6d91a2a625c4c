#pragma once
// The stage that makes products with sparse matrices fast. One step checks the rows of a matrix for all its
// products, and each product becomes one of the products over non-zeros that skip_zeros.h makes.

#include <optional>

#include "weft/graph/program.h"

namespace weft {

/// Replaces the f32 products with sparse matrices. Returns nothing where there are none.
std::optional<Program> sparse_products(const Program& program);

}  // namespace weft
