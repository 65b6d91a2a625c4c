#include "weft/runtime/kernels/column_lists.h"

#include <algorithm>

namespace weft {
namespace {

constexpr std::size_t kAlignment = 64;

std::size_t ends_bytes(Range columns) {
  const auto bytes = static_cast<std::size_t>(columns.end - columns.begin) * sizeof(std::int32_t);
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

inline float number(std::uint8_t x) { return static_cast<float>(x); }
inline float number(float x) { return x; }

/// One way to read the columns and values of a store.
template <typename C, typename V>
struct Reader {
  const std::int64_t* row_begins = nullptr;
  const std::int64_t* row_ends = nullptr;
  const C* columns = nullptr;
  const V* values = nullptr;
  const std::int32_t* numbers = nullptr;
  Range range;
  bool whole = false;

  /// The part of batch row `i` that lies in the range.
  Range part(std::int64_t i) const {
    const std::int64_t row = numbers != nullptr ? std::int64_t{numbers[i]} : i;
    if (whole) return {row_begins[row], row_ends[row]};
    const C* const end = columns + row_ends[row];
    const auto below = [](C column, std::int64_t bound) { return std::int64_t{column} < bound; };
    const C* const first = std::lower_bound(columns + row_begins[row], end, range.begin, below);
    const C* const last = std::lower_bound(first, end, range.end, below);
    return {first - columns, last - columns};
  }

  /// A counting sort: stable, so a column's entries stand in the order of the batch. `ends` holds counts at
  /// first, then where each column's next entry goes.
  void sort(std::int64_t rows, std::int32_t* ends, ColumnEntry* entries) const {
    const std::int64_t width = range.end - range.begin;
    std::fill(ends, ends + width, 0);
    for (std::int64_t i = 0; i < rows; ++i) {
      const Range these = part(i);
      for (std::int64_t k = these.begin; k < these.end; ++k) ++ends[columns[k] - range.begin];
    }
    std::int32_t before = 0;
    for (std::int64_t column = 0; column < width; ++column) {
      const std::int32_t count = ends[column];
      ends[column] = before;
      before += count;
    }
    for (std::int64_t i = 0; i < rows; ++i) {
      const Range these = part(i);
      for (std::int64_t k = these.begin; k < these.end; ++k) {
        entries[ends[columns[k] - range.begin]++] = {static_cast<std::uint32_t>(i), number(values[k])};
      }
    }
  }
};

}  // namespace

std::int64_t most_entries(const RowLayout& layout, bool gathered, std::int64_t rows, std::int64_t columns) {
  const std::int64_t by_rows = rows * std::min(layout.fullest_row, columns);
  return gathered ? by_rows : std::min(by_rows, layout.nonzeros);
}

ColumnLists::ColumnLists(const RowLayout& layout, bool gathered, std::int64_t rows, Range columns)
    : whole_(columns.begin == 0 && columns.end == layout.columns),
      rows_(rows),
      columns_(columns),
      capacity_(most_entries(layout, gathered, rows, columns.end - columns.begin)) {}

std::size_t ColumnLists::scratch_bytes() const {
  return ends_bytes(columns_) + static_cast<std::size_t>(capacity_) * sizeof(ColumnEntry);
}

ColumnLists::Lists ColumnLists::build(const StoredRows& x, const std::int32_t* numbers,
                                      std::byte* scratch) const {
  auto* ends = reinterpret_cast<std::int32_t*>(scratch);
  auto* entries = reinterpret_cast<ColumnEntry*>(scratch + ends_bytes(columns_));
  const auto sort = [&]<typename C, typename V>(const C* columns, const V* values) {
    Reader<C, V>{x.begins, x.ends, columns, values, numbers, columns_, whole_}.sort(rows_, ends, entries);
  };
  const auto with_values = [&]<typename C>(const C* columns) {
    if (x.byte_values) {
      sort(columns, static_cast<const std::uint8_t*>(x.values));
    } else {
      sort(columns, static_cast<const float*>(x.values));
    }
  };
  if (x.wide_columns) {
    with_values(static_cast<const std::int32_t*>(x.columns));
  } else {
    with_values(static_cast<const std::uint16_t*>(x.columns));
  }
  return {.ends = ends, .entries = entries};
}

}  // namespace weft
