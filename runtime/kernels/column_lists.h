#pragma once
// The non-zeros of a batch, column by column: what a weight gradient walks over. Each thread lists the
// columns that are its own, in its scratch memory, within a run. Internal to runtime/kernels/.

#include "weft/runtime/kernels/kernel.h"
#include "weft/runtime/sparse/row_store.h"

namespace weft {

/// The most non-zeros that `rows` rows of a store can have in `columns` columns. Gathered rows may all be the
/// fullest one.
std::int64_t most_entries(const RowLayout& layout, bool gathered, std::int64_t rows, std::int64_t columns);

class ColumnLists {
 public:
  struct Lists {
    const std::int32_t* ends = nullptr;  // for each column: where its entries end; they begin where the last
                                         // column's end
    const ColumnEntry* entries = nullptr;  // a column's in the order of the batch
  };

  ColumnLists(const RowLayout& layout, bool gathered, std::int64_t rows, Range columns);

  std::size_t scratch_bytes() const;
  Range columns() const { return columns_; }
  /// Lists the rows `numbers`, or the whole store without them, in `scratch`.
  Lists build(const StoredRows& x, const std::int32_t* numbers, std::byte* scratch) const;

 private:
  bool whole_ = false;  // all columns are listed
  std::int64_t rows_ = 0;
  Range columns_;
  std::int64_t capacity_ = 0;
};

}  // namespace weft
