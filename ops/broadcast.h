#pragma once
// How functions of several tensors bring their operands to one dtype.

#include "weft/graph/graph.h"

namespace weft {

/// Applies a binary op to two operands. At least one is a tensor; a plain number takes the dtype of the
/// other. Throws Error(invalid_argument) for two numbers.
Value apply_binary(const Op& op, const Operand& a, const Operand& b);

}  // namespace weft
