#pragma once
// Batches that are made in another thread while the last ones are trained on.

#include <cstdint>

#include "weft/frontends/train.h"

namespace weft {

/// A generator (train.h) that asks `generator` in a thread of its own for up to `ahead` batches before they
/// are needed, in the same order, so that training sees the same batches as without. `generator` is called by
/// that thread alone and must not use what the caller changes meanwhile; what it throws is thrown where its
/// batch would have come. Where training goes on elsewhere than behind the last batch, what was made ahead is
/// dropped; behind the last epoch batches of another may be asked for in vain. Copies share one thread, which
/// ends with the last of them. Error(invalid_argument) unless ahead >= 1.
BatchGenerator prefetched(BatchGenerator generator, std::int64_t ahead = 2);

}  // namespace weft
