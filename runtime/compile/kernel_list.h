#pragma once
// The one ordered list of kernels. The first kernel that offers to compute a node is taken; the reference
// kernel is last.

#include <span>
#include <string>

#include "weft/runtime/kernels/kernel.h"

namespace weft {

/// The list, best first. `reference_kernel` accepts everything.
std::span<const KernelEntry> kernel_list();

/// The first offer for a site, by the `own` kernels and then by the list. Kernels named in `left_out` are not
/// asked, except the reference kernel. With `reference_only` it is the only one asked.
KernelChoice choose_kernel(const KernelSite& site, bool reference_only = false,
                           std::span<const KernelEntry> own = {}, std::span<const std::string> left_out = {});

}  // namespace weft
