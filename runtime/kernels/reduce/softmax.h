#pragma once
// Softmax, alone and inside the cross-entropy, and the logarithm of its denominator, on f32 rows.

#include "weft/runtime/kernels/kernel.h"

namespace weft {

std::optional<KernelChoice> softmax_kernel(const KernelSite& site);
std::optional<KernelChoice> log_softmax_kernel(const KernelSite& site);
std::optional<KernelChoice> softmax_gradient_kernel(const KernelSite& site);
std::optional<KernelChoice> logsumexp_kernel(const KernelSite& site);
std::optional<KernelChoice> softmax_cross_entropy_kernel(const KernelSite& site);

}  // namespace weft
