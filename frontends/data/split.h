#pragma once
// Which rows train and which test. Pure functions of their arguments.

#include <cstdint>
#include <span>
#include <vector>

#include "weft/graph/tensor.h"

namespace weft::data {

/// Copies of the rows of a tensor [n, ...] that `rows` names, i32 or i64 [m], in that order: [m, ...]. Throws
/// Error(out_of_range) for a row that there is not, and Error(shape_mismatch), Error(dtype_mismatch).
Tensor select_rows(const Tensor& tensor, const Tensor& rows);

/// Row numbers, i32.
struct Fold {
  Tensor train;
  Tensor test;
};

/// A random share of n rows to test with, at least one and not all. Throws Error(invalid_argument) unless n
/// >= 2 and the share is in (0, 1).
Fold split(std::int64_t n, double test_share, std::uint64_t seed);
/// The same with as nearly as possible that share of the rows of each label, so that each has one row or more
/// on both sides. Labels are integers [n], of which each must come twice, or it is an
/// Error(invalid_argument).
Fold split_by_label(const Tensor& labels, double test_share, std::uint64_t seed);
/// Folds of which each tests with another k-th of the rows and trains with the others. Throws
/// Error(invalid_argument) unless 2 <= k <= n.
std::vector<Fold> k_folds(std::int64_t n, std::int64_t k, std::uint64_t seed);

}  // namespace weft::data
