#pragma once
// The arithmetic of exchanges, in the order of ranks. For communicators that compute sums themselves.

#include <cstddef>
#include <cstdint>
#include <span>

#include "weft/graph/dtype.h"
#include "weft/ops/rank_reduction.h"

namespace weft {

/// Whether elements of this dtype can be reduced so: sums, minima and maxima of all numbers, means of f32 and
/// f64. Floats of 16 bits cannot, since their sums would be rounded at every rank.
bool can_reduce(DType dtype, RankReduction reduction);

/// out[i] = the reduction over `terms` of terms[r][i], from the first to the last. `out` may be one of the
/// terms, and must not overlap others. What `streamed` points to, where it is not null, gets the same, past
/// the caches (runtime/machine/streaming.h). Throws Error(unsupported) unless can_reduce.
void combine(DType dtype, RankReduction reduction, std::span<const std::byte* const> terms, std::byte* out,
             std::int64_t count, std::byte* streamed = nullptr);

}  // namespace weft
