#include "weft/runtime/kernels/packed_rows.h"

#include <cstring>

#include "weft/runtime/cache.h"

namespace weft {
namespace {

struct Bytes {
  const std::byte* begin = nullptr;
  std::size_t size = 0;
};

/// Entries [begin, end) of an array.
Bytes part(const void* array, std::size_t entry, std::int64_t begin, std::int64_t end) {
  return {static_cast<const std::byte*>(array) + static_cast<std::size_t>(begin) * entry,
          static_cast<std::size_t>(end - begin) * entry};
}

void fetch(const Bytes& bytes) {
  for (std::size_t at = 0; at < bytes.size; at += kCacheLine) __builtin_prefetch(bytes.begin + at);
}

std::size_t column_size(bool wide) { return wide ? sizeof(std::int32_t) : sizeof(std::uint16_t); }
std::size_t value_size(bool byte_values) { return byte_values ? sizeof(std::uint8_t) : sizeof(float); }

std::size_t entries_of(const RowLayout& layout, std::int64_t rows) {
  return static_cast<std::size_t>(rows * layout.fullest_row);
}

}  // namespace

PackedRows::PackedRows(const RowLayout& layout, std::int64_t rows)
    : columns_at_(whole_lines(static_cast<std::size_t>(rows + 1) * sizeof(std::int64_t))),
      values_at_(columns_at_ + whole_lines(entries_of(layout, rows) * column_size(layout.wide_columns))),
      bytes_(values_at_ + entries_of(layout, rows) * value_size(layout.values == DType::u8)) {}

StoredRows PackedRows::pack(const StoredRows& x, std::span<const std::int32_t> numbers,
                            std::byte* scratch) const {
  // Memory answers late: the entries are asked for some rows ahead, and where they lie before that.
  constexpr std::size_t kRowsAhead = 8;
  constexpr std::size_t kPlacesAhead = 16;
  const std::size_t column = column_size(x.wide_columns);
  const std::size_t value = value_size(x.byte_values);
  const auto columns_of = [&](std::int32_t row) {
    return part(x.columns, column, x.begins[row], x.ends[row]);
  };
  const auto values_of = [&](std::int32_t row) { return part(x.values, value, x.begins[row], x.ends[row]); };

  auto* offsets = reinterpret_cast<std::int64_t*>(scratch);
  std::byte* const columns = scratch + columns_at_;
  std::byte* const values = scratch + values_at_;
  std::int64_t at = 0;
  offsets[0] = at;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (i + kPlacesAhead < numbers.size()) __builtin_prefetch(x.begins + numbers[i + kPlacesAhead]);
    if (i + kRowsAhead < numbers.size()) {
      fetch(columns_of(numbers[i + kRowsAhead]));
      fetch(values_of(numbers[i + kRowsAhead]));
    }
    const Bytes from_columns = columns_of(numbers[i]);
    const Bytes from_values = values_of(numbers[i]);
    std::memcpy(columns + static_cast<std::size_t>(at) * column, from_columns.begin, from_columns.size);
    std::memcpy(values + static_cast<std::size_t>(at) * value, from_values.begin, from_values.size);
    at += x.ends[numbers[i]] - x.begins[numbers[i]];
    offsets[i + 1] = at;
  }
  return {.begins = offsets,
          .ends = offsets + 1,
          .columns = columns,
          .values = values,
          .wide_columns = x.wide_columns,
          .byte_values = x.byte_values};
}

}  // namespace weft
