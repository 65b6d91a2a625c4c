#pragma once
// Undoes broadcasting in a gradient.

#include "weft/graph/graph.h"

namespace weft {

/// Sums a gradient over the axes along which a value of `shape` was repeated, so that it has that shape.
/// Returns the gradient itself where nothing was repeated.
Value unbroadcast(const Value& gradient, const Shape& shape);

}  // namespace weft
