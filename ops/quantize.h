#pragma once
// Numbers as they would be in few bits, while a network still learns.

#include "weft/graph/graph.h"

namespace weft {

struct QuantizeOptions {
  std::int64_t bits = 8;  // in [2, 16]
  /// Whether the lowest of the 2^bits steps is left out, so that there are as many below 0 as above
  /// (TensorFlow's narrow_range).
  bool narrow = false;
};

/// x rounded to the nearest of 2^bits numbers at equal distances from `low` to `high`, which are first moved
/// by less than half a distance so that 0 is one of them; beyond the ends it is the nearest end. In gradients
/// the rounding counts as the identity: dx = dy between the ends and 0 beyond them (Bengio, Leonard and
/// Courville 2013; Jacob et al., CVPR 2018; TensorFlow's fake_quant_with_min_max_args). Errors:
/// invalid_argument unless low <= 0 <= high and low < high, and for other numbers of bits.
Value fake_quantize(const Operand& x, double low, double high, const QuantizeOptions& options = {});

}  // namespace weft
