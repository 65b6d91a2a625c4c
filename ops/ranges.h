#pragma once
// What is known about numbers from the ops that make them.

#include <span>

#include "weft/graph/graph.h"

namespace weft {

/// What holds for all elements of a value if parameters are finite and nothing overflows or underflows:
/// 1 / (|w| + 1) is finite and positive, 1 / w may be infinite. Inputs may hold anything: missing data are
/// often NaNs.
struct NumberRange {
  bool finite = true;
  bool non_negative = false;
  bool positive = false;
  bool bounded = false;  // by a moderate number, also if what it was computed from overflows
};

/// The range of a node's outputs, given those of its inputs. Nothing is known for an elementwise op that is
/// not listed; other ops, such as products and sums, give finite numbers.
NumberRange range_of(const Node& node, std::span<const NumberRange> inputs);

}  // namespace weft
