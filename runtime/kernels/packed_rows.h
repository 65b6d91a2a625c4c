#pragma once
// The rows of X that a product takes, and of them the non-zeros in a part of the columns. Internal to
// runtime/kernels/.

#include "weft/runtime/kernels/first_from.h"
#include "weft/runtime/sparse/row_store.h"

namespace weft {

/// Some of the columns of X.
class ColumnPart {
 public:
  ColumnPart(Range part, std::int64_t all) : part_(part), to_last_(part.end == all) {}

  bool is_all() const { return part_.begin == 0 && to_last_; }
  /// The entries of a row that lie in them.
  template <typename C>
  Range of(const C* columns, Range row) const {
    return {part_.begin == 0 ? row.begin : first_from(columns, row, part_.begin),
            to_last_ ? row.end : first_from(columns, row, part_.end)};
  }

 private:
  Range part_;
  bool to_last_ = true;
};

/// The rows [0, count) of x with the entries that lie in the part alone, where they are. `places` is room for
/// 2 * count numbers.
StoredRows narrowed(const StoredRows& x, std::int64_t count, const ColumnPart& part, std::int64_t* places);

/// The non-zeros of some rows of a store, copied side by side. The rows of a batch lie anywhere in a large
/// store, and a product that reads them where they are waits for memory in every row; a copy asks for many
/// rows at a time.
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

  ColumnPart columns_;
  std::size_t columns_at_ = 0;
  std::size_t values_at_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace weft
