#pragma once
// Steps that hold programs: loops and branches. All threads run them, and the plan walks their programs
// (run/control_run.h), so that this offer has no Kernel of its own.

#include "weft/runtime/kernels/kernel.h"

namespace weft {

std::optional<KernelChoice> control_kernel(const KernelSite& site);

}  // namespace weft
