#pragma once
// Parts of a tensor that are replaced, or whose place only a run knows; sizes as numbers. Made of several ops
// each, with their gradients.

#include "weft/graph/graph.h"

namespace weft {

/// x with the elements [start, stop) along an axis, every `step`-th, replaced by y, which broadcasts to them.
/// Bounds are those of slice(). (Theano's set_subtensor, NumPy's x[start:stop] = y.)
Value set_slice(const Operand& x, std::int64_t axis, const Dim& start, const Dim& stop, const Operand& y,
                std::int64_t step = 1);
/// The same with y added to them. (Theano's inc_subtensor.)
Value add_to_slice(const Operand& x, std::int64_t axis, const Dim& start, const Dim& stop, const Operand& y,
                   std::int64_t step = 1);

/// `size` elements of x along an axis from `start` on, an integer scalar that may be computed. Those beyond
/// the ends are an Error(out_of_range) in the run. (JAX's dynamic_slice, of one axis.)
Value slice_at(const Operand& x, const Operand& start, const Dim& size, std::int64_t axis = 0);
/// x with as many elements as y has along an axis, from `start` on, replaced by y, whose other axes are those
/// of x. (JAX's dynamic_update_slice, of one axis.)
Value set_slice_at(const Operand& x, const Operand& start, const Operand& y, std::int64_t axis = 0);

/// The sizes of x, i64 [rank], those of symbols as the run has bound them. (TensorFlow's shape.)
Value sizes(const Operand& x);

}  // namespace weft
