#pragma once
// Fast kernels for the ops of ops/moments.h, on f32.

#include "weft/runtime/kernels/kernel.h"

namespace weft {

std::optional<KernelChoice> moments_kernel(const KernelSite& site);
std::optional<KernelChoice> centred_sums_kernel(const KernelSite& site);

}  // namespace weft
