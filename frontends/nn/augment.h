#pragma once
// Pictures changed at random, for training: [batch, channels, height, width], each sample in a way of its
// own, anew in each run. They are ordinary graph, so that they run within the compiled step, and a seed
// repeats them. Errors: shape_mismatch unless x has four axes with known sizes behind the first;
// dtype_mismatch; invalid_argument.

#include "weft/graph/graph.h"

namespace weft::nn {

/// Mirrored with probability p along an axis: -1 from left to right, -2 from top to bottom.
Value random_flip(const Operand& x, double p = 0.5, std::int64_t axis = -1);
/// A part of that size from anywhere in each picture; pad() first to let it reach beyond the border.
Value random_crop(const Operand& x, std::int64_t height, std::int64_t width);

struct AffineOptions {
  double degrees = 0.0;  // turned by up to so much to either side
  double shift = 0.0;    // moved by up to so much of the height and width
  double zoom = 0.0;     // scaled by a factor in [1 - zoom, 1 + zoom]; below 1
  double shear = 0.0;    // x moved by up to so much of y
};
/// Turned, moved, scaled and sheared by random amounts, with zeros where there is no picture (Keras's
/// ImageDataGenerator).
Value random_affine(const Operand& x, const AffineOptions& options);

/// x + d, and mean + f (x - mean) with each picture's mean, for d in [-delta, delta] and f in [1 - share, 1 +
/// share].
Value random_brightness(const Operand& x, double delta);
Value random_contrast(const Operand& x, double share);

// --- the same amounts for all: for x [..., 3, height, width] of red, green and blue ---

/// 0.299 red + 0.587 green + 0.114 blue (ITU-R BT.601): [..., 1, height, width].
Value grayscale(const Operand& x);
/// gray + factor (x - gray): 0 takes the colours away, 1 leaves them.
Value adjust_saturation(const Operand& x, double factor);
/// mean + factor (x - mean) with the mean of each channel of each picture.
Value adjust_contrast(const Operand& x, double factor);

}  // namespace weft::nn
