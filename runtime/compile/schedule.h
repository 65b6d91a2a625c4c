#pragma once
// The order of steps, and where threads must wait for each other: a pure function. Every thread walks the
// same list. Each step that can be cut is cut into the same number of shards, and thread t computes its share
// of them; a step that is not cut runs in thread 0. What is computed depends on the shards alone. A barrier
// stands only before a step that touches rows that another thread wrote, or writes rows that another thread
// read, since the last barrier.

#include <cstddef>
#include <string>
#include <vector>

#include "weft/runtime/compile/lower.h"

namespace weft {

struct Schedule {
  struct Entry {
    std::size_t step = 0;  // index into Lowered::steps
    bool barrier_before = false;
    std::int64_t phase = 0;  // barriers so far: steps of one phase may run at the same time
  };
  int threads = 1;
  int shards = 1;  // of each step that is cut
  std::vector<Entry> order;
  /// For each storage the one whose memory it takes: itself, or an input that nothing reads after the step
  /// that makes it, and that its kernel may overwrite.
  std::vector<std::size_t> memory_of;
  std::size_t barriers() const;
};

/// Where dependencies and barriers leave a choice, steps keep their creation order; or, where that keeps less
/// memory alive and needs no more barriers, the one that frees most goes first: an optimizer then updates
/// each weight as soon as its gradient is there, and not all of them at the end. With `shards` 0, a step is
/// cut into as many shards as there are threads.
Schedule schedule(const Lowered& lowered, int threads, int shards = 0);

/// Where each storage of Place::arena lies in the arena, and the arena's size. The offset of a storage that
/// lies elsewhere is 0.
struct ArenaPlan {
  std::vector<std::size_t> offsets;
  std::size_t bytes = 0;
  std::size_t peak_live = 0;
};
ArenaPlan plan_arena(const Lowered& lowered, const Schedule& schedule);

/// One line for each step: order, barrier, kernel, cut, and where the result goes.
std::string to_text(const Lowered& lowered, const Schedule& schedule, const ArenaPlan& arena);

}  // namespace weft
