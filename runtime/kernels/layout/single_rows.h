#pragma once
// Fast kernels for ops on single rows of a table (ops/row_ops.h): sum_equal_rows and replace_rows.

#include "weft/runtime/kernels/kernel.h"

namespace weft {

std::optional<KernelChoice> sum_equal_rows_kernel(const KernelSite& site);
std::optional<KernelChoice> replace_rows_kernel(const KernelSite& site);

}  // namespace weft
