#include "weft/ops/sparse_functions.h"

#include "weft/graph/located.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/indexing.h"
#include "weft/ops/layout.h"
#include "weft/ops/series.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"

namespace weft {
namespace {

/// The dtype that x is computed with: bytes count as f32.
DType float_of(const SparseValue& x) { return is_float(x.dtype()) ? x.dtype() : f32; }

Value ones(const SparseValue& x, const Shape& shape, DType dtype) {
  return broadcast_to(constant(x.values.graph(), 1.0, dtype), shape);
}

/// A factor of each row, or of each column, as a factor of each entry.
Value of_entries(const SparseValue& x, const Value& factors, bool rows) {
  const Dim& size = rows ? x.begins.shape()[0] : Dim(x.width);
  if (factors.shape() != Shape{size} || !is_float(factors.dtype())) {
    throw Error(
        is_float(factors.dtype()) ? ErrorCode::shape_mismatch : ErrorCode::dtype_mismatch,
        "there must be one factor for each row or column",
        {.expected = to_string(TensorType{float_of(x), {size}}), .actual = to_string(factors.type())});
  }
  const Value column = expand_dims(factors, -1);
  return rows ? sampled_matmul(x, column, ones(x, {x.width, 1}, factors.dtype()))
              : sampled_matmul(x, ones(x, {x.begins.shape()[0], 1}, factors.dtype()), column);
}

SparseValue scaled(std::string_view op, const SparseValue& x, const Operand& factors, bool rows) {
  return located(op, factors.where(), [&] {
    expect_values(x.parts(), op, "part of the sparse matrix", factors.where());
    const Value value = factors.value(op);
    const Scope origin(value.graph(), op, factors.where());
    return with_values(x, cast(x.values, value.dtype()) * of_entries(x, value, rows));
  });
}

}  // namespace

SparseValue with_values(const SparseValue& x, const Operand& values) {
  return located("with_values", values.where(), [&] {
    expect_values(x.parts(), "with_values", "part of the sparse matrix", values.where());
    SparseValue other = x;
    other.values = values.value("with_values");
    if (other.values.shape() != x.columns.shape()) {
      throw Error(ErrorCode::shape_mismatch, "there must be one value for each entry",
                  {.expected = to_string(x.columns.shape()), .actual = to_string(other.values.type())});
    }
    return other;
  });
}

Value entry_rows(const SparseValue& x) {
  expect_values(x.parts(), "entry_rows", "part of the sparse matrix", {});
  const Scope origin(x.values.graph(), "entry_rows", {});
  const Value numbers = expand_dims(positions(x.begins, 0, f64), -1);
  return cast(sampled_matmul(x, numbers, ones(x, {x.width, 1}, f64)), i64);
}

SparseValue scale_rows(const SparseValue& x, const Operand& factors) {
  return scaled("scale_rows", x, factors, true);
}
SparseValue scale_columns(const SparseValue& x, const Operand& factors) {
  return scaled("scale_columns", x, factors, false);
}

Value row_sums(const SparseValue& x) {
  expect_values(x.parts(), "row_sums", "part of the sparse matrix", {});
  const Scope origin(x.values.graph(), "row_sums", {});
  return squeeze(matmul(x, ones(x, {x.width, 1}, float_of(x))), -1);
}

Value column_sums(const SparseValue& x) {
  expect_values(x.parts(), "column_sums", "part of the sparse matrix", {});
  const Scope origin(x.values.graph(), "column_sums", {});
  return squeeze(matmul(x, ones(x, {x.begins.shape()[0], 1}, float_of(x)), true), -1);
}

Value to_dense(const SparseValue& x) {
  expect_values(x.parts(), "to_dense", "part of the sparse matrix", {});
  const Scope origin(x.values.graph(), "to_dense", {});
  return matmul(x, eye(x.values.graph(), x.width, {}, 0, float_of(x)));
}

SparseValue multiply(const SparseValue& x, const Operand& d) {
  return located("multiply", d.where(), [&] {
    const Value dense = d.value("multiply");
    const Scope origin(dense.graph(), "multiply", d.where());
    const Value places = stack({entry_rows(x), cast(x.columns, i64)}, -1);
    return with_values(x, cast(x.values, dense.dtype()) * gather_nd(dense, places));
  });
}

Value add(const SparseValue& x, const Operand& d) {
  const Value dense = d.value("add");
  const Scope origin(dense.graph(), "add", d.where());
  return to_dense(x) + dense;
}

}  // namespace weft
