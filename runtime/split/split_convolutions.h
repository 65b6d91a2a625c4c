#pragma once
// Gradients of filters, cut over the batch. A shard of some filters alone would read all pictures, and leave
// lanes of the vectors without work where there are few filters. A shard of the batch reads the pictures that
// the same shard made, and writes a term; the terms are added where the gradient is read.

#include "weft/graph/passes/pass.h"

namespace weft {

/// Sums of `shards` terms in place of gradients of filters that are smaller than the pictures which they are
/// computed from.
Pass split_convolutions(int shards);

}  // namespace weft
