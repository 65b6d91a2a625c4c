#pragma once
// Elementwise ops, alone or fused into a chain: one pass over memory in tiles that stay in the cache.

#include "weft/runtime/kernels/kernel.h"

namespace weft {

std::optional<KernelChoice> elementwise_kernel(const KernelSite& site);

}  // namespace weft
