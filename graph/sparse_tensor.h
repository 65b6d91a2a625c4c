#pragma once
// A matrix that stores only some elements, row by row (CSR); all others are 0. Row r holds the entries
// [begins[r], ends[r]), each with a column and a value, columns strictly ascending. Making a SparseTensor
// verifies that, so its users need not. Copies and rows share its memory. Any number of threads may read one.

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "weft/graph/tensor.h"

namespace weft {

class SparseTensor {
 public:
  /// The matrix of these sizes whose row r has the entries [offsets[r], offsets[r + 1]) of `columns`, i32,
  /// and `values`, f32, f64 or u8; shares their memory. `offsets`, i64 [rows + 1], ascend from 0 to the
  /// number of entries. Throws Error: shape_mismatch for vectors of wrong lengths, dtype_mismatch,
  /// invalid_argument for sizes that do not multiply within 63 bits or more than 2^31 - 1 columns,
  /// out_of_range, which names the place, for an offset or column that does not fit.
  static SparseTensor of(std::array<std::int64_t, 2> sizes, const Tensor& offsets, const Tensor& columns,
                         const Tensor& values);

  /// Stores the elements of a matrix, f32, f64 or u8, that are not 0. A NaN is stored, -0 is not.
  static SparseTensor from_dense(const Tensor& matrix);
  /// The matrix with all its elements. Throws where a tensor of that size cannot be made.
  Tensor to_dense() const;

  std::array<std::int64_t, 2> sizes() const noexcept { return sizes_; }
  DType dtype() const { return values_.dtype(); }
  /// How many entries the rows have; a stored 0 counts.
  std::int64_t entries() const;
  /// How many entries the memory holds, including those of other rows that share it and unused room.
  std::int64_t capacity() const { return columns_.elements(); }

  const Tensor& begins() const noexcept { return begins_; }    // i64 [rows]
  const Tensor& ends() const noexcept { return ends_; }        // i64 [rows]
  const Tensor& columns() const noexcept { return columns_; }  // i32 [capacity]
  const Tensor& values() const noexcept { return values_; }    // [capacity]
  /// All four, in the order in which a SparseValue is fed.
  std::array<Tensor, 4> parts() const { return {begins_, ends_, columns_, values_}; }

  /// Rows [begin, begin + count) in the same memory. Throws Error(out_of_range).
  SparseTensor rows(std::int64_t begin, std::int64_t count) const;

  /// A copy of the rows' own entries in memory for `capacity` of them, zeros behind the last. Throws
  /// Error(invalid_argument) where they do not fit.
  SparseTensor packed(std::int64_t capacity) const;
  /// The same with room up to the next power of two: batches that differ then have few capacities.
  SparseTensor packed() const;

 private:
  SparseTensor(std::array<std::int64_t, 2> sizes, const Tensor& offsets, Tensor columns, Tensor values);

  std::array<std::int64_t, 2> sizes_;
  Tensor begins_;
  Tensor ends_;
  Tensor columns_;
  Tensor values_;
};

/// "sparse f32[3, 4] with 5 entries".
std::string to_string(const SparseTensor& tensor);

/// Throws Error(out_of_range) unless rows [first, first + count) lie within `columns` and the columns of each
/// ascend strictly within [0, width). `begins` and `ends` are those of all rows.
void check_sparse_rows(std::span<const std::int64_t> begins, std::span<const std::int64_t> ends,
                       std::span<const std::int32_t> columns, std::int64_t width, std::int64_t first,
                       std::int64_t count);

}  // namespace weft
