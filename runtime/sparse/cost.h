#pragma once
// What products cost, to choose between multiplying all elements and only the non-zeros.

#include <cstdint>

namespace weft {

/// Nanoseconds of one thread for one unit of work on an output row of n elements: fixed + each * n.
struct RowCost {
  double fixed = 0.0;
  double each = 0.0;
  double at(std::int64_t n) const { return fixed + each * static_cast<double>(n); }
};

struct ProductCosts {
  RowCost dense;     // for an element of the left side
  RowCost multiply;  // for a non-zero of the left side
  RowCost gradient;  // for a non-zero of the left side, with listing it by column
};

/// Figures for the instruction set of sparse_functions(). They are constants and not measured in each
/// process: a product that skips zeros rounds differently, so a choice that depends on the clock would break
/// the promise that the same seed gives the same bits. Only their ratios matter, which differ little between
/// machines with the same instructions.
const ProductCosts& product_costs();

/// The share of non-zeros below which a product with n columns is faster without the zeros.
double densest_to_skip(std::int64_t n);

}  // namespace weft
