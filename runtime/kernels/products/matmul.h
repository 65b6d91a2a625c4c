#pragma once
// Matrix products: f32 through oneDNN, f64 through Eigen; both with a bias and an activation, or added to
// another matrix. They are cut along the rows of the result, batches along their first axis.

#include "weft/runtime/kernels/kernel.h"

namespace weft {

/// Whether these kernels can apply an elementwise op to their result while it is in the cache.
bool can_finish_matmul(const Op& op);

std::optional<KernelChoice> onednn_matmul_kernel(const KernelSite& site);
std::optional<KernelChoice> eigen_matmul_kernel(const KernelSite& site);

}  // namespace weft
