#pragma once
// Which of some elements must come before which others, while such orders are still being found. Elements are
// numbered from 0. A topological order is kept up to date with every order that is added, so that asking for
// a way looks only at what lies between its ends (Pearce and Kelly, "A dynamic topological sort algorithm for
// directed acyclic graphs", 2006). Internal to runtime/; not for several threads.

#include <cstddef>
#include <span>
#include <vector>

namespace weft {

class PartialOrder {
 public:
  explicit PartialOrder(std::size_t elements = 0);

  /// One more element, which nothing is ordered with; its number.
  std::size_t add_element();
  /// Puts `first` before `second`, again if need be. Throws Error(internal) when `second` comes before
  /// `first`.
  void order(std::size_t first, std::size_t second);
  /// Whether any of `targets` comes after `start`; `start` itself does not.
  bool leads(std::size_t start, std::span<const std::size_t> targets);

  /// For each element: those that were put before it, in increasing order, each once.
  std::vector<std::vector<std::size_t>> before() const;

 private:
  using Edges = std::vector<std::vector<std::size_t>>;
  std::vector<std::size_t> reachable(const Edges& edges, std::size_t start, std::size_t lowest,
                                     std::size_t highest);
  bool seen(std::size_t element) const { return stamps_[element] == stamp_; }
  void move_behind(std::size_t first, std::size_t second);

  Edges next_;
  Edges before_;
  std::vector<std::size_t> rank_;    // place in the topological order
  std::vector<std::size_t> stamps_;  // the last search that met an element
  std::size_t stamp_ = 0;
};

}  // namespace weft
