#pragma once
// Convolutions and their gradients, f32, by oneDNN; their filters may be packed.

#include <optional>

#include "weft/runtime/kernels/kernel.h"
#include "weft/runtime/machine/onednn_conv.h"

namespace weft {

/// How oneDNN would compute the whole of a convolution; nothing for a site that it does not take.
std::optional<OneDnnConvSpec> onednn_conv_spec(const KernelSite& site);

std::optional<KernelChoice> onednn_conv_kernel(const KernelSite& site);

}  // namespace weft
