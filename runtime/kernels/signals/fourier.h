#pragma once
// Fourier transforms of several rows at a time, side by side in vectors, where the length has small factors.

#include "weft/runtime/kernels/kernel.h"

namespace weft {

std::optional<KernelChoice> fourier_kernel(const KernelSite& site);

}  // namespace weft
