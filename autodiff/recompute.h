#pragma once
// Recomputing instead of keeping: what lies between two points of a graph is computed a second time when its
// gradient needs it, so that its values need no memory in between (Griewank and Walther, ACM TOMS 2000; Chen
// et al., arXiv:1604.06174).

#include <span>

#include "weft/graph/graph.h"

namespace weft {

/// y, whose gradient is computed from a second copy of all that lies between `inputs` and y, and what of it
/// depends on parameters or random numbers; the copy runs once the gradient of y is known. Gradients have the
/// same bits as without. Values in between should have no other users, else they are kept for these.
/// Throws Error(invalid_argument) when an update lies in between.
Value checkpoint(const Operand& y, std::span<const Value> inputs);

}  // namespace weft
