#pragma once
// Triangles of f64 in blocks of rows: what earlier blocks contribute is one product (blocked_product.h), and
// within a block row is taken from row (Golub and Van Loan, Matrix Computations, 4.2). Internal to
// runtime/kernels/.

#include <cstddef>
#include <cstdint>

#include "weft/runtime/kernels/products/panels/panel_functions.h"

namespace weft {

/// A triangle T of n rows. Its other side is not read, nor its diagonal if `unit_diagonal`.
struct Triangle {
  Strided<const double> t;
  std::int64_t n = 0;
  bool lower = true;
  bool unit_diagonal = false;
};

/// How many bytes of scratch memory the functions below need for n rows of so many columns.
std::size_t triangle_scratch_bytes(std::int64_t n, std::int64_t columns);

/// X with T X = B, in place of B: rows of `columns` numbers that lie side by side. A column's bits do not
/// depend on the others.
void solve_triangle(const Triangle& triangle, Strided<double> x, std::int64_t columns, std::byte* scratch);
/// The same, with bits of its own, for one column whose n numbers lie side by side. So do the rows of the
/// triangle, or its columns.
void solve_triangle_once(const Triangle& triangle, double* x);

/// Whether the symmetric matrix of n rows, of which `u` holds the upper triangle, is positive definite. If it
/// is, `u` then holds U with U^T U = the matrix. What is below its diagonal has no meaning.
bool factor_upper(double* u, std::int64_t n, std::byte* scratch);

}  // namespace weft
