#pragma once
// Pictures as patches, for layers that a convolution cannot express.

#include "weft/ops/conv.h"

namespace weft {

/// The patches of pictures [batch, channels, height, width] that a window meets, in zeros where it pads:
/// [batch, channels * window height * window width, positions], positions row by row. `options.groups` must
/// be 1. Gradients add up where patches overlap. (im2col; PyTorch's unfold.)
Value unfold2d(const Operand& x, const Size2d& window, const Conv2dOptions& options = {});

/// A convolution with weights of their own at each position: x [batch, channels, height, width] and w
/// [positions, channels * window height * window width, filters] give [batch, filters, positions' height,
/// positions' width]. (Keras's LocallyConnected2D.)
Value local_conv2d(const Operand& x, const Operand& w, const Size2d& window,
                   const Conv2dOptions& options = {});

}  // namespace weft
