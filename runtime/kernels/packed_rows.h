#pragma once
// The non-zeros of some rows of a store, copied side by side. The rows of a batch lie anywhere in a large
// store, and a product that reads them where they are waits for memory in every row; a copy asks for many
// rows at a time. Internal to runtime/kernels/.

#include "weft/runtime/kernels/kernel.h"
#include "weft/runtime/sparse/row_store.h"

namespace weft {

class PackedRows {
 public:
  /// Room for `rows` rows, each of which may be the fullest, of a part of the columns.
  PackedRows(const RowLayout& layout, std::int64_t rows, Range columns);

  std::size_t scratch_bytes() const { return bytes_; }
  /// The rows numbers[0], numbers[1], ... of x as rows 0, 1, ...; no more than there is room for.
  StoredRows pack(const StoredRows& x, std::span<const std::int32_t> numbers, std::byte* scratch) const;

 private:
  template <typename C>
  StoredRows pack_columns(const StoredRows& x, std::span<const std::int32_t> numbers,
                          std::byte* scratch) const;
  /// The entries of a row that lie in the part.
  template <typename C>
  Range taken(const C* columns, Range row) const;

  Range columns_;
  bool to_last_ = true;
  std::size_t columns_at_ = 0;
  std::size_t values_at_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace weft
