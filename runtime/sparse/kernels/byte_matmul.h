#pragma once
// The kernel for products with bytes, which looks for their zeros: groups of rows with enough of them go over
// the non-zeros, the others through oneDNN.

#include "weft/runtime/kernels/kernel.h"

namespace weft {

std::optional<KernelChoice> byte_matmul_kernel(const KernelSite& site);

}  // namespace weft
