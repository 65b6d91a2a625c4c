#include "weft/ops/softmax.h"

#include <utility>

#include "weft/graph/located.h"
#include "weft/ops/layout.h"
#include "weft/ops/reduce.h"

namespace weft {
namespace {

/// Applies an op that works on the last axis to another one.
Value over_axis(const Op& op, const Operand& x, std::int64_t axis) {
  const std::size_t rank = x.value(op.name()).shape().rank();
  if (rank == 0) return apply(op, x);  // its shape rule reports the error
  const std::size_t along = located(op.name(), x.where(), [&] { return normalize_axis(axis, rank); });
  if (along + 1 == rank) return apply(op, x);
  std::vector<std::int64_t> swapped(rank);
  for (std::size_t i = 0; i < rank; ++i) swapped[i] = static_cast<std::int64_t>(i);
  std::swap(swapped[along], swapped[rank - 1]);
  const Scope origin(x.value().graph(), op.name(), x.where());
  return transpose(apply(op, transpose(x, swapped)), swapped);
}

}  // namespace

TensorType normalized_type(const TensorType& x) {
  float_type(x);
  if (x.shape.is_scalar()) throw Error(ErrorCode::shape_mismatch, "there is no axis to normalize over");
  return x;
}

Value Softmax::gradient(Value, Value y, Value dy) const { return apply(SoftmaxGradient{}, y, dy); }

TensorType SoftmaxGradient::infer(const TensorType& y, const TensorType& dy) const {
  if (dy != y) {
    throw Error(ErrorCode::shape_mismatch, "a gradient must have the type of its value",
                {.expected = to_string(y), .actual = to_string(dy)});
  }
  return normalized_type(y);
}
std::array<Value, 2> SoftmaxGradient::gradient(Value y, Value dy, Value, Value ddx) const {
  const Value through_mean = dy * sum(ddx * y, {-1}, true);
  return {ddx * (dy - sum(dy * y, {-1}, true)) - through_mean, apply(SoftmaxGradient{}, y, ddx)};
}
Value LogSoftmax::gradient(Value, Value y, Value dy) const { return dy - exp(y) * sum(dy, {-1}, true); }

Value softmax(const Operand& x, std::int64_t axis) { return over_axis(Softmax{}, x, axis); }
Value log_softmax(const Operand& x, std::int64_t axis) { return over_axis(LogSoftmax{}, x, axis); }

template detail::Model detail::model_of(Softmax);
template detail::Model detail::model_of(SoftmaxGradient);
template detail::Model detail::model_of(LogSoftmax);

}  // namespace weft
