#pragma once
// Tensor parallelism (Shoeybi et al., Megatron-LM, 2019) for the first layer of a network. It applies where a
// step updates the weight w [k, n] of a product with data, and the product's result passes through
// element-wise ops into further products. The columns of w are then sharded: every thread computes its own
// columns of the values [batch, n] between the products, and of the gradients on the way back, and reads
// nothing that another thread wrote. Only the terms of the next product move between caches, and they are as
// small as its result.
//
// split_products.h shards the same weight along its rows instead; then all of [batch, n] moves between
// caches.

#include "weft/graph/passes/pass.h"

namespace weft {

/// Stores the values [batch, n] between a product with data and further products as column blocks,
/// [shards, batch, n / shards], where n is wide enough. Shapes alone decide, so that the bits of a result do
/// not depend on measurements of the machine.
Pass split_columns(int shards);

}  // namespace weft
