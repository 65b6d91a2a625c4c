#pragma once
// Kernels for products whose left side is stored as its non-zeros.

#include "weft/runtime/kernels/kernel.h"

namespace weft {

std::optional<KernelChoice> checked_rows_kernel(const KernelSite& site);
std::optional<KernelChoice> checked_entries_kernel(const KernelSite& site);
std::optional<KernelChoice> resident_matmul_kernel(const KernelSite& site);
std::optional<KernelChoice> resident_split_kernel(const KernelSite& site);
std::optional<KernelChoice> resident_column_block_kernel(const KernelSite& site);
std::optional<KernelChoice> resident_gradient_kernel(const KernelSite& site);

}  // namespace weft
