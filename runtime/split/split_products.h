#pragma once
// Split-K for products that skip zeros. In a training step a product reads all of a weight that the step then
// updates. Where threads cut the product by rows of the batch and the update by rows of the weight, each
// thread reads in every step what another has written. Split along the weight's rows, the product is a sum
// with one term for each shard, and a thread touches only its own rows of the weight. Only the terms move
// between caches, and they are as small as the batch.

#include "weft/graph/passes/pass.h"

namespace weft {

/// Splits products whose weight is updated, and large compared with the terms, into `shards` terms. Shapes
/// and data alone decide, so that the bits of a result do not depend on measurements of the machine.
Pass split_products(int shards);

}  // namespace weft
