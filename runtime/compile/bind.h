#pragma once
// The last stage of the compiler: the kernel objects that run a schedule, one for each step and shard.

#include <memory>
#include <vector>

#include "weft/runtime/compile/schedule.h"

namespace weft {

struct BoundKernels {
  /// [position in Schedule::order][shard]; null where the shard has nothing to do.
  std::vector<std::vector<std::unique_ptr<Kernel>>> shards;
  /// [position][program]: the kernels of the programs that a step holds, which then has none of its own.
  std::vector<std::vector<BoundKernels>> bodies;
  std::size_t scratch_bytes = 0;  // the most that any shard needs
  bool block_signals = false;     // whether any shard needs signals blocked while it runs
};

/// Throws Error(unsupported) when a library refuses what its kernel offered.
BoundKernels bind_kernels(const Lowered& lowered, const Schedule& schedule);

}  // namespace weft
