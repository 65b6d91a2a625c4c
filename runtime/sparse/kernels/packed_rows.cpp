#include "weft/runtime/sparse/kernels/packed_rows.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "weft/runtime/machine/cache.h"

namespace weft {
namespace {

/// Prefetches the cache lines of entries [row.begin, row.end) of an array.
void fetch(const void* array, std::size_t entry, Range row) {
  const auto* bytes = static_cast<const std::byte*>(array);
  const std::size_t end = static_cast<std::size_t>(row.end) * entry;
  for (std::size_t at = static_cast<std::size_t>(row.begin) * entry; at < end; at += kCacheLine)
    __builtin_prefetch(bytes + at);
}

std::size_t column_size(bool wide) { return wide ? sizeof(std::int32_t) : sizeof(std::uint16_t); }
std::size_t value_size(bool byte_values) { return byte_values ? sizeof(std::uint8_t) : sizeof(float); }

std::size_t entries_of(const RowLayout& layout, std::int64_t rows, const ColumnRange& columns) {
  return static_cast<std::size_t>(rows * std::min(layout.fullest_row, columns.size()));
}

}  // namespace

PackedRows::PackedRows(const RowLayout& layout, std::int64_t rows, const ColumnRange& columns)
    : columns_(columns),
      columns_at_(whole_lines(static_cast<std::size_t>(rows + 1) * sizeof(std::int64_t))),
      values_at_(columns_at_ +
                 whole_lines(entries_of(layout, rows, columns) * column_size(layout.wide_columns))),
      bytes_(values_at_ + entries_of(layout, rows, columns) * value_size(layout.values == DType::u8)) {}

template <typename C>
StoredRows PackedRows::pack_columns(const StoredRows& x, std::span<const std::int32_t> numbers,
                                    std::byte* scratch) const {
  // Memory is slow, so entries are prefetched some rows ahead, and their places in the store before that.
  constexpr std::size_t kRowsAhead = 8;
  constexpr std::size_t kPlacesAhead = 16;
  constexpr std::size_t kBeside = 4;  // rows whose range is looked up before any is copied
  const std::size_t value = value_size(x.byte_values);
  const auto* from_columns = static_cast<const C*>(x.columns);
  const auto* from_values = static_cast<const std::byte*>(x.values);
  const auto row_of = [&](std::size_t i) { return Range{x.begins[numbers[i]], x.ends[numbers[i]]}; };

  auto* offsets = reinterpret_cast<std::int64_t*>(scratch);
  auto* columns = reinterpret_cast<C*>(scratch + columns_at_);
  std::byte* const values = scratch + values_at_;
  std::int64_t at = 0;
  offsets[0] = at;
  for (std::size_t first = 0; first < numbers.size(); first += kBeside) {
    const std::size_t count = std::min(kBeside, numbers.size() - first);
    std::array<Range, kBeside> rows{};
    for (std::size_t j = 0; j < count; ++j) {
      const std::size_t i = first + j;
      if (i + kPlacesAhead < numbers.size()) __builtin_prefetch(x.begins + numbers[i + kPlacesAhead]);
      if (i + kRowsAhead < numbers.size()) {
        fetch(from_columns, sizeof(C), row_of(i + kRowsAhead));
        fetch(from_values, value, row_of(i + kRowsAhead));
      }
      rows[j] = columns_.of(from_columns, row_of(i));
    }
    for (std::size_t j = 0; j < count; ++j) {
      const auto size = static_cast<std::size_t>(rows[j].end - rows[j].begin);
      std::memcpy(columns + at, from_columns + rows[j].begin, size * sizeof(C));
      std::memcpy(values + static_cast<std::size_t>(at) * value,
                  from_values + static_cast<std::size_t>(rows[j].begin) * value, size * value);
      at += rows[j].end - rows[j].begin;
      offsets[first + j + 1] = at;
    }
  }
  return {.begins = offsets,
          .ends = offsets + 1,
          .columns = columns,
          .values = values,
          .wide_columns = x.wide_columns,
          .byte_values = x.byte_values};
}

StoredRows PackedRows::pack(const StoredRows& x, std::span<const std::int32_t> numbers,
                            std::byte* scratch) const {
  return x.wide_columns ? pack_columns<std::int32_t>(x, numbers, scratch)
                        : pack_columns<std::uint16_t>(x, numbers, scratch);
}

}  // namespace weft
