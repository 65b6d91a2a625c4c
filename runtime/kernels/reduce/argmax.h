#pragma once
// The fast kernel for argmax along any axis.

#include "weft/runtime/kernels/kernel.h"

namespace weft {

std::optional<KernelChoice> argmax_kernel(const KernelSite& site);

}  // namespace weft
