#pragma once
// Euclidean norms: the squares are summed in double.

#include "weft/runtime/kernels/kernel.h"

namespace weft {

std::optional<KernelChoice> norm_kernel(const KernelSite& site);

}  // namespace weft
