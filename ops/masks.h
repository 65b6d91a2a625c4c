#pragma once
// What is chosen by truth, made of several ops each.

#include <span>

#include "weft/graph/graph.h"

namespace weft {

/// |a - b| <= absolute + relative |b|, and equal infinities; NaNs are close if `equal_nan`. bool, broadcasts.
/// (NumPy's isclose.)
Value isclose(const Operand& a, const Operand& b, double relative = 1e-5, double absolute = 1e-8,
              bool equal_nan = false);
/// Whether all elements are close: bool [].
Value allclose(const Operand& a, const Operand& b, double relative = 1e-5, double absolute = 1e-8,
               bool equal_nan = false);

/// Of the first condition that holds at a place its choice, else `otherwise`. As many choices as conditions,
/// or it is an Error(invalid_argument). (NumPy's select.)
Value select(std::span<const Value> conditions, std::span<const Value> choices, const Operand& otherwise);

struct MaskedRows {
  Value rows;   // [size, ...]; those after the last are 0
  Value count;  // i64 []
};
/// The rows of x at which `condition`, bool [n], holds, in their order, for at most `size` of them, or it is
/// an Error(out_of_range) in the run. Gradients go back to the rows. (NumPy's compress.)
MaskedRows boolean_mask(const Operand& x, const Operand& condition, const Dim& size);

/// Whether step t is within a sequence: t < lengths[b], bool [batch, steps], of integers [batch].
Value sequence_mask(const Operand& lengths, const Dim& steps);

}  // namespace weft
