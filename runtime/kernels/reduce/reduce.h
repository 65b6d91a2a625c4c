#pragma once
// Fast kernels for sums and means over any axes, for sums that are added to something as they are made, and
// for the largest along any axes.

#include "weft/runtime/kernels/kernel.h"

namespace weft {

std::optional<KernelChoice> sum_kernel(const KernelSite& site);
std::optional<KernelChoice> mean_kernel(const KernelSite& site);
std::optional<KernelChoice> max_kernel(const KernelSite& site);
std::optional<KernelChoice> min_kernel(const KernelSite& site);
std::optional<KernelChoice> prod_kernel(const KernelSite& site);
std::optional<KernelChoice> sum_accumulate_kernel(const KernelSite& site);

}  // namespace weft
