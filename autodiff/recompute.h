#pragma once
// Recomputing instead of keeping: values between two points of a graph are computed a second time when their
// gradients need them, so that they take no memory in between (Griewank and Walther, ACM TOMS 2000; Chen et
// al., arXiv:1604.06174).

#include <span>

#include "weft/graph/graph.h"

namespace weft {

/// Returns y, whose gradient is computed from a second copy of the nodes between `inputs` and y, including
/// those that depend on parameters or random numbers. The copy runs once the gradient of y is known, and
/// gradients have the same bits as without it. Values in between should have no other users, or they are kept
/// for those. Throws Error(invalid_argument) when an update lies in between.
Value checkpoint(const Operand& y, std::span<const Value> inputs);

}  // namespace weft
