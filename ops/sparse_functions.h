#pragma once
// Arithmetic of sparse matrices, which leaves the entries where they are. Made of products, with their
// gradients.

#include "weft/ops/sparse.h"

namespace weft {

/// The same places with other values, one for each entry.
SparseValue with_values(const SparseValue& x, const Operand& values);
/// The number of each entry's row, i64 [capacity]; of entries that no row has, 0. Rows must not share
/// entries.
Value entry_rows(const SparseValue& x);
/// The entries of row r times `factors`[r], of column c times `factors`[c], in the factors' dtype; rows must
/// not share entries. A value u8 counts as a number of that dtype.
SparseValue scale_rows(const SparseValue& x, const Operand& factors);
SparseValue scale_columns(const SparseValue& x, const Operand& factors);
/// The sums of each row [rows], and of each column [width], of floats.
Value row_sums(const SparseValue& x);
Value column_sums(const SparseValue& x);
/// The matrix with its zeros: [rows, width].
Value to_dense(const SparseValue& x);
/// Each entry times the element of d [rows, width] at its place; rows must not share entries.
SparseValue multiply(const SparseValue& x, const Operand& d);
/// x + d for d [rows, width]: dense.
Value add(const SparseValue& x, const Operand& d);

}  // namespace weft
