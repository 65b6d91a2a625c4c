#pragma once
// Copies of the rows that a product takes. Internal to sparse/kernels/.

#include "weft/runtime/sparse/kernels/column_range.h"
#include "weft/runtime/sparse/row_store.h"

namespace weft {

/// The non-zeros of some rows of a store, copied side by side. The rows of a batch are spread over a large
/// store, and a product that reads them there waits for memory at every row; copying asks for many rows at a
/// time.
class PackedRows {
 public:
  /// Room for `rows` rows in a range of the columns; each of them may be the fullest row.
  PackedRows(const RowLayout& layout, std::int64_t rows, const ColumnRange& columns);

  std::size_t scratch_bytes() const { return bytes_; }
  /// The rows numbers[0], numbers[1], ... of x as rows 0, 1, ... There must be room for them.
  StoredRows pack(const StoredRows& x, std::span<const std::int32_t> numbers, std::byte* scratch) const;

 private:
  template <typename C>
  StoredRows pack_columns(const StoredRows& x, std::span<const std::int32_t> numbers,
                          std::byte* scratch) const;

  ColumnRange columns_;
  std::size_t columns_at_ = 0;
  std::size_t values_at_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace weft
