#pragma once
// Weights into the order in which a kernel reads them.

#include "weft/runtime/kernels/kernel.h"

namespace weft {

/// Takes pack_weights (ops/packed_ops.h). Tiles of the last two axes are copied one after the other, so that
/// what is written stays in the nearest cache.
std::optional<KernelChoice> pack_kernel(const KernelSite& site);

}  // namespace weft
