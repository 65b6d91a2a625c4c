#pragma once
// Sums of many terms, as gradients of what is read many times are. Internal to runtime/fuse/.

#include <span>
#include <vector>

#include "weft/graph/program.h"

namespace weft {

/// Additions that only the next one reads, down to what is added.
struct SumTree {
  NodeId root = 0;
  std::vector<NodeId> sums;     // the root among them
  std::vector<ValueId> leaves;  // the oldest first, as they were added
};

/// The largest trees of a program's additions of values of one type. `uses` is count_uses(program).
std::vector<SumTree> sum_trees(const Program& program, std::span<const int> uses);

/// a + b + ..., of at least one term.
Value sum_of_terms(std::span<const Value> terms);

}  // namespace weft
