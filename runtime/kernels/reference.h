#pragma once
// The op's own reference kernel as the last choice for every node, and how a custom op runs. Elementwise and
// row-wise ops are cut over threads by what their traits promise. Unlike the fast kernels, a run of it may
// allocate: to bring operands to one shape, and whatever the op's own reference needs.

#include "weft/runtime/kernels/kernel.h"

namespace weft {

std::optional<KernelChoice> reference_kernel(const KernelSite& site);

}  // namespace weft
