#pragma once
// Pooling of f32 pictures: loops along the rows of the output.

#include "weft/runtime/kernels/kernel.h"

namespace weft {

std::optional<KernelChoice> max_pool_kernel(const KernelSite& site);
std::optional<KernelChoice> plane_scatter_kernel(const KernelSite& site);
std::optional<KernelChoice> avg_pool_kernel(const KernelSite& site);
std::optional<KernelChoice> avg_pool_gradient_kernel(const KernelSite& site);

}  // namespace weft
