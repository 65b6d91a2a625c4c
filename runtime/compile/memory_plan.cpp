#include "weft/runtime/compile/memory_plan.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <numeric>
#include <queue>
#include <set>
#include <tuple>
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

using Offsets = std::vector<std::size_t>;

std::size_t extent(std::span<const Lifetime> lifetimes, const Offsets& offsets, std::size_t alignment) {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < lifetimes.size(); ++i)
    bytes = std::max(bytes, offsets[i] + round_up(lifetimes[i].bytes, alignment));
  return bytes;
}

/// Places the largest buffers first, each into the lowest gap that holds it. Looks at every pair.
Offsets place_by_size(std::span<const Lifetime> lifetimes, std::size_t alignment) {
  Offsets offsets(lifetimes.size(), 0);
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
      blocks.emplace_back(offsets[j], offsets[j] + round_up(lifetimes[j].bytes, alignment));
    }
    std::ranges::sort(blocks);
    offsets[i] = lowest_gap(blocks, round_up(lifetimes[i].bytes, alignment));
    placed.push_back(i);
  }
  return offsets;
}

/// The holes of an arena that grows, by their beginning and by their size.
class Holes {
 public:
  /// Takes `bytes` from the smallest hole that holds them, or else from new memory at the end; returns where
  /// they start.
  std::size_t take(std::size_t bytes) {
    const auto found = by_size_.lower_bound({bytes, 0});
    if (found != by_size_.end()) {
      const auto [size, begin] = *found;
      erase(begin);
      if (size > bytes) insert(begin + bytes, size - bytes);
      return begin;
    }
    // A hole at the end grows with the arena.
    std::size_t begin = end_;
    if (!sizes_.empty()) {
      const auto [last, size] = *sizes_.rbegin();
      if (last + size == end_) {
        begin = last;
        erase(last);
      }
    }
    end_ = begin + bytes;
    return begin;
  }

  void give_back(std::size_t begin, std::size_t bytes) {
    auto next = sizes_.lower_bound(begin);
    if (next != sizes_.end() && next->first == begin + bytes) {
      bytes += next->second;
      erase(next->first);
    }
    next = sizes_.lower_bound(begin);
    if (next != sizes_.begin()) {
      const auto [before, size] = *std::prev(next);
      if (before + size == begin) {
        erase(before);
        begin = before;
        bytes += size;
      }
    }
    insert(begin, bytes);
  }

 private:
  void insert(std::size_t begin, std::size_t size) {
    sizes_[begin] = size;
    by_size_.insert({size, begin});
  }
  void erase(std::size_t begin) {
    by_size_.erase({sizes_.at(begin), begin});
    sizes_.erase(begin);
  }

  std::size_t end_ = 0;
  std::map<std::size_t, std::size_t> sizes_;               // begin -> size
  std::set<std::pair<std::size_t, std::size_t>> by_size_;  // size, begin
};

/// Places buffers in the order in which their lifetimes begin, each into the smallest hole that holds it.
Offsets place_by_time(std::span<const Lifetime> lifetimes, std::size_t alignment) {
  Offsets offsets(lifetimes.size(), 0);
  std::vector<std::size_t> order(lifetimes.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
    return std::tuple(lifetimes[a].first, lifetimes[b].bytes, a) <
           std::tuple(lifetimes[b].first, lifetimes[a].bytes, b);
  });
  const auto dies_later = [&](std::size_t a, std::size_t b) {
    return std::pair(lifetimes[a].last, a) > std::pair(lifetimes[b].last, b);
  };
  std::priority_queue<std::size_t, std::vector<std::size_t>, decltype(dies_later)> alive(dies_later);
  Holes holes;
  for (const std::size_t i : order) {
    while (!alive.empty() && lifetimes[alive.top()].last < lifetimes[i].first) {
      const std::size_t dead = alive.top();
      alive.pop();
      holes.give_back(offsets[dead], round_up(lifetimes[dead].bytes, alignment));
    }
    const std::size_t bytes = round_up(lifetimes[i].bytes, alignment);
    if (bytes == 0) continue;
    offsets[i] = holes.take(bytes);
    alive.push(i);
  }
  return offsets;
}

}  // namespace

MemoryPlan plan_memory(std::span<const Lifetime> lifetimes, std::size_t alignment) {
  constexpr std::size_t kManyBuffers = 2048;  // for more buffers, looking at pairs would take too long
  MemoryPlan plan{.offsets = place_by_time(lifetimes, alignment),
                  .bytes = 0,
                  .peak_live = most_alive(lifetimes, alignment)};
  plan.bytes = extent(lifetimes, plan.offsets, alignment);
  if (lifetimes.size() >= kManyBuffers) return plan;
  Offsets by_size = place_by_size(lifetimes, alignment);
  const std::size_t bytes = extent(lifetimes, by_size, alignment);
  if (bytes > plan.bytes) return plan;
  return {.offsets = std::move(by_size), .bytes = bytes, .peak_live = plan.peak_live};
}

std::optional<std::pair<std::size_t, std::size_t>> overlap(std::span<const Lifetime> lifetimes,
                                                           std::span<const std::size_t> offsets) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < lifetimes.size(); ++i) {
    if (lifetimes[i].bytes > 0) order.push_back(i);
  }
  std::ranges::sort(order, {}, [&](std::size_t i) { return std::pair(lifetimes[i].first, i); });
  const auto dies_later = [&](std::size_t a, std::size_t b) { return lifetimes[a].last > lifetimes[b].last; };
  std::priority_queue<std::size_t, std::vector<std::size_t>, decltype(dies_later)> alive(dies_later);
  std::map<std::size_t, std::size_t> at;  // offset -> buffer, for buffers that are alive
  for (const std::size_t i : order) {
    while (!alive.empty() && lifetimes[alive.top()].last < lifetimes[i].first) {
      at.erase(offsets[alive.top()]);
      alive.pop();
    }
    const auto next = at.lower_bound(offsets[i]);
    if (next != at.end() && next->first < offsets[i] + lifetimes[i].bytes) return {{next->second, i}};
    if (next != at.begin()) {
      const std::size_t before = std::prev(next)->second;
      if (offsets[before] + lifetimes[before].bytes > offsets[i]) return {{before, i}};
    }
    at.emplace(offsets[i], i);
    alive.push(i);
  }
  return std::nullopt;
}

}  // namespace weft
