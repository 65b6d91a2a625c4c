#pragma once
// Pooling of pictures whose channels, or the channels of several pictures, lie side by side at each pixel:
// f32, a vector of channels at a time.

#include "weft/runtime/kernels/kernel.h"

namespace weft {

std::optional<KernelChoice> pixel_pool_kernel(const KernelSite& site);

}  // namespace weft
