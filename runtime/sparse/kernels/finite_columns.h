#pragma once
// Looks through a weight for numbers that are not finite, for products that skip zeros.

#include "weft/runtime/kernels/kernel.h"

namespace weft {

std::optional<KernelChoice> finite_columns_kernel(const KernelSite& site);

}  // namespace weft
