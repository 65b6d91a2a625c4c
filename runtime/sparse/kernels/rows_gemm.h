#pragma once
// Kernels for products whose left side is stored as its non-zeros.

#include "weft/runtime/kernels/kernel.h"

namespace weft {

std::optional<KernelChoice> checked_rows_kernel(const KernelSite& site);
std::optional<KernelChoice> checked_entries_kernel(const KernelSite& site);
/// A gemm whose left side is stored, with its columns or its terms cut too.
std::optional<KernelChoice> rows_gemm_kernel(const KernelSite& site);
/// The same with its left side transposed: the gradient of a weight, or its update.
std::optional<KernelChoice> rows_gradient_kernel(const KernelSite& site);

}  // namespace weft
