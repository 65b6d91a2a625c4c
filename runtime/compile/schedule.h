#pragma once
// The order of steps, and where threads must wait for each other: a pure function. Every thread walks the
// same list. Each step that can be cut is cut into the same number of shards, and thread t computes its share
// of them. A step that is not cut runs in one thread, its home; independent branches of such steps run side
// by side. What is computed depends on the shards alone. A barrier stands only before a step that touches
// rows that another thread wrote, or writes rows that another thread read, since the last barrier.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "weft/runtime/compile/lower.h"

namespace weft {

struct BodyPlan;

struct Schedule {
  struct Entry {
    std::size_t step = 0;  // index into Lowered::steps
    bool barrier_before = false;
    std::int64_t phase = 0;  // barriers so far: steps of one phase may run at the same time
    int home = 0;            // the thread of a step that is not cut
    /// The exchanges under way behind it, which the calling thread then moves on: the positions of the steps
    /// that started them.
    std::vector<std::size_t> tests{};
  };
  int threads = 1;
  int shards = 1;  // of each step that is cut
  std::vector<Entry> order;
  /// For each storage, the storage whose memory it uses: its own, or that of an input of the step that makes
  /// it, if the kernel may overwrite that input and nothing reads it later.
  std::vector<std::size_t> memory_of;
  /// For each position of the order: how the programs that the step holds are run.
  std::vector<std::vector<std::shared_ptr<const BodyPlan>>> bodies;
  std::size_t barriers() const;
};

/// Where dependencies and barriers leave a choice, steps keep their creation order, or the step that frees
/// most memory goes first if that keeps less memory alive and needs no more barriers. An optimizer then
/// updates each weight as soon as its gradient is there, and not all weights at the end. Steps that are not
/// cut have thread 0 as their home, unless branches side by side promise to end sooner. With `shards` 0, a
/// step is cut into as many shards as there are threads.
Schedule schedule(const Lowered& lowered, int threads, int shards = 0);

/// The position of the step that started the exchange which the step at `position` waits for, if it does.
std::optional<std::size_t> finished_by(const Lowered& lowered, const Schedule& schedule,
                                       std::size_t position);

/// The offset of each storage of Place::arena, and the arena's size. Storages of other places have offset 0.
struct ArenaPlan {
  std::vector<std::size_t> offsets;
  std::size_t bytes = 0;
  std::size_t peak_live = 0;
  std::vector<std::size_t> workspaces;  // offsets, for each position of the order: of steps with programs
};
ArenaPlan plan_arena(const Lowered& lowered, const Schedule& schedule);

/// How a program inside a step is run: its own steps and values.
struct BodyPlan {
  Schedule schedule;
  ArenaPlan arena;          // within the step's workspace
  bool steps_meet = false;  // in a loop: whether the threads meet between two of its steps
};

/// One line for each step: order, barrier, kernel, cut, and where the result goes.
std::string to_text(const Lowered& lowered, const Schedule& schedule, const ArenaPlan& arena);

}  // namespace weft
