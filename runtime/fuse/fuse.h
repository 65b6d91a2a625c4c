#pragma once
// The fuse stage. Each rule is a pass of its own, which replaces a pattern by one op and can be left out.

#include <optional>
#include <span>

#include "weft/graph/passes/pass.h"
#include "weft/runtime/kernels/kernel.h"

namespace weft {

/// A product with any left side, then a bias along the last axis, then an activation -> one gemm. Bias and
/// activation are optional. What is fused away must have no other user; in training that holds for
/// activations whose gradient reads their output.
Pass fuse_matmul();

/// Products with rows of a table [n, k], as an embedding's are, where rows are read at least twice on average
/// -> products with the table, each row once: table[i] W = (table W)[i]; table[i]^T d = table^T (d added up
/// by i); d W added up by i = (d added up by i) W; and table[i] + b = (table + b)[i]. Sums by index are
/// rounded once (ops/gather.h), so that products stay as accurate as MatMul says. Rows that no index names
/// are never read.
Pass gathered_products();

/// An f32 convolution, times or divided by, plus or minus, one number for each channel, and relu ->
/// fused_convolution, with scaled filters: the normalization of a batch in its inference form costs nothing.
/// What is fused away must have no other user.
Pass fuse_convolution();

/// Products of f32 with a weight that parameters and constants alone decide -> a gemm whose weight is in the
/// order of its kernel: packing is hoisted (compile/hoist.h). Nothing in programs that change the
/// session, where nothing is kept. In a loop's body, so are arguments from number `first_fixed` on
/// (fixed_values.h). Products that a kernel of `own` takes stay as they are.
std::optional<Program> pack_products(const Program& program, std::span<const KernelEntry> own, int shards,
                                     std::size_t first_fixed);

/// w + s * (A B) or w - s * (A B), where the product has the shape of w -> one op that adds to w as it
/// multiplies: no memory for the product, no second pass over w. A scale that is not a constant moves to the
/// operand B.
/// Likewise b + s * sum(x) over the first axes, with a constant s -> sum_accumulate.
Pass fuse_accumulate();

/// A sum of values that are zeros but for a part, unslice or scatter_add, as the gradient of what was sliced
/// or gathered from many times -> as few of them as the parts fit into side by side: each part is written
/// once. So the zeros of the other terms are not added to a part, and a -0 in it stays one.
Pass fuse_scattered();

/// gather(scatter_add(x, i), i) -> sum_equal_rows, and scatter_nd that sets rows of a table -> replace_rows:
/// an update of the rows of a table that a batch names visits no others, since replace_rows writes in place.
/// Before fuse_accumulate. The indices are checked before anything is updated.
Pass fuse_rows();

/// Operands of products in the dtype in which they are multiplied, each cast once: f16 and bf16 to f32, but
/// for two bf16 where the CPU multiplies those. If `rounds`, those of all products that are worth it to bf16;
/// where the CPU has no instructions for it they are rounded to it and multiplied in f32.
Pass half_products(bool rounds);

/// A sum of at least four products a^T b, as the gradient of a weight that is read many times -> one product
/// of the a and of the b, one after the other: the sum is written once and not with each product.
Pass join_products();

/// Elementwise ops of one shape that read each other -> fused_elementwise, with an output for each value that
/// is read outside: an optimizer updates a weight and its slots in one pass.
Pass fuse_elementwise();

/// (probabilities - one_hot(labels)) * scale behind a softmax_cross_entropy of the same labels ->
/// fused_cross_entropy: the loss and its gradient in one pass over the logits.
Pass fuse_cross_entropy();

/// A gather of rows that only one elementwise op reads -> fused_gather: rows go through the chain as they are
/// read. After fuse_elementwise.
Pass fuse_gather();

}  // namespace weft
