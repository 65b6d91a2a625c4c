#include "weft/ops/sparse.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "weft/ops/gather.h"
#include "weft/ops/source.h"

namespace weft {
namespace {

using Types = std::span<const TensorType>;

[[noreturn]] void throw_shape(std::string_view what, std::string expected, const TensorType& actual) {
  throw Error(ErrorCode::shape_mismatch, fmt::format("the {} do not fit the sparse matrix", what),
              {.expected = std::move(expected), .actual = to_string(actual)});
}

void expect_vector(const TensorType& type, std::string_view what, DType dtype) {
  if (type.dtype != dtype) {
    throw Error(ErrorCode::dtype_mismatch, fmt::format("the {} of a sparse matrix have another dtype", what),
                {.expected = std::string(name_of(dtype)), .actual = to_string(type)});
  }
  if (type.shape.rank() != 1) throw_shape(what, "one axis", type);
}

void expect_rows(const TensorType& begins, const TensorType& ends, const TensorType& columns) {
  expect_vector(begins, "row begins", DType::i64);
  expect_vector(ends, "row ends", DType::i64);
  expect_vector(columns, "columns", DType::i32);
  if (begins.shape != ends.shape) throw_shape("row ends", to_string(begins.shape), ends);
}

/// Checks the dense side [height, n] of a product.
void expect_dense(const TensorType& type, std::string_view what, const Dim& height) {
  if (!is_float(type.dtype)) {
    throw Error(ErrorCode::dtype_mismatch, fmt::format("the {} must be floats", what),
                {.expected = "f32 or f64", .actual = to_string(type)});
  }
  if (type.shape.rank() != 2 || type.shape[0] != height)
    throw_shape(what, fmt::format("[{}, n]", to_string(height)), type);
}

/// The rows of a sparse matrix among a kernel's inputs, checked.
struct SparseRows {
  std::span<const std::int64_t> begins;
  std::span<const std::int64_t> ends;
  std::span<const std::int32_t> columns;

  SparseRows(const KernelArgs& args, std::int64_t width)
      : begins(args.inputs[0].as<const std::int64_t>()),
        ends(args.inputs[1].as<const std::int64_t>()),
        columns(args.inputs[2].as<const std::int32_t>()) {
    check_sparse_rows(begins, ends, columns, width, 0, args.inputs[0].elements);
  }

