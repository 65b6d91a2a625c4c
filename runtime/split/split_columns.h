#pragma once
// Tensor parallelism (Shoeybi et al., Megatron-LM, 2019) for the first layer of a network. Where a step
// updates the weight w [k, n] of a product with data, and what the product makes goes through elementwise ops
// into further products, the columns of w can be parted: every thread then computes its own columns of what
// lies between, [batch, n], and of the gradients on the way back, and needs nothing of the others'. What goes
// from cache to cache are the terms of the product behind, which are as small as its result.
//
// split_products.h parts the same weight along its rows: then all of [batch, n] goes from cache to cache.

#include "weft/graph/passes/pass.h"

namespace weft {

/// Lets values [batch, n] between a product with data and further products lie in panels of columns, [parts,
/// batch, n / parts], where n is wide enough: by shapes alone, so that the bits of a result do not depend on
/// what was measured of the machine.
Pass split_columns(int parts);

}  // namespace weft
