#include "weft/ops/scan.h"

#include "weft/ops/compare.h"
#include "weft/ops/control.h"
#include "weft/ops/layout.h"
#include "weft/ops/source.h"

namespace weft {
namespace {

TensorType number_type(const TensorType& x, std::int64_t axis) {
  if (x.dtype == DType::boolean)
    throw Error(ErrorCode::dtype_mismatch, "cast a bool to a number before accumulating");
  normalize_axis(axis, x.shape.rank());
  return x;
}

/// What stands one step earlier in the order of the scan, and 0 at its first step.
Value one_step_before(const Value& x, std::int64_t axis, bool reverse) {
  const auto along = static_cast<std::int64_t>(normalize_axis(axis, x.shape().rank()));
  const Dim& length = x.shape()[static_cast<std::size_t>(along)];
  if (length.is(0)) return x;
  std::vector<Dim> dims = x.shape().dims();
  dims[static_cast<std::size_t>(along)] = 1;
  const Value zero = broadcast_to(constant(x.graph(), 0.0, x.dtype()), Shape(std::move(dims)));
  return reverse ? concat({slice(x, along, Dim(1), length), zero}, along)
                 : concat({zero, slice(x, along, Dim(0), length - 1)}, along);
}
Value one_step_after(const Value& x, std::int64_t axis, bool reverse) {
  return one_step_before(x, axis, !reverse);
}

/// With y = f of all x so far, hits those which are equal to it: each run of equal results is shared among
/// them.
Value gradient_of_extreme(const Value& x, const Value& y, const Value& dy, std::int64_t axis, bool reverse) {
  const auto number = [&](const Value& holds) { return stop_gradient(cast(holds, x.dtype())); };
  const auto along = static_cast<std::int64_t>(normalize_axis(axis, x.shape().rank()));
  // The first step's flag is not read.
  const Value same = number(equal(y, one_step_before(y, along, reverse)));
  const Value hit = number(equal(x, y));
  const Value hits = linear_recurrence(same, hit, along, reverse);
  const Value share = dy / where(equal(hits, 0.0), 1.0, hits);
  return hit * linear_recurrence(one_step_after(same, along, reverse), share, along, !reverse);
}

}  // namespace

TensorType CumSum::infer(const TensorType& x) const { return number_type(x, axis); }
Value CumSum::gradient(Value, Value, Value dy) const {
  return cumsum(dy, axis, {.exclusive = exclusive, .reverse = !reverse});
}

// dx[i] = (product before i) s[i], where s[i] = dy[i] + x[i + 1] s[i + 1] gathers what comes after i; for an
// exclusive product, which leaves element i out, with dy[i + 1] in place of dy[i].
TensorType CumProd::infer(const TensorType& x) const { return number_type(x, axis); }
Value CumProd::gradient(Value x, Value, Value dy) const {
  // In f64, where the two factors of an f32 have room for what only both of them together bring back.
  const Value wide = cast(x, f64);
  const Value before = cumprod(wide, axis, {.exclusive = true, .reverse = reverse});
  const Value wide_dy = cast(dy, f64);
  const Value incoming = exclusive ? one_step_after(wide_dy, axis, reverse) : wide_dy;
  const Value after = linear_recurrence(one_step_after(wide, axis, reverse), incoming, axis, !reverse);
  return cast(before * after, x.dtype());
}

TensorType LinearRecurrence::infer(const TensorType& a, const TensorType& b) const {
  if (a.dtype != b.dtype || !is_float(a.dtype))
    throw Error(ErrorCode::dtype_mismatch, "a recurrence takes two tensors of one floating dtype");
  if (a.shape != b.shape) {
    throw Error(ErrorCode::shape_mismatch, "factors and terms of a recurrence have one shape",
                {.expected = to_string(b.shape), .actual = to_string(a.shape)});
  }
  normalize_axis(axis, b.shape.rank());
  return b;
}
// With g[i] = dy[i] + a[i + 1] g[i + 1]: db[i] = g[i] and da[i] = g[i] y[i - 1].
std::array<Value, 2> LinearRecurrence::gradient(Value a, Value, Value y, Value dy) const {
  const Value slope = linear_recurrence(one_step_after(a, axis, reverse), dy, axis, !reverse);
  return {slope * one_step_before(y, axis, reverse), slope};
}

template <typename Relation>
Value CumExtreme<Relation>::gradient(Value x, Value y, Value dy) const {
  if (!exclusive) return gradient_of_extreme(x, y, dy, axis, reverse);
  const Value inclusive = apply(CumExtreme{.axis = axis, .exclusive = false, .reverse = reverse}, x);
  return gradient_of_extreme(x, inclusive, one_step_after(dy, axis, reverse), axis, reverse);
}
template struct CumExtreme<MaximumSoFar>;
template struct CumExtreme<MinimumSoFar>;

Value cumsum(const Operand& x, std::int64_t axis, ScanOrder order) {
  return apply(CumSum{.axis = axis, .exclusive = order.exclusive, .reverse = order.reverse}, x);
}
Value cumprod(const Operand& x, std::int64_t axis, ScanOrder order) {
  return apply(CumProd{.axis = axis, .exclusive = order.exclusive, .reverse = order.reverse}, x);
}
Value cummax(const Operand& x, std::int64_t axis, ScanOrder order) {
  return apply(CumMax{.axis = axis, .exclusive = order.exclusive, .reverse = order.reverse}, x);
}
Value cummin(const Operand& x, std::int64_t axis, ScanOrder order) {
  return apply(CumMin{.axis = axis, .exclusive = order.exclusive, .reverse = order.reverse}, x);
}
Value linear_recurrence(const Operand& a, const Operand& b, std::int64_t axis, bool reverse) {
  return apply(LinearRecurrence{.axis = axis, .reverse = reverse}, a, b);
}

template detail::Model detail::model_of(CumSum);
template detail::Model detail::model_of(CumProd);
template detail::Model detail::model_of(LinearRecurrence);
template detail::Model detail::model_of(CumMax);
template detail::Model detail::model_of(CumMin);

}  // namespace weft
