#pragma once
// Decompositions and solutions by blocked algorithms in f64, whatever the dtype: those of f32 are rounded
// once at the end. Batches are cut along their first axis, and one system with many right sides along their
// columns.

#include "weft/runtime/kernels/kernel.h"

namespace weft {

std::optional<KernelChoice> cholesky_kernel(const KernelSite& site);
std::optional<KernelChoice> triangular_solve_kernel(const KernelSite& site);

}  // namespace weft
