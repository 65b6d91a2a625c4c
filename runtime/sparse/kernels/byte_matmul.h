#pragma once
// The kernel for products with bytes, which looks for their zeros. For groups of rows with enough zeros it
// multiplies only the non-zeros; the others go through oneDNN.

#include "weft/runtime/kernels/kernel.h"

namespace weft {

std::optional<KernelChoice> byte_matmul_kernel(const KernelSite& site);

}  // namespace weft
