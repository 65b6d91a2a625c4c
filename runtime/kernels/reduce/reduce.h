#pragma once
// Sums of f32 over neighbouring axes: over the batch (a bias gradient), over the last axis, over everything.

#include "weft/runtime/kernels/kernel.h"

namespace weft {

std::optional<KernelChoice> sum_kernel(const KernelSite& site);
std::optional<KernelChoice> sum_accumulate_kernel(const KernelSite& site);

}  // namespace weft
