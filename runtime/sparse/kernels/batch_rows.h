#pragma once
// The rows of X that a product takes, each with its non-zeros in a range of columns, read where they lie;
// packed_rows.h makes copies. Internal to sparse/kernels/.

#include "weft/runtime/sparse/kernels/column_range.h"

namespace weft {

class BatchRows {
 public:
  /// Room for `most` rows.
  BatchRows(std::int64_t most, const ColumnRange& range) : most_(most), range_(range) {}

  /// A whole number of cache lines.
  std::size_t scratch_bytes() const;
  /// The rows numbers[rows.begin], ... of x as rows 0, 1, ...; without `numbers`, the rows `rows` of x. There
  /// must be room for them.
  StoredRows of(const StoredRows& x, const std::int32_t* numbers, Range rows, std::byte* scratch) const;

 private:
  std::int64_t most_ = 0;
  ColumnRange range_;
};

}  // namespace weft
