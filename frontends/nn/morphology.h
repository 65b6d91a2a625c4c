#pragma once
// Pictures [batch, channels, height, width] of which each pixel becomes the largest or the least of what lies
// around it.

#include "weft/ops/conv.h"

namespace weft::nn {

/// y = max over the window of x + w, for w [channels, window height, window width], over places inside the
/// picture; with w of zeros it is max pooling (TensorFlow's dilation2d). Ties share the gradient. Errors:
/// shape_mismatch, dtype_mismatch.
Value dilation2d(const Operand& x, const Operand& w, const Size2d& stride = 1);
/// y = min over the window of x - w.
Value erosion2d(const Operand& x, const Operand& w, const Size2d& stride = 1);

}  // namespace weft::nn
