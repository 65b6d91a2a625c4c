#include "weft/runtime/memory_plan.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

namespace weft {
namespace {

bool meet(const Lifetime& a, const Lifetime& b) { return a.first <= b.last && b.first <= a.last; }

std::size_t round_up(std::size_t bytes, std::size_t alignment) {
  return (bytes + alignment - 1) / alignment * alignment;
}

/// The lowest offset at which `bytes` fit between the placed blocks, which are sorted by offset.
std::size_t lowest_gap(const std::vector<std::pair<std::size_t, std::size_t>>& blocks, std::size_t bytes) {
  std::size_t offset = 0;
  for (const auto& [begin, end] : blocks) {
    if (begin >= offset + bytes) break;
    offset = std::max(offset, end);
  }
  return offset;
}

std::size_t most_alive(std::span<const Lifetime> lifetimes, std::size_t alignment) {
  std::map<std::int64_t, std::int64_t> change;
  for (const Lifetime& lifetime : lifetimes) {
    const auto bytes = static_cast<std::int64_t>(round_up(lifetime.bytes, alignment));
    change[lifetime.first] += bytes;
    change[lifetime.last + 1] -= bytes;
  }
  std::int64_t alive = 0;
  std::int64_t most = 0;
  for (const auto& [phase, bytes] : change) most = std::max(most, alive += bytes);
  return static_cast<std::size_t>(most);
}

}  // namespace

MemoryPlan plan_memory(std::span<const Lifetime> lifetimes, std::size_t alignment) {
  MemoryPlan plan{.offsets = std::vector<std::size_t>(lifetimes.size(), 0),
                  .bytes = 0,
                  .peak_live = most_alive(lifetimes, alignment)};
  std::vector<std::size_t> order(lifetimes.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
    return std::pair(lifetimes[b].bytes, a) < std::pair(lifetimes[a].bytes, b);
  });
  std::vector<std::size_t> placed;
  for (const std::size_t i : order) {
    std::vector<std::pair<std::size_t, std::size_t>> blocks;
    for (const std::size_t j : placed) {
      if (!meet(lifetimes[i], lifetimes[j])) continue;
      blocks.emplace_back(plan.offsets[j], plan.offsets[j] + round_up(lifetimes[j].bytes, alignment));
    }
    std::ranges::sort(blocks);
    const std::size_t bytes = round_up(lifetimes[i].bytes, alignment);
    plan.offsets[i] = lowest_gap(blocks, bytes);
    plan.bytes = std::max(plan.bytes, plan.offsets[i] + bytes);
    placed.push_back(i);
  }
  return plan;
}

}  // namespace weft
