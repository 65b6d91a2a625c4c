#pragma once
// Fast kernels for the ops that only move elements.

#include "weft/runtime/kernels/kernel.h"

namespace weft {

std::optional<KernelChoice> transpose_kernel(const KernelSite& site);
std::optional<KernelChoice> broadcast_kernel(const KernelSite& site);
std::optional<KernelChoice> copy_kernel(const KernelSite& site);
std::optional<KernelChoice> concat_kernel(const KernelSite& site);
std::optional<KernelChoice> slice_kernel(const KernelSite& site);
std::optional<KernelChoice> unslice_kernel(const KernelSite& site);
std::optional<KernelChoice> pad_kernel(const KernelSite& site);
std::optional<KernelChoice> flip_kernel(const KernelSite& site);

}  // namespace weft
