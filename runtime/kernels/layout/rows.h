#pragma once
// Fast kernels for ops that choose rows of a table by index: gather, scatter_add, scatter_accumulate and
// one_hot.

#include "weft/runtime/kernels/kernel.h"

namespace weft {

std::optional<KernelChoice> gather_kernel(const KernelSite& site);
std::optional<KernelChoice> scatter_add_kernel(const KernelSite& site);
std::optional<KernelChoice> scatter_accumulate_kernel(const KernelSite& site);
std::optional<KernelChoice> one_hot_kernel(const KernelSite& site);

}  // namespace weft
