#pragma once
// The op's own reference kernel, which is the last choice for every node and runs custom ops. The op's traits
// say whether it can be cut into shards: elementwise and row-wise ops can. Unlike a fast kernel it may
// allocate in a run, to bring operands to one shape and for whatever the op itself needs.

#include "weft/runtime/kernels/kernel.h"

namespace weft {

std::optional<KernelChoice> reference_kernel(const KernelSite& site);

}  // namespace weft
