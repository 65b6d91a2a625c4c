#pragma once
// Convolutions and their gradients, f32, by oneDNN.

#include "weft/runtime/kernels/kernel.h"

namespace weft {

std::optional<KernelChoice> onednn_conv_kernel(const KernelSite& site);

}  // namespace weft
