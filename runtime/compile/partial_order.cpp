#include "weft/runtime/compile/partial_order.h"

#include <algorithm>
#include <numeric>

#include "weft/graph/error.h"

namespace weft {

PartialOrder::PartialOrder(std::size_t elements)
    : next_(elements), before_(elements), rank_(elements), stamps_(elements, 0) {
  std::iota(rank_.begin(), rank_.end(), 0);
}

std::size_t PartialOrder::add_element() {
  const std::size_t element = rank_.size();
  next_.emplace_back();
  before_.emplace_back();
  rank_.push_back(element);
  stamps_.push_back(0);
  return element;
}

void PartialOrder::order(std::size_t first, std::size_t second) {
  if (rank_[first] >= rank_[second]) move_behind(first, second);
  next_[first].push_back(second);
  before_[second].push_back(first);
}

bool PartialOrder::leads(std::size_t start, std::span<const std::size_t> targets) {
  std::size_t highest = 0;
  for (const std::size_t target : targets) highest = std::max(highest, rank_[target]);
  if (highest <= rank_[start]) return false;
  reachable(next_, start, rank_[start], highest);
  return std::ranges::any_of(targets, [&](std::size_t target) { return target != start && seen(target); });
}

std::vector<std::vector<std::size_t>> PartialOrder::before() const {
  Edges lists = before_;
  for (auto& list : lists) {
    std::ranges::sort(list);
    const auto repeated = std::ranges::unique(list);
    list.erase(repeated.begin(), repeated.end());
  }
  return lists;
}

/// `start` and the elements that `edges` lead to from it, as far as their ranks are within [lowest, highest].
std::vector<std::size_t> PartialOrder::reachable(const Edges& edges, std::size_t start, std::size_t lowest,
                                                 std::size_t highest) {
  ++stamp_;
  std::vector<std::size_t> found{start};
  stamps_[start] = stamp_;
  for (std::size_t at = 0; at < found.size(); ++at) {
    for (const std::size_t other : edges[found[at]]) {
      if (seen(other) || rank_[other] < lowest || rank_[other] > highest) continue;
      stamps_[other] = stamp_;
      found.push_back(other);
    }
  }
  return found;
}

/// Changes the ranks between the two so that `second` and its successors come after `first` and its
/// predecessors.
void PartialOrder::move_behind(std::size_t first, std::size_t second) {
  auto later = reachable(next_, second, rank_[second], rank_[first]);
  if (seen(first)) throw Error(ErrorCode::internal, "an order would close a circle");
  auto moved = reachable(before_, first, rank_[second], rank_[first]);
  const auto by_rank = [&](std::size_t a, std::size_t b) { return rank_[a] < rank_[b]; };
  std::ranges::sort(later, by_rank);
  std::ranges::sort(moved, by_rank);
  moved.insert(moved.end(), later.begin(), later.end());
  std::vector<std::size_t> ranks;
  for (const std::size_t element : moved) ranks.push_back(rank_[element]);
  std::ranges::sort(ranks);
  for (std::size_t i = 0; i < moved.size(); ++i) rank_[moved[i]] = ranks[i];
}

}  // namespace weft
