#include "weft/ops/folds.h"

#include <algorithm>

#include "weft/ops/control.h"
#include "weft/ops/layout.h"
#include "weft/ops/scan.h"

namespace weft {
namespace {

/// For each element the product of all others along `axis`.
// In f64, where the products before and after an element of f32 have room for what only both of them together
// bring back.
Value product_of_others(const Value& x, std::int64_t axis) {
  const ScanOrder before{.exclusive = true, .reverse = false};
  const ScanOrder after{.exclusive = true, .reverse = true};
  const Value wide = cast(x, f64);
  return cast(cumprod(wide, axis, before) * cumprod(wide, axis, after), x.dtype());
}

/// The same over several axes, which are brought together at the end and go back afterwards.
Value product_of_others(const Value& x, const Axes& axes) {
  const std::size_t rank = x.shape().rank();
  const Axes reduced = normalize_axes(axes, rank);
  if (reduced.size() == 1) return product_of_others(x, reduced[0]);
  Axes order;
  for (std::int64_t axis = 0; axis < static_cast<std::int64_t>(rank); ++axis) {
    if (!std::ranges::binary_search(reduced, axis)) order.push_back(axis);
  }
  std::vector<Dim> kept;
  for (const std::int64_t axis : order) kept.push_back(x.shape()[static_cast<std::size_t>(axis)]);
  Dim together = 1;
  for (const std::int64_t axis : reduced) {
    together = together * x.shape()[static_cast<std::size_t>(axis)];
    order.push_back(axis);
  }
  kept.push_back(together);
  const Value moved = rank == 0 ? x : transpose(x, order);
  const Value others = product_of_others(reshape(moved, Shape(kept)), std::int64_t{-1});
  Axes back(rank);
  for (std::size_t i = 0; i < rank; ++i)
    back[static_cast<std::size_t>(order[i])] = static_cast<std::int64_t>(i);
  const Value shaped = reshape(others, moved.shape());
  return rank == 0 ? shaped : transpose(shaped, back);
}

}  // namespace

Value Min::gradient(Value x, Value y, Value dy) const {
  const Value least = stop_gradient(cast(equal(x, spread(y, x, axes)), x.dtype()));
  return spread(dy, x, axes) * least / spread(sum(least, axes), x, axes);
}
Value Prod::gradient(Value x, Value, Value dy) const {
  return spread(dy, x, axes) * product_of_others(x, axes);
}

Value min(const Operand& x, const Axes& axes, bool keep_dims) {
  return apply(Min{.axes = axes, .keep_dims = keep_dims}, x);
}
Value prod(const Operand& x, const Axes& axes, bool keep_dims) {
  return apply(Prod{.axes = axes, .keep_dims = keep_dims}, x);
}
Value argmin(const Operand& x, std::int64_t axis) { return apply(ArgMin{axis}, x); }
Value any(const Operand& x, const Axes& axes, bool keep_dims) {
  return apply(Any{.axes = axes, .keep_dims = keep_dims}, x);
}
Value all(const Operand& x, const Axes& axes, bool keep_dims) {
  return apply(All{.axes = axes, .keep_dims = keep_dims}, x);
}

template detail::Model detail::model_of(Min);
template detail::Model detail::model_of(Prod);
template detail::Model detail::model_of(ArgMin);
template detail::Model detail::model_of(Any);
template detail::Model detail::model_of(All);

}  // namespace weft
