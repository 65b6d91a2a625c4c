#pragma once
// What batching rules are made of: an op's `batch` builds the op for many examples at once, with the axis of
// the examples first (see BatchArgs in graph/op.h).

#include <vector>

#include "weft/graph/graph.h"
#include "weft/ops/layout.h"

namespace weft {

/// The shape of one example of input `i`.
Shape example_shape(const BatchArgs& args, std::size_t i);

/// Input `i` with the axis of the examples, along which it is repeated if it is the same for all.
Value repeated(const BatchArgs& args, std::size_t i);
/// All inputs so.
std::vector<Value> all_repeated(const BatchArgs& args);

/// Input `i`, as it broadcasts beside examples of `rank`: axes of size 1 come after that of the examples.
Value aligned(const BatchArgs& args, std::size_t i, std::size_t rank);

/// `size` before the dimensions of `shape`.
Shape with_examples(const Dim& size, const Shape& shape);
/// The first two axes, of examples and of their rows, in one; and the first axis in two.
Value merge_examples(const Value& x);
Value split_examples(const Value& x, const Dim& size);

/// The outputs of `op` for these inputs.
std::vector<Value> apply_to(const Op& op, std::span<const Value> inputs);

/// An elementwise op on a batch, whose inputs broadcast.
std::vector<Value> batch_elementwise(const Op& op, const BatchArgs& args);
/// An op that treats the matrices or rows of leading axes one by one, of inputs with the same leading axes.
inline std::vector<Value> batch_leading(const Op& op, const BatchArgs& args) {
  return apply_to(op, all_repeated(args));
}
/// An op that treats the rows of its inputs one by one; the rows of all examples follow one another. Empty
/// where an input that differs between examples has another number of rows, or none.
std::vector<Value> batch_rows(const Op& op, const BatchArgs& args);

}  // namespace weft
