#pragma once
// Matrix products in our own blocks, or for f32 through oneDNN where that is faster; both with a bias and an
// activation, or added to another matrix. They are cut along the rows of the result, or along its columns
// where there are few rows; batches along their first axis.

#include "weft/runtime/kernels/kernel.h"
#include "weft/runtime/ops/gemm.h"

namespace weft {

/// Whether these kernels can apply an elementwise op to their result while it is in the cache.
bool can_finish_matmul(const Op& op);

/// Products in blocks where they are faster than oneDNN's: all of f64, and some of f32.
std::optional<KernelChoice> blocked_matmul_kernel(const KernelSite& site);
std::optional<KernelChoice> onednn_matmul_kernel(const KernelSite& site);
/// Products of two bf16 by oneDNN, added in f32, on CPUs with instructions for them (avx512_bf16).
std::optional<KernelChoice> bf16_matmul_kernel(const KernelSite& site);
/// Products with packed weights.
std::optional<KernelChoice> packed_matmul_kernel(const KernelSite& site);
/// The formula of the product with its weight packed, for a kernel that is cut into so many shards; nothing
/// for another op, and where the packed form is no faster.
std::optional<GemmFormula> packed_formula(const KernelSite& site, int shards);
/// Products in blocks, of all shapes.
std::optional<KernelChoice> other_matmul_kernel(const KernelSite& site);

}  // namespace weft
