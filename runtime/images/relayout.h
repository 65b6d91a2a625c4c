#pragma once
// The order of pictures in memory. Convolutions are fastest where the channels of a pixel lie side by side,
// or the same elements of many pictures. These passes bring the pictures that convolutions make, and all that
// elementwise ops, reductions, normalizations and poolings make of them, into such an order, so that they are
// reordered where they enter and leave and not around each convolution. Any other op gets them back as
// [batch, channels, height, width].

#include "weft/graph/passes/pass.h"

namespace weft {

/// Pictures of f32 convolutions as [batch / lanes, height, width, channels, lanes] (InterleavedConvolution),
/// in programs whose convolutions are all fast in this order: `shards` blocks of as many pictures as the
/// CPU's vectors have lanes, and groups of some channels and filters.
Pass interleave_pictures(int shards);

/// Pictures of f32 convolutions as [batch, height, width, channels] (ChannelsLastConvolution).
Pass channels_last();

}  // namespace weft
