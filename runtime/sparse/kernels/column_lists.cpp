#include "weft/runtime/sparse/kernels/column_lists.h"

#include <algorithm>
#include <numeric>

#include "weft/runtime/machine/cache.h"

namespace weft {
namespace {

/// The bytes of one number for each column.
std::size_t places_bytes(Range columns) {
  return whole_lines(static_cast<std::size_t>(columns.end - columns.begin) * sizeof(std::int32_t));
}

/// The room of each column if all columns get room for `rows` entries; 0 if the lists would then take more
/// memory than a core's cache holds.
std::int64_t room_of(std::int64_t rows, Range columns, std::int64_t entry_bytes) {
  constexpr std::int64_t kCache = std::int64_t{512} * 1024;
  const std::int64_t line = std::int64_t{kCacheLine} / entry_bytes;
  // An odd number of lines: columns that lie a power of two apart would push each other out of the cache.
  const std::int64_t room = ((rows + line - 1) / line | 1) * line;
  return (columns.end - columns.begin) * room * entry_bytes <= kCache ? room : 0;
}

inline void put(FloatEntry& entry, std::uint32_t row, float value) { entry = {row, value}; }
inline void put(ByteEntry& entry, std::uint32_t row, std::uint8_t value) {
  entry = static_cast<ByteEntry>(row << 8 | value);
}

/// Reads columns, which all lie in a range, and values of some rows.
template <typename C, typename V>
struct Reader {
  const StoredRows& rows;
  const C* columns = nullptr;
  const V* values = nullptr;
  Range range;

  /// Where each column's entries begin if they lie side by side.
  void count(std::int64_t batch, std::int32_t* begins) const {
    const std::int64_t width = range.end - range.begin;
    std::fill(begins, begins + width, 0);
    for (std::int64_t i = 0; i < batch; ++i) {
      for (std::int64_t k = rows.begins[i]; k < rows.ends[i]; ++k) ++begins[columns[k] - range.begin];
    }
    std::exclusive_scan(begins, begins + width, begins, 0);
  }

  /// Appends every entry to the list of its column, in the order of the batch.
  template <typename Entry>
  void place(std::int64_t batch, std::int32_t* ends, Entry* entries) const {
    for (std::int64_t i = 0; i < batch; ++i) {
      const std::int64_t end = rows.ends[i];
      for (std::int64_t k = rows.begins[i]; k < end; ++k)
        put(entries[ends[columns[k] - range.begin]++], static_cast<std::uint32_t>(i), values[k]);
    }
  }
};

}  // namespace

std::int64_t most_entries(const RowLayout& layout, bool gathered, std::int64_t rows, std::int64_t columns) {
  const std::int64_t by_rows = rows * std::min(layout.fullest_row, columns);
  return gathered ? by_rows : std::min(by_rows, layout.nonzeros);
}

std::int64_t panel_width(std::int64_t rows, std::int64_t n, std::size_t cache) {
  const auto near = static_cast<std::int64_t>(cache / sizeof(float));
  constexpr std::int64_t kStep = 16;
  constexpr std::int64_t kLeast = 64;
  constexpr std::int64_t kMost = 256;
  const std::int64_t fit = near / std::max<std::int64_t>(rows, 1) / kStep * kStep;
  return std::min(std::clamp(fit, kLeast, kMost), (std::max<std::int64_t>(n, 1) + kStep - 1) / kStep * kStep);
}

ColumnLists::ColumnLists(const RowLayout& layout, bool gathered, std::int64_t rows, Range columns)
    : rows_(rows),
      columns_(columns),
      taken_(rows, ColumnRange(columns, layout)),
      byte_entries_(layout.values == DType::u8 && rows <= kByteEntryRows),
      room_(room_of(rows, columns, entry_bytes())),
      capacity_(room_ > 0 ? room_ * (columns.end - columns.begin)
                          : most_entries(layout, gathered, rows, columns.end - columns.begin)) {}

std::size_t ColumnLists::scratch_bytes() const {
  return taken_.scratch_bytes() + 2 * places_bytes(columns_) +
         static_cast<std::size_t>(capacity_ * entry_bytes());
}

StoredColumns ColumnLists::build(const StoredRows& x, const std::int32_t* numbers, std::byte* scratch) const {
  const StoredRows rows = taken_.of(x, numbers, {.begin = 0, .end = rows_}, scratch);
  scratch += taken_.scratch_bytes();
  auto* begins = reinterpret_cast<std::int32_t*>(scratch);
  auto* ends = reinterpret_cast<std::int32_t*>(scratch + places_bytes(columns_));
  std::byte* entries = scratch + 2 * places_bytes(columns_);
  const std::int64_t width = columns_.end - columns_.begin;
  const auto list = [&]<typename Entry, typename C, typename V>(Entry* to, const C* columns,
                                                                const V* values) {
    const Reader<C, V> reader{rows, columns, values, columns_};
    if (room_ > 0) {
      for (std::int64_t j = 0; j < width; ++j) begins[j] = static_cast<std::int32_t>(j * room_);
    } else {
      reader.count(rows_, begins);
    }
    std::copy_n(begins, width, ends);
    reader.place(rows_, ends, to);
  };
  const auto with_values = [&]<typename C>(const C* columns) {
    if (byte_entries_) {
      list(reinterpret_cast<ByteEntry*>(entries), columns, static_cast<const std::uint8_t*>(x.values));
    } else if (x.byte_values) {
      list(reinterpret_cast<FloatEntry*>(entries), columns, static_cast<const std::uint8_t*>(x.values));
    } else {
      list(reinterpret_cast<FloatEntry*>(entries), columns, static_cast<const float*>(x.values));
    }
  };
  if (x.wide_columns) {
    with_values(static_cast<const std::int32_t*>(x.columns));
  } else {
    with_values(static_cast<const std::uint16_t*>(x.columns));
  }
  return {.begins = begins, .ends = ends, .entries = entries, .byte_entries = byte_entries_};
}

}  // namespace weft
