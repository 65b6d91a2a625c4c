#pragma once

#include "weft/runtime/kernels/kernel.h"

namespace weft {

/// Random numbers, cut over threads: every element has bits of its own, whatever the cuts.
std::optional<KernelChoice> random_kernel(const KernelSite& site);

}  // namespace weft
