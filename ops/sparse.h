#pragma once
// Products with a sparse matrix X, whose rows are given as four values, like SparseTensor::parts(): row r has
// the entries [begins[r], ends[r]) of `columns` and `values`. Rows may leave entries out or share them, so
// slicing and choosing rows move no entries, and a feed may have room for more than it holds. Entries that
// belong to no row are never read.
//
// Rows and columns are checked before they are used: a row outside the entries, or columns that do not ascend
// strictly within the matrix, are an Error(out_of_range), which names them, and the run changes nothing.

#include <array>
#include <cstdint>
#include <string_view>

#include "weft/graph/graph.h"
#include "weft/graph/sparse_tensor.h"

namespace weft {

struct SparseMatMul {  // y = X d; with `transpose` y = X^T d
  static constexpr std::string_view name = "sparse_matmul";
  static constexpr Traits traits{.can_fail = true};
  std::int64_t width = 0;  // of X
  bool transpose = false;
  static constexpr auto attributes = weft::attributes(&SparseMatMul::width, &SparseMatMul::transpose);
  TensorType infer(const TensorType& begins, const TensorType& ends, const TensorType& columns,
                   const TensorType& values, const TensorType& d) const;
  void forward(const KernelArgs& args) const;
  std::array<Value, 5> gradient(Value begins, Value ends, Value columns, Value values, Value d, Value y,
                                Value dy) const;
  std::vector<Value> batch(const BatchArgs& args) const;
};

struct SampledMatMul {  // v[e] = sum of a[r, :] . b[c, :] over the rows r that have entry e, in column c
  static constexpr std::string_view name = "sampled_matmul";
  static constexpr Traits traits{.can_fail = true};
  TensorType infer(const TensorType& begins, const TensorType& ends, const TensorType& columns,
                   const TensorType& a, const TensorType& b) const;
  void forward(const KernelArgs& args) const;
  std::array<Value, 5> gradient(Value begins, Value ends, Value columns, Value a, Value b, Value v,
                                Value dv) const;
};

/// A sparse matrix [rows, width] in a graph.
struct SparseValue {
  Value begins;   // i64 [rows]
  Value ends;     // i64 [rows]
  Value columns;  // i32 [capacity]
  Value values;   // f32, f64 or u8 [capacity]; may be computed
  std::int64_t width = 0;

  Shape shape() const { return {begins.shape()[0], width}; }
  DType dtype() const { return values.dtype(); }
  /// The four values, in the order of SparseTensor::parts(); the inputs of a function, for a sparse_input.
  std::array<Value, 4> parts() const { return {begins, ends, columns, values}; }
};

/// A sparse matrix that every run is fed as SparseTensor::parts(). `shape` is [rows, width], where width is a
/// number. `capacity` is that of the fed tensors; each capacity gets a plan of its own, so feed rows of one
/// tensor, or packed tensors. Errors: shape_mismatch, dtype_mismatch.
SparseValue sparse_input(Graph& graph, std::string_view name, DType dtype, const Shape& shape,
                         const Dim& capacity, Where where = Where::current());

/// A fixed sparse matrix; the graph shares its memory.
SparseValue sparse_constant(Graph& graph, const SparseTensor& tensor, Where where = Where::current());

/// The rows of x at integer indices [n], as a matrix [n, width]; moves no entries.
SparseValue gather(const SparseValue& x, const Operand& indices);

/// X d: [rows, width] x [width, n] -> [rows, n]; with `transpose_x` X^T d: [rows, n] -> [width, n]. d is f32
/// or f64, the values of x are the same or u8. Errors: shape_mismatch, dtype_mismatch.
///
/// Accuracy in f32, for a sum of n entries: at most (min(n, 2048) + 2) * 2^-24 of the sum of the terms'
/// absolute values, and for X^T d (n + 2) * 2^-24. Where terms or sums are denormal, each term may add
/// 2^-150.
Value matmul(const SparseValue& x, const Operand& d, bool transpose_x = false);

/// A product a b^T of a [rows, n] and b [width, n] at the entries of x alone: [capacity]. An entry that
/// several rows share gets their sum; an entry of no row gets 0. Sums are rounded once, from f64. Errors:
/// shape_mismatch, dtype_mismatch.
Value sampled_matmul(const SparseValue& x, const Operand& a, const Operand& b);

// Compiled once, in sparse.cpp.
extern template detail::Model detail::model_of(SparseMatMul);
extern template detail::Model detail::model_of(SampledMatMul);

}  // namespace weft
