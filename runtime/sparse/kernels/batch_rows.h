#pragma once
// The rows of X that a product takes, and of them the non-zeros in a range of columns, where they lie;
// packed_rows.h has copies. Internal to runtime/kernels/.

#include "weft/runtime/sparse/kernels/column_range.h"

namespace weft {

class BatchRows {
 public:
  /// Room for `most` rows.
  BatchRows(std::int64_t most, const ColumnRange& range) : most_(most), range_(range) {}

  /// In whole cache lines.
  std::size_t scratch_bytes() const;
  /// As rows 0, 1, ... the rows numbers[rows.begin], ... of x, or without numbers its rows themselves; no
  /// more than there is room for.
  StoredRows of(const StoredRows& x, const std::int32_t* numbers, Range rows, std::byte* scratch) const;

 private:
  std::int64_t most_ = 0;
  ColumnRange range_;
};

}  // namespace weft
