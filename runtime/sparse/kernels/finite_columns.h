#pragma once
// Looks through a weight for what is not finite, as products that skip zeros need it.

#include "weft/runtime/kernels/kernel.h"

namespace weft {

std::optional<KernelChoice> finite_columns_kernel(const KernelSite& site);

}  // namespace weft
