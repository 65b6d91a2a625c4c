#pragma once
// Metrics as values of a graph, for outputs of a step or of what measure() calls. Those of tensors are in
// metrics.h.

#include "weft/graph/graph.h"

namespace weft {

/// Whether the highest of each row's scores [batch, classes] is that of its integer label [batch]: bool
/// [batch]. Of equal scores the first counts as higher, and a NaN as higher than any number. Errors:
/// shape_mismatch, dtype_mismatch.
Value is_right(const Operand& scores, const Operand& labels);
/// Whether the label is among the k highest scores (TensorFlow's in_top_k). 1 <= k <= classes, or it is an
/// Error(invalid_argument).
Value in_top_k(const Operand& scores, const Operand& labels, std::int64_t k);

}  // namespace weft
