#pragma once
// Attention and its gradient, f32 and f64, by blocks of scores that stay in the second-level cache
// (FlashAttention-2, Dao, ICLR 2024). Heads are cut along the first axis of the result; a single head is cut
// along its queries, its gradient not at all.

#include "weft/runtime/kernels/kernel.h"

namespace weft {

std::optional<KernelChoice> attention_kernel(const KernelSite& site);
std::optional<KernelChoice> attention_gradient_kernel(const KernelSite& site);

}  // namespace weft
