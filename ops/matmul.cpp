#include "weft/ops/matmul.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "weft/ops/layout.h"

namespace weft {
namespace {

Shape leading(const Shape& shape) { return Shape(std::vector<Dim>(shape.begin(), shape.end() - 2)); }

const Dim& from_end(const Shape& shape, std::size_t back) { return shape[shape.rank() - back]; }

/// The matrices before they were transposed, if `value` is made by a transpose that moves the last axis to
/// the last but one. What the transpose does beside that stays to be done, and moves whole rows.
Value untransposed(const Value& value) {
  const Node& node = value.graph().node(value.node());
  const auto* made = node.op.as<Transpose>();
  if (made == nullptr) return {};
  std::vector<std::int64_t> axes = made->permutation;
  const std::size_t rank = axes.size();
  if (rank < 2 || axes[rank - 2] != static_cast<std::int64_t>(rank) - 1) return {};
  std::swap(axes[rank - 2], axes[rank - 1]);
  const Value input = value.graph().value(node.inputs[0]);
  return std::ranges::is_sorted(axes) ? input : transpose(input, axes);
}

/// All axes but the last in one, of a tensor with more than two.
Value as_matrix(const Value& x) {
  const Shape& shape = x.shape();
  return reshape(x, Shape{leading(shape).count() * from_end(shape, 2), from_end(shape, 1)});
}

}  // namespace

TensorType MatMul::infer(const TensorType& a, const TensorType& b) const {
  if (a.dtype != b.dtype || !is_float(a.dtype)) {
    throw Error(ErrorCode::dtype_mismatch, "matmul takes two tensors of one floating dtype");
  }
  if (a.shape.rank() < 2 || b.shape.rank() < 2) {
    throw Error(ErrorCode::shape_mismatch, "matmul takes tensors with at least two axes");
  }
  const Dim& m = from_end(a.shape, transpose_a ? 1 : 2);
  const Dim& k = from_end(a.shape, transpose_a ? 2 : 1);
  const Dim& k_of_b = from_end(b.shape, transpose_b ? 1 : 2);
  const Dim& n = from_end(b.shape, transpose_b ? 2 : 1);
  if (k != k_of_b) {
    throw Error(ErrorCode::shape_mismatch,
                fmt::format("the inner dimensions differ: {} and {}", to_string(k), to_string(k_of_b)));
  }
  std::vector<Dim> dims = broadcast(leading(a.shape), leading(b.shape)).dims();
  dims.push_back(m);
  dims.push_back(n);
  return {a.dtype, Shape(std::move(dims))};
}

std::array<Value, 2> MatMul::gradient(Value a, Value b, Value, Value dc) const {
  const Value da = transpose_a ? matmul(b, dc, transpose_b, true) : matmul(dc, b, false, !transpose_b);
  if (a.shape().rank() > 2 && b.shape().rank() == 2 && !transpose_a) {
    // One matrix for the whole batch: the sum over the batch is part of one product.
    const Value rows = as_matrix(a);
    const Value slopes = as_matrix(dc);
    return {da, transpose_b ? matmul(slopes, rows, true) : matmul(rows, slopes, true)};
  }
  const Value db = transpose_b ? matmul(dc, a, true, transpose_a) : matmul(a, dc, !transpose_a, false);
  return {da, db};
}

Value MatMul::simplify(std::span<const Value> inputs) const {
  const Value a = untransposed(inputs[0]);
  const Value b = untransposed(inputs[1]);
  if (!a.has_value() && !b.has_value()) return {};
  return matmul(a.has_value() ? a : inputs[0], b.has_value() ? b : inputs[1], transpose_a != a.has_value(),
                transpose_b != b.has_value());
}

Value matmul(const Operand& a, const Operand& b, bool transpose_a, bool transpose_b) {
  return apply(MatMul{.transpose_a = transpose_a, .transpose_b = transpose_b}, {a, b});
}

MatMulSizes matmul_sizes(const MatMul& op, std::span<const std::int64_t> a, std::span<const std::int64_t> b) {
  const std::int64_t rows = a[a.size() - 2];
  const std::int64_t columns = a[a.size() - 1];
  return {.m = op.transpose_a ? columns : rows,
          .n = op.transpose_b ? b[b.size() - 2] : b[b.size() - 1],
          .k = op.transpose_a ? rows : columns};
}

std::int64_t broadcast_matrix(std::int64_t index, std::span<const std::int64_t> result,
                              std::span<const std::int64_t> operand) {
  std::int64_t matrix = 0;
  std::int64_t stride = 1;
  const std::size_t missing = result.size() - operand.size();
  for (std::size_t axis = result.size() - 2; axis-- > missing;) {
    const std::int64_t size = operand[axis - missing];
    if (size != 1) matrix += (index % result[axis]) * stride;
    index /= result[axis];
    stride *= size;
  }
  return matrix;
}

}  // namespace weft
