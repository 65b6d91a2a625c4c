#pragma once
// The order in which oneDNN reads weights that are packed for it.

#include <cstdint>
#include <vector>

namespace weft {

/// An order of elements in blocks. `blocks` are nested, each contiguous in the one before, and cut the axis
/// beside them in `block_axes`; `strides` are between the outermost blocks of each axis. What is beyond the
/// end of an axis is zero.
struct WeightOrder {
  std::vector<std::int64_t> sizes;  // of the axes
  std::vector<std::int64_t> strides;
  std::vector<std::int64_t> blocks;
  std::vector<std::int64_t> block_axes;
  std::int64_t elements = 0;  // zeros included
};

}  // namespace weft