  /// Calls `visit(row, column, entry)` for every entry of every row.
  template <typename F>
  void each(F visit) const {
    for (std::size_t row = 0; row < begins.size(); ++row) {
      for (auto entry = static_cast<std::size_t>(begins[row]); entry < static_cast<std::size_t>(ends[row]);
           ++entry) {
        visit(row, static_cast<std::size_t>(columns[entry]), entry);
      }
    }
  }
};

double number_at(const ConstArg& values, std::size_t i) {
  switch (values.dtype) {
    case DType::f32:
      return static_cast<double>(values.as<const float>()[i]);
    case DType::f64:
      return values.as<const double>()[i];
    default:
      return static_cast<double>(values.as<const std::uint8_t>()[i]);
  }
}

void store(const std::vector<double>& sums, const Arg& output) {
  const auto round = [&]<typename T>(T) {
    std::ranges::transform(sums, output.as<T>().begin(), [](double sum) { return static_cast<T>(sum); });
  };
  if (output.dtype == DType::f32) return round(float{});
  round(double{});
}

}  // namespace

TensorType SparseMatMul::infer(const TensorType& begins, const TensorType& ends, const TensorType& columns,
                               const TensorType& values, const TensorType& d) const {
  expect_rows(begins, ends, columns);
  const Dim& rows = begins.shape[0];
  expect_dense(d, "rows of the right side", transpose ? rows : Dim(width));
  if (values.dtype != DType::u8) expect_vector(values, "values", d.dtype);
  if (values.shape != columns.shape) throw_shape("values", to_string(columns.shape), values);
  return {d.dtype, {transpose ? Dim(width) : rows, d.shape[1]}};
}
void SparseMatMul::forward(const KernelArgs& args) const {
  const SparseRows x(args, width);
  const ConstArg& d = args.inputs[4];
  const auto n = static_cast<std::size_t>(d.sizes[1]);
  std::vector<double> sums(static_cast<std::size_t>(args.outputs[0].elements), 0.0);
  x.each([&](std::size_t row, std::size_t column, std::size_t entry) {
    const std::size_t from = n * (transpose ? row : column);
    const std::size_t to = n * (transpose ? column : row);
    const double value = number_at(args.inputs[3], entry);
    for (std::size_t j = 0; j < n; ++j) sums[to + j] += value * number_at(d, from + j);
  });
  store(sums, args.outputs[0]);
}
std::array<Value, 5> SparseMatMul::gradient(Value begins, Value ends, Value columns, Value values, Value d,
                                            Value, Value dy) const {
  const SparseValue x{.begins = begins, .ends = ends, .columns = columns, .values = values, .width = width};
  const bool whole_numbers = values.dtype() == DType::u8;
  const Value dvalues = whole_numbers ? Value() : sampled_matmul(x, transpose ? d : dy, transpose ? dy : d);
  return {Value(), Value(), Value(), dvalues, matmul(x, dy, !transpose)};
}

TensorType SampledMatMul::infer(const TensorType& begins, const TensorType& ends, const TensorType& columns,
                                const TensorType& a, const TensorType& b) const {
  expect_rows(begins, ends, columns);
  expect_dense(a, "rows of the left side", begins.shape[0]);
  if (b.shape.rank() != 2) throw_shape("rows of the right side", "[width, n]", b);
  if (a.dtype != b.dtype || a.shape[1] != b.shape[1]) {
    throw Error(
        a.dtype != b.dtype ? ErrorCode::dtype_mismatch : ErrorCode::shape_mismatch,
        "the rows of both sides differ",
        {.expected = to_string(TensorType{a.dtype, {b.shape[0], a.shape[1]}}), .actual = to_string(b)});
  }
  return {a.dtype, columns.shape};
}
void SampledMatMul::forward(const KernelArgs& args) const {
  const ConstArg& a = args.inputs[3];
  const ConstArg& b = args.inputs[4];
  const SparseRows x(args, b.sizes[0]);
  const auto n = static_cast<std::size_t>(a.sizes[1]);
  std::vector<double> sums(static_cast<std::size_t>(args.outputs[0].elements), 0.0);
  x.each([&](std::size_t row, std::size_t column, std::size_t entry) {
    for (std::size_t j = 0; j < n; ++j)
      sums[entry] += number_at(a, row * n + j) * number_at(b, column * n + j);
  });
  store(sums, args.outputs[0]);
}
std::array<Value, 5> SampledMatMul::gradient(Value begins, Value ends, Value columns, Value a, Value b, Value,
                                             Value dv) const {
  const SparseValue x{
      .begins = begins, .ends = ends, .columns = columns, .values = dv, .width = b.shape()[0].size()};
  return {Value(), Value(), Value(), matmul(x, b), matmul(x, a, true)};
}

SparseValue sparse_input(Graph& graph, std::string_view name, DType dtype, const Shape& shape,
                         const Dim& capacity, Where where) {
  if (shape.rank() != 2 || !shape[1].is_number()) {
    throw Error(ErrorCode::shape_mismatch, fmt::format("the sparse input '{}' is not a matrix", name),
                {.expected = "[rows, width] with a number as the width",
                 .actual = to_string(shape),
                 .where = to_string(where)});
  }
  if (!is_float(dtype) && dtype != DType::u8) {
    throw Error(
        ErrorCode::dtype_mismatch, fmt::format("the sparse input '{}' has no such dtype", name),
        {.expected = "f32, f64 or u8", .actual = std::string(name_of(dtype)), .where = to_string(where)});
  }
  const auto part = [&](std::string_view what, DType of, const Dim& size) {
    return input(graph, fmt::format("{}/{}", name, what), of, {size}, where);
  };
  return {.begins = part("begins", DType::i64, shape[0]),
          .ends = part("ends", DType::i64, shape[0]),
          .columns = part("columns", DType::i32, capacity),
          .values = part("values", dtype, capacity),
          .width = shape[1].size()};
}

SparseValue sparse_constant(Graph& graph, const SparseTensor& tensor, Where where) {
  return {.begins = constant(graph, tensor.begins(), where),
          .ends = constant(graph, tensor.ends(), where),
          .columns = constant(graph, tensor.columns(), where),
          .values = constant(graph, tensor.values(), where),
          .width = tensor.sizes()[1]};
}

SparseValue gather(const SparseValue& x, const Operand& indices) {
  expect_values(x.parts(), "gather", "part of the sparse matrix", indices.where());
  const Scope origin(x.values.graph(), "", indices.where());
  SparseValue chosen = x;
  chosen.begins = gather(x.begins, indices);
  chosen.ends = gather(x.ends, indices);
  return chosen;
}

Value matmul(const SparseValue& x, const Operand& d, bool transpose_x) {
  expect_values(x.parts(), "matmul", "part of the sparse matrix", d.where());
  const Scope origin(x.values.graph(), "", d.where());
  return apply(SparseMatMul{.width = x.width, .transpose = transpose_x},
               {x.begins, x.ends, x.columns, x.values, d});
}

Value sampled_matmul(const SparseValue& x, const Operand& a, const Operand& b) {
  expect_values(x.parts(), "sampled_matmul", "part of the sparse matrix", a.where());
  const Scope origin(x.values.graph(), "", a.where());
  return apply(SampledMatMul{}, {x.begins, x.ends, x.columns, a, b});
}

template detail::Model detail::model_of(SparseMatMul);
template detail::Model detail::model_of(SampledMatMul);

}  // namespace weft
