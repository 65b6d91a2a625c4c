#pragma once
// The one ordered list of kernels: the first that offers to compute a node wins, the reference is last.

#include "weft/runtime/kernels/kernel.h"

namespace weft {

/// The list, best first. `reference_kernel` accepts everything.
std::span<const KernelEntry> kernel_list();

/// The first offer for a site: of `own` kernels, then of the list. With `reference_only` the reference
/// kernel's.
KernelChoice choose_kernel(const KernelSite& site, bool reference_only = false,
                           std::span<const KernelEntry> own = {});

}  // namespace weft
