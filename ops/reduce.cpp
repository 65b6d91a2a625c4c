#include "weft/ops/reduce.h"

#include <fmt/format.h>

#include "weft/ops/compare.h"
#include "weft/ops/control.h"
#include "weft/ops/layout.h"
#include "weft/ops/source.h"

namespace weft {
namespace {

/// The number of elements along some axes, as a double if it does not fit 63 bits.
Scalar count_along(std::span<const std::int64_t> sizes, const Axes& axes) {
  std::int64_t count = 1;
  double nearest = 1.0;
  bool fits = true;
  for (const std::int64_t axis : normalize_axes(axes, sizes.size())) {
    const std::int64_t size = sizes[static_cast<std::size_t>(axis)];
    nearest *= static_cast<double>(size);
    fits = fits && !__builtin_mul_overflow(count, size, &count);
  }
  return fits ? Scalar(count) : Scalar(nearest);
}

}  // namespace

TensorType reduced_type(const TensorType& x, const Axes& axes, bool keep_dims) {
  const auto reduced = reduced_axes(axes, x.shape.rank());
  std::vector<Dim> dims;
  for (std::size_t axis = 0; axis < reduced.size(); ++axis) {
    if (!reduced[axis]) {
      dims.push_back(x.shape[axis]);
    } else if (keep_dims) {
      dims.emplace_back(1);
    }
  }
  return {x.dtype, Shape(std::move(dims))};
}

Value spread(const Value& reduced, const Value& x, const Axes& axes) {
  return broadcast_to(reshape(reduced, reduced_type(x.type(), axes, true).shape), x.shape());
}

TensorType Sum::infer(const TensorType& x) const {
  if (x.dtype == DType::boolean)
    throw Error(ErrorCode::dtype_mismatch, "cast a bool to a number before summing");
  return reduced_type(x, axes, keep_dims);
}
Value Sum::gradient(Value x, Value, Value dy) const { return spread(dy, x, axes); }
Value Sum::simplify(std::span<const Value> inputs) const {
  // Summing over axes of size 1 only rearranges.
  const Shape& shape = inputs[0].shape();
  for (const std::int64_t axis : normalize_axes(axes, shape.rank())) {
    if (!shape[static_cast<std::size_t>(axis)].is(1)) return {};
  }
  const Shape reduced = infer(inputs[0].type()).shape;
  const Value rearranged = shape == reduced ? inputs[0] : reshape(inputs[0], reduced);
  return is_float(rearranged.dtype()) ? rearranged + 0.0
                                      : rearranged;  // a sum starts with 0, so it turns -0 into 0
}

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

Value Max::gradient(Value x, Value y, Value dy) const {
  const Value largest = stop_gradient(cast(equal(x, spread(y, x, axes)), x.dtype()));
  return spread(dy, x, axes) * largest / spread(sum(largest, axes), x, axes);
}

TensorType ArgMax::infer(const TensorType& x) const {
  const std::size_t along = normalize_axis(axis, x.shape.rank());
  if (x.shape[along].is(0)) {
    throw Error(ErrorCode::shape_mismatch, "the largest of no elements has no index");
  }
  return {DType::i64, reduced_type(x, {static_cast<std::int64_t>(along)}, false).shape};
}

void Count::forward(const KernelArgs& args) const {
  const Scalar count = count_along(args.inputs[0].sizes, axes);
  visit_dtype(dtype, [&]<typename T>(T) { args.outputs[0].as<T>()[0] = count.to<T>(); });
}
Value Count::simplify(std::span<const Value> inputs) const {
  const Shape& shape = inputs[0].shape();
  std::vector<std::int64_t> sizes(shape.rank(), 0);
  for (const std::int64_t axis : normalize_axes(axes, shape.rank())) {
    const auto at = static_cast<std::size_t>(axis);
    if (!shape[at].is_number()) return {};
    sizes[at] = shape[at].size();
  }
  return constant(inputs[0].graph(), count_along(sizes, axes), dtype);
}

Value sum(const Operand& x, const Axes& axes, bool keep_dims) {
  return apply(Sum{.axes = axes, .keep_dims = keep_dims}, x);
}
Value mean(const Operand& x, const Axes& axes, bool keep_dims) {
  return apply(Mean{.axes = axes, .keep_dims = keep_dims}, x);
}
Value max(const Operand& x, const Axes& axes, bool keep_dims) {
  return apply(Max{.axes = axes, .keep_dims = keep_dims}, x);
}
Value argmax(const Operand& x, std::int64_t axis) { return apply(ArgMax{axis}, x); }

template detail::Model detail::model_of(Sum);
template detail::Model detail::model_of(Mean);
template detail::Model detail::model_of(Max);
template detail::Model detail::model_of(ArgMax);
template detail::Model detail::model_of(Count);

}  // namespace weft
