#pragma once
// Normalization of pictures [batch, channels, height, width] by what lies around each pixel. Windows are odd
// and lie around their pixel; at the borders only what is inside counts. Errors: shape_mismatch unless x has
// four axes, invalid_argument for a window that is even or below 1.

#include "weft/graph/graph.h"

namespace weft::nn {

/// x less the mean over all channels of a window (Torch's SpatialSubtractiveNormalization with a kernel of
/// ones).
Value subtractive_norm(const Operand& x, std::int64_t window = 9);
/// x divided by the root mean square over all channels of a window, where that is above `threshold`, else by
/// `threshold` (Torch's SpatialDivisiveNormalization).
Value divisive_norm(const Operand& x, std::int64_t window = 9, double threshold = 1e-4);
/// Both, one after the other (Jarrett, Kavukcuoglu, Ranzato and LeCun, ICCV 2009; Torch's
/// SpatialContrastiveNormalization).
Value contrastive_norm(const Operand& x, std::int64_t window = 9, double threshold = 1e-4);

struct WithinChannelOptions {
  std::int64_t window = 5;
  double alpha = 1.0;
  double beta = 0.75;
};
/// x / (1 + alpha / window^2 * s)^beta, where s is the sum of x^2 over a window of the same channel, in which
/// pixels outside are 0 (Caffe's LRN with WITHIN_CHANNEL). Across channels it is local_response_norm
/// (conv.h).
Value local_response_norm_within(const Operand& x, const WithinChannelOptions& options = {});

}  // namespace weft::nn
