#include "weft/autodiff/unbroadcast.h"

#include "weft/ops/layout.h"
#include "weft/ops/reduce.h"

namespace weft {

Value unbroadcast(const Value& gradient, const Shape& shape) {
  const Shape& wide = gradient.shape();
  if (wide == shape) return gradient;
  if (broadcast(wide, shape) != wide) {
    throw Error(ErrorCode::internal, "a gradient does not have the shape of its value",
                {.expected = to_string(shape), .actual = to_string(wide)});
  }
  const std::size_t missing = wide.rank() - shape.rank();
  Axes repeated;
  for (std::size_t axis = 0; axis < wide.rank(); ++axis) {
    const bool same = axis >= missing && shape[axis - missing] == wide[axis];
    if (!same) repeated.push_back(static_cast<std::int64_t>(axis));
  }
  // If no axis was repeated, only leading axes of size 1 were added, and the reshape drops them.
  return reshape(repeated.empty() ? gradient : sum(gradient, repeated), shape);
}

}  // namespace weft
