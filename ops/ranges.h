#pragma once
// What is known of numbers by the way they are made.

#include <span>

#include "weft/graph/graph.h"

namespace weft {

/// Of all elements of a value, where inputs and parameters are finite numbers and nothing overflows or
/// underflows on the way: 1 / (|x| + 1) is finite and positive, 1 / x may be infinite.
struct NumberRange {
  bool finite = true;
  bool non_negative = false;
  bool positive = false;
};

/// The range of a node's outputs, given those of its inputs. Of an elementwise op that it does not know it
/// says nothing; other ops, as products and sums, give finite numbers.
NumberRange range_of(const Node& node, std::span<const NumberRange> inputs);

}  // namespace weft
