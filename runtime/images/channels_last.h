#pragma once
// The layout of pictures. Convolutions are fastest where the channels of a pixel lie side by side. This pass
// brings the pictures that convolutions make, and all that elementwise ops, reductions and normalizations
// make of them, into that order, so that they are reordered where they enter and leave and not around each
// convolution.

#include "weft/graph/passes/pass.h"

namespace weft {

/// Pictures of f32 convolutions as [batch, height, width, channels] (ChannelsLastConvolution) from one to the
/// next. What is not elementwise, a reduction or a convolution gets them back as [batch, channels, height,
/// width].
Pass channels_last();

}  // namespace weft
