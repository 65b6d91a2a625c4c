#include "weft/runtime/sparse/kernels/column_lists.h"

#include <gtest/gtest.h>

#include <array>
#include <type_traits>
#include <utility>
#include <vector>

#include "weft/runtime/sparse/row_store.h"

namespace weft {
namespace {

using Entries = std::vector<std::pair<std::uint32_t, float>>;

constexpr std::int64_t kListedRows = 5;

/// Row r has its non-zeros at the multiples of r + 1.
float value_at(std::int64_t row, std::int64_t column) {
  return column % (row + 1) == 0 ? static_cast<float>(1 + (row + column) % 7) : 0.0F;
}

template <typename T>
RowStore listed_store(std::int64_t columns) {
  std::vector<T> values;
  for (std::int64_t row = 0; row < kListedRows; ++row) {
    for (std::int64_t column = 0; column < columns; ++column)
      values.push_back(static_cast<T>(value_at(row, column)));
  }
  const Tensor x = Tensor::of<T>(values, std::array{kListedRows, columns});
  return make_row_store(x, whole_of(x), measure_density(x, whole_of(x)));
}

Entries list_of(const StoredColumns& x, std::int64_t column) {
  Entries list;
  for (std::int32_t k = x.begins[column]; k < x.ends[column]; ++k) {
    if (x.byte_entries) {
      const auto entry = static_cast<std::uint16_t>(static_cast<const ByteEntry*>(x.entries)[k]);
      list.emplace_back(entry >> 8, static_cast<float>(entry & 0xFF));
    } else {
      const FloatEntry& entry = static_cast<const FloatEntry*>(x.entries)[k];
      list.emplace_back(entry.row, entry.value);
    }
  }
  return list;
}

/// Lists a range of the columns of `batch` rows, again and again the five of the store, and compares every
/// list.
template <typename T>
void check_lists_of(std::int64_t columns, std::int64_t batch, Range range) {
  const RowStore store = listed_store<T>(columns);
  std::vector<std::int32_t> numbers;
  for (std::int64_t i = 0; i < batch; ++i) numbers.push_back(static_cast<std::int32_t>(i * 3 % kListedRows));
  const ColumnLists lists(store.layout, true, batch, range);
  Tensor scratch = Tensor::uninitialized(DType::u8, {static_cast<std::int64_t>(lists.scratch_bytes())});
  const auto built =
      lists.build(store.rows(), numbers.data(), static_cast<std::byte*>(scratch.mutable_data()));
  ASSERT_EQ(built.byte_entries, (std::is_same_v<T, std::uint8_t> && batch <= kByteEntryRows));
  for (std::int64_t column = range.begin; column < range.end; ++column) {
    Entries expected;
    for (std::int64_t i = 0; i < batch; ++i) {
      const float value = value_at(numbers[static_cast<std::size_t>(i)], column);
      if (value != 0.0F) expected.emplace_back(static_cast<std::uint32_t>(i), value);
    }
    const std::int64_t j = column - range.begin;
    ASSERT_EQ(list_of(built, j), expected) << "column " << column;
  }
}

void check_lists(std::int64_t columns, std::int64_t batch, Range range) {
  check_lists_of<float>(columns, batch, range);
  check_lists_of<std::uint8_t>(columns, batch, range);
}

TEST(ColumnLists, HaveTheEntriesOfEachColumnInTheOrderOfTheBatch) {
  check_lists(60, 64, {.begin = 0, .end = 60});
  check_lists(60, 64, {.begin = 7, .end = 31});
  check_lists(60, 64, {.begin = 31, .end = 60});
}

TEST(ColumnLists, LieSideBySideWhereRoomForTheBatchInEachWouldBeTooMuch) {
  constexpr std::int64_t kColumns = 3000;
  constexpr std::int64_t kBatch = 70;
  check_lists(kColumns, kBatch, {.begin = 0, .end = kColumns});
  check_lists(kColumns, kBatch, {.begin = 100, .end = kColumns - 1});
}

TEST(ColumnLists, HoldMoreRowsThanAByteEntryCounts) {
  check_lists(3, kByteEntryRows, {.begin = 0, .end = 3});
  check_lists(3, kByteEntryRows + 1, {.begin = 0, .end = 3});
}

TEST(ColumnLists, TakePanelsOfWholeRegisters) {
  for (const std::int64_t rows : {0, 1, 64, 1000, 100'000}) {
    for (const std::int64_t n : {0, 1, 16, 100, 1024}) {
      EXPECT_GE(panel_width(rows, n), 16) << rows << " rows of " << n;
      EXPECT_EQ(panel_width(rows, n) % 16, 0) << rows << " rows of " << n;
    }
  }
  EXPECT_EQ(panel_width(64, 100, 32'768), 112);
  EXPECT_EQ(panel_width(64, 1024, 32'768), 128);
  EXPECT_EQ(panel_width(64, 1024, 49'152), 192);
}

}  // namespace
}  // namespace weft
