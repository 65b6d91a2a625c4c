#pragma once
// The one ordered list of kernels: the first that offers to compute a node wins, the reference is last.

#include <span>
#include <string>

#include "weft/runtime/kernels/kernel.h"

namespace weft {

/// The list, best first. `reference_kernel` accepts everything.
std::span<const KernelEntry> kernel_list();

/// The first offer for a site: of `own` kernels, then of the list; those named in `left_out` are not asked,
/// except the reference kernel. With `reference_only` that one's.
KernelChoice choose_kernel(const KernelSite& site, bool reference_only = false,
                           std::span<const KernelEntry> own = {}, std::span<const std::string> left_out = {});

}  // namespace weft
