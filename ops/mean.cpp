#include "weft/ops/mean.h"

#include "weft/ops/layout.h"

namespace weft {

Value Mean::gradient(Value x, Value, Value dy) const {
  const Value count = maximum(apply(Count{.axes = axes, .dtype = x.dtype()}, x), 1.0);
  return spread(dy / count, x, axes);
}

Value Mean::simplify(std::span<const Value> inputs) const {
  const Shape& shape = inputs[0].shape();
  const auto is_one = [&](std::int64_t axis) { return shape[static_cast<std::size_t>(axis)].is(1); };
  return std::ranges::all_of(normalize_axes(axes, shape.rank()), is_one) ? sum(inputs[0], axes, keep_dims)
                                                                         : Value();
}

Value mean(const Operand& x, const Axes& axes, bool keep_dims) {
  return apply(Mean{.axes = axes, .keep_dims = keep_dims}, x);
}

}  // namespace weft
