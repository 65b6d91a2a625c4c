#pragma once
// The ops of ops/communication.h, by the session's communicator. A session without one is a job of one rank.

#include "weft/runtime/kernels/kernel.h"

namespace weft {

std::optional<KernelChoice> exchange_kernel(const KernelSite& site);

}  // namespace weft
