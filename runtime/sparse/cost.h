#pragma once
// What products cost on this machine, to choose between all elements and the non-zeros alone.

#include <cstdint>

namespace weft {

/// Seconds for one unit of work on an output row of n elements: fixed + each * n.
struct RowCost {
  double fixed = 0.0;
  double each = 0.0;
  double at(std::int64_t n) const { return fixed + each * static_cast<double>(n); }
};

struct ProductCosts {
  RowCost dense;     // for an element of the left side
  RowCost multiply;  // for a non-zero of the left side
  RowCost gradient;  // for a non-zero of the left side, listing it by column included
};

/// Measured with one thread when first asked for, and kept: all sessions of a process
/// decide alike.
const ProductCosts& product_costs();

}  // namespace weft
