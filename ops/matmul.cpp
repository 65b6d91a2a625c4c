#include "weft/ops/matmul.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "weft/graph/located.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/reduce.h"
#include "weft/ops/structure.h"

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

DType product_dtype(DType a, DType b) {
  const auto is_single = [](DType dtype) { return dtype == DType::f32 || is_half(dtype); };
  if (is_single(a) && is_single(b)) return DType::f32;
  if (a == DType::f64 && b == DType::f64) return DType::f64;
  throw Error(ErrorCode::dtype_mismatch,
              "matmul takes two tensors of one floating dtype, or of any two of f32, f16 and bf16");
}

/// The operand as f32, which holds f16 and bf16 exactly.
Tensor widened(const ConstArg& operand) {
  if (operand.dtype == DType::f32) return Tensor::borrow(operand.data, operand.dtype, operand.sizes);
  Tensor wide = Tensor::uninitialized(DType::f32, operand.sizes);
  visit_dtype(operand.dtype, [&]<typename T>(T) {
    if constexpr (HalfFloat<T>)
      std::ranges::copy(operand.as<const T>(), wide.mutable_values<float>().begin());
  });
  return wide;
}

template <std::floating_point T>
void multiply(const MatMul& op, View<const T> a, View<const T> b, View<T> c) {
  const auto [m, n, k] = matmul_sizes(op, a.sizes, b.sizes);
  const std::int64_t matrices = m * n == 0 ? 0 : static_cast<std::int64_t>(c.data.size()) / (m * n);
  for (std::int64_t index = 0; index < matrices; ++index) {
    const T* left = a.data.data() + broadcast_matrix(index, c.sizes, a.sizes) * m * k;
    const T* right = b.data.data() + broadcast_matrix(index, c.sizes, b.sizes) * k * n;
    T* result = c.data.data() + index * m * n;
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        double sum = 0.0;
        for (std::int64_t p = 0; p < k; ++p) {
          sum += static_cast<double>(left[op.transpose_a ? p * m + i : i * k + p]) *
                 static_cast<double>(right[op.transpose_b ? j * k + p : p * n + j]);
        }
        result[i * n + j] = static_cast<T>(sum);
      }
    }
  }
}

/// The product of integers, which wrap around: all products, then their sums.
Value multiply_integers(const MatMul& op, const Value& a, const Value& b, const Where& where) {
  return located(MatMul::name, where, [&] {
    op.infer({f32, a.shape()}, {f32, b.shape()});  // throws where the shapes do not fit
    const Scope origin(a.graph(), MatMul::name, where);
    const Value rows = op.transpose_a ? swap_axes(a, -1, -2) : a;
    const Value columns = op.transpose_b ? swap_axes(b, -1, -2) : b;
    return sum(expand_dims(rows, -1) * expand_dims(columns, -3), {-2});
  });
}

}  // namespace

TensorType MatMul::infer(const TensorType& a, const TensorType& b) const {
  const DType dtype = product_dtype(a.dtype, b.dtype);
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
  return {dtype, Shape(std::move(dims))};
}

void MatMul::forward(const KernelArgs& args) const {
  if (args.outputs[0].dtype == DType::f64)
    return multiply<double>(*this, args.inputs[0], args.inputs[1], args.outputs[0]);
  const Tensor a = widened(args.inputs[0]);
  const Tensor b = widened(args.inputs[1]);
  multiply<float>(*this, const_arg(a), const_arg(b), args.outputs[0]);
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
  const MatMul op{.transpose_a = transpose_a, .transpose_b = transpose_b};
  const Value left = a.value(MatMul::name);
  const Value right = b.value(MatMul::name);
  if (is_integer(left.dtype()) && left.dtype() == right.dtype())
    return multiply_integers(op, left, right, a.where());
  return apply(op, {a, b});
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

template detail::Model detail::model_of(MatMul);

}  // namespace weft
