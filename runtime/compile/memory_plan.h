#pragma once
// Finds offsets for buffers in one arena from their sizes and lifetimes. A pure function.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace weft {

/// A buffer that is alive from phase `first` to phase `last`, both included.
struct Lifetime {
  std::size_t bytes = 0;
  std::int64_t first = 0;
  std::int64_t last = 0;
};

struct MemoryPlan {
  std::vector<std::size_t> offsets;  // multiples of the alignment, one for each lifetime
  std::size_t bytes = 0;             // size of the arena
  std::size_t peak_live = 0;         // the most bytes alive in one phase: no plan needs less
};

/// Buffers whose lifetimes meet never overlap. Takes the better of two plans: by size, the largest first,
/// each into the lowest gap that holds it (the "greedy by size" of Pisarchyk and Lee, "Efficient memory
/// management for deep neural net inference", 2020), and by time, each into the smallest hole that holds it.
/// Thousands of buffers are placed by time alone, in O(n log n).
MemoryPlan plan_memory(std::span<const Lifetime> lifetimes, std::size_t alignment = 64);

/// The numbers of two buffers that are alive together and overlap at these offsets, the older first; nothing
/// if there are none. Compares neighbours only, in O(n log n).
std::optional<std::pair<std::size_t, std::size_t>> overlap(std::span<const Lifetime> lifetimes,
                                                           std::span<const std::size_t> offsets);

}  // namespace weft
