#pragma once
// Layers without parameters for images [batch, channels, height, width].

#include <cstdint>

#include "weft/graph/graph.h"

namespace weft::nn {

struct Padding {
  std::int64_t top = 0;
  std::int64_t bottom = 0;
  std::int64_t left = 0;
  std::int64_t right = 0;
};

/// Zeros around the last two axes: [..., h, w] -> [..., top + h + bottom, left + w + right]. Errors:
/// shape_mismatch for other ranks and symbolic sizes, invalid_argument for negative padding.
Value zero_padding(const Operand& x, const Padding& padding);

/// Each element as a block: [..., h, w] -> [..., h * factor, w * factor]. Errors as above.
Value upsample_nearest(const Operand& x, std::int64_t factor);

/// The mean over all axes after the first two: [batch, channels, ...] -> [batch, channels].
Value global_mean_pool(const Operand& x);
/// The largest; ties share the gradient.
Value global_max_pool(const Operand& x);

}  // namespace weft::nn
