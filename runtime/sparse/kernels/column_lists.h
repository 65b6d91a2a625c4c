#pragma once
// The non-zeros of a batch, column by column: what a weight gradient walks over. In each run every thread
// lists its own columns in its scratch memory. Internal to sparse/kernels/.

#include "weft/runtime/machine/cache.h"
#include "weft/runtime/sparse/kernels/batch_rows.h"
#include "weft/runtime/sparse/vector/sparse_functions.h"

namespace weft {

/// The most non-zeros that `rows` rows of a store can have in `columns` columns. Gathered rows may all be the
/// fullest row.
std::int64_t most_entries(const RowLayout& layout, bool gathered, std::int64_t rows, std::int64_t columns);

/// How many columns of a matrix with `rows` rows of n floats a gradient packs at a time, so that they stay in
/// the cache nearest to the core, of `cache` bytes. At least 64, if there are as many, since every pass reads
/// all lists again. A multiple of 16, and never 0.
std::int64_t panel_width(std::int64_t rows, std::int64_t n, std::size_t cache = nearest_cache());

class ColumnLists {
 public:
  ColumnLists(const RowLayout& layout, bool gathered, std::int64_t rows, Range columns);

  std::size_t scratch_bytes() const;
  Range columns() const { return columns_; }
  /// Lists the rows `numbers` of the store, or without numbers all its rows, in `scratch`.
  StoredColumns build(const StoredRows& x, const std::int32_t* numbers, std::byte* scratch) const;

 private:
  std::int64_t entry_bytes() const {
    return static_cast<std::int64_t>(byte_entries_ ? sizeof(ByteEntry) : sizeof(FloatEntry));
  }

  std::int64_t rows_ = 0;
  Range columns_;
  BatchRows taken_;
  bool byte_entries_ = false;  // a quarter as large, for bytes
  /// If it is not 0, every column has room for this many entries, and they need not be counted first.
  std::int64_t room_ = 0;
  std::int64_t capacity_ = 0;  // entries in all
};

}  // namespace weft
