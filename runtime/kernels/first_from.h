#pragma once
// Where a part of the columns begins in a row of non-zeros. Internal to runtime/kernels/.

#include <cstdint>

#include "weft/runtime/kernels/kernel.h"

namespace weft {

/// The first of the ascending columns [row.begin, row.end) that is not below `bound`; row.end if all are.
/// Rows differ too much for a processor to guess the way, so no step branches on what it compares.
template <typename C>
std::int64_t first_from(const C* columns, Range row, std::int64_t bound) {
  const C* at = columns + row.begin;
  std::int64_t left = row.end - row.begin;
  while (left > 0) {
    const std::int64_t half = (left + 1) / 2;
    at += std::int64_t{at[half - 1]} < bound ? half : 0;
    left -= half;
  }
  return at - columns;
}

}  // namespace weft
