#pragma once
// A tensor repeated along the axes of a larger shape.

#include "weft/runtime/kernels/kernel.h"

namespace weft {

std::optional<KernelChoice> broadcast_kernel(const KernelSite& site);

}  // namespace weft
