#pragma once
// How good predictions are.

#include "weft/graph/tensor.h"

namespace weft {

/// The share of positions where two integer vectors of equal length agree, in [0, 1]; of none at all, 0.
/// Throws Error(shape_mismatch) where the lengths differ.
double accuracy(const Tensor& predicted, const Tensor& labels);

}  // namespace weft
