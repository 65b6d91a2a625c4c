#pragma once
// Split-K for products that skip zeros. In a training step a product reads all of a weight that the step then
// updates. Where threads cut the product by rows of the batch and the update by rows of the weight, each of
// them reads in every step what another has written. Split along the weight's rows, the product is a sum of
// one term for each part, and a thread never touches other rows of the weight than its own: what goes from
// cache to cache are the terms, which are as small as the batch.

#include "weft/graph/passes/pass.h"

namespace weft {

/// Splits products whose weight is updated, and large compared with the terms, into `parts` terms: by shapes
/// and data alone, so that the bits of a result do not depend on what was measured of the machine.
Pass split_products(int parts);

}  // namespace weft
