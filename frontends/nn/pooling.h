#pragma once
// Pooling of pictures [batch, channels, height, width] of known sizes, made of several ops.

#include <vector>

#include "weft/ops/conv.h"

namespace weft::nn {

/// The largest elements of pictures cut into 1, 2 x 2, 4 x 4 ... parts, side by side: [batch, channels * sum
/// of levels^2], whatever the size of the pictures (He, Zhang, Ren and Sun, ECCV 2014; Caffe's SPP).
Value spatial_pyramid_pool(const Operand& x, const std::vector<std::int64_t>& levels = {1, 2, 4});

/// Pooling of what is not negative: in training an element of each window is drawn, with a probability in
/// proportion to it; in prediction it is the mean with these weights. A window of zeros gives 0 (Zeiler and
/// Fergus, ICLR 2013; Caffe's STOCHASTIC). `stride` 0 is the window's.
struct StochasticPool2d {
  static constexpr std::string_view kind = "StochasticPool2d";
  Size2d window = 2;
  Size2d stride = 0;

  Value operator()(const Operand& x) const;
  Value train(const Operand& x) const;
};

/// The largest elements of windows whose steps are drawn so that the result has the asked for size: [batch,
/// channels, height, width] (Graham, "Fractional max-pooling", 2014; with pseudorandom steps and windows that
/// overlap, as in PyTorch). All channels and samples of a call share the steps, and each run draws anew.
/// Errors: shape_mismatch, invalid_argument unless window <= size and 1 <= height <= input height - window +
/// 1, and the same of the width.
Value fractional_max_pool2d(const Operand& x, const Size2d& window, const Size2d& size);

}  // namespace weft::nn
