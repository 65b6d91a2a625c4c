#pragma once
// A partial order that grows: which elements must come before which others. Elements are numbered from 0. A
// topological order is kept up to date with every pair that is added, so that a question about two elements
// looks only at what lies between them (Pearce and Kelly, "A dynamic topological sort algorithm for directed
// acyclic graphs", 2006). Internal to runtime/; not for several threads.

#include <cstddef>
#include <span>
#include <vector>

namespace weft {

class PartialOrder {
 public:
  explicit PartialOrder(std::size_t elements = 0);

  /// Adds an element that is not ordered with any other yet, and returns its number.
  std::size_t add_element();
  /// Puts `first` before `second`; doing so again changes nothing. Throws Error(internal) when `second` comes
  /// before `first`.
  void order(std::size_t first, std::size_t second);
  /// Whether any of `targets` must come after `start`. `start` does not come after itself.
  bool leads(std::size_t start, std::span<const std::size_t> targets);

  /// For each element, the elements that were put directly before it, in increasing order and without
  /// repetition.
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
