#pragma once
// What products cost, to choose between all elements and the non-zeros alone.

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
  RowCost gradient;  // for a non-zero of the left side, listing it by column included
};

/// Figures for the instruction set of sparse_functions(). They are constants, and not measured by each
/// process: a product without zeros rounds otherwise than one with them, so a choice that followed the clock
/// would break the promise that the same seed gives the same bits. What counts is their ratios, which differ
/// little between machines with the same instructions.
const ProductCosts& product_costs();

/// The share of non-zeros below which a product with n columns is faster without the zeros.
double densest_to_skip(std::int64_t n);

}  // namespace weft
