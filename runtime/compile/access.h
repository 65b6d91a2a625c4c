#pragma once
// How the threads of a schedule touch memory: which steps they must not do side by side, and how much one
// thread writes that another reads.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "weft/runtime/compile/lower.h"

namespace weft {

/// How the threads touch a storage in one step.
struct Access {
  static constexpr std::int64_t kAnywhere = 0;      // each may touch all of it
  static constexpr std::int64_t kFirstThread = -1;  // thread 0 alone; thread t alone is kFirstThread - t

  std::size_t storage = 0;
  bool writes = false;
  std::int64_t rows = kAnywhere;  // else each its share of so many rows
  bool by_columns = false;        // `rows` counts column blocks, not rows
  const void* load = nullptr;     // the loads that decide where shards begin, see Cut
  friend bool operator==(const Access&, const Access&) = default;
};

/// Whether one thread may write what another touches.
bool conflict(const Access& a, const Access& b);

/// The accesses of one step: first those to its inputs, then those to its outputs. A step that is not cut
/// runs in thread `home`.
std::vector<Access> accesses_of(const Lowered& lowered, std::size_t step, int home = 0);

/// Bytes of the values and parameters that different threads touch in the course of a run, so that every run
/// moves them from one thread's cache to another's. Each value counts in full, though a sparse product may
/// read few rows of it.
double exchanged_bytes(const Lowered& lowered);

}  // namespace weft
