#pragma once
// The op's own reference kernel as the last choice for every node, and how a custom op runs. Elementwise and
// row-wise ops are cut over threads by what their traits promise.

#include "weft/runtime/kernels/kernel.h"

namespace weft {

std::optional<KernelChoice> reference_kernel(const KernelSite& site);

}  // namespace weft
