#pragma once
// Rows by index, copied whole.

#include "weft/runtime/kernels/kernel.h"

namespace weft {

std::optional<KernelChoice> gather_kernel(const KernelSite& site);

}  // namespace weft
