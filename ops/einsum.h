#pragma once
// Products over named axes, made of matrix products, transposes and sums. Floats that share a summed axis are
// multiplied by matmul, with its accuracy; all else, integers too, by products and sums that fuse.

#include <string_view>

#include "weft/ops/matmul.h"

namespace weft {

/// Einstein's summation as NumPy writes it: "bij,bjk->bik" names the axes of each operand, and of the result,
/// by letters; an axis that the result does not name is summed over, and a letter twice in one operand is its
/// diagonal. Without "->" the result has the letters that occur once, in alphabetical order. "..." stands for
/// any further axes, which broadcast. An axis of size 1 broadcasts. Sizes may be symbols, but for diagonals.
/// Two operands at a time are contracted, first those whose result is smallest beside what it replaces
/// (greedy; a symbol counts as 32). Errors: invalid_argument for a text of another form, shape_mismatch,
/// dtype_mismatch.
Value einsum(std::string_view equation, std::span<const Value> operands, Where where = Where::current());
Value einsum(std::string_view equation, std::initializer_list<Operand> operands);

/// The sum over the last `axes` axes of a and the first of b, in order: [a..., b...]. 0 is an outer product.
Value tensordot(const Operand& a, const Operand& b, std::int64_t axes = 2);
/// The sum over these axes, in pairs.
Value tensordot(const Operand& a, const Operand& b, const std::vector<std::int64_t>& axes_of_a,
                const std::vector<std::int64_t>& axes_of_b);
/// The product of every element of a with every one of b: [elements of a, elements of b].
Value outer(const Operand& a, const Operand& b);
/// The sum over the last axis of a and the last but one of b, or the only one: vectors, matrices, and more
/// axes as NumPy's dot takes them.
Value dot(const Operand& a, const Operand& b);
/// dot for each place of a first axis, which a and b share: [b, ...] x [b, ...], of two or three axes each.
Value batched_dot(const Operand& a, const Operand& b);

}  // namespace weft
