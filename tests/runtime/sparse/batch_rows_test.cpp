#include "weft/runtime/sparse/kernels/batch_rows.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "weft/runtime/sparse/kernels/packed_rows.h"

namespace weft {
namespace {

/// Each row's columns that lie in the range, and their values, as numbers.
template <typename C, typename V>
std::vector<std::vector<double>> entries_of(const StoredRows& x, const std::vector<std::int32_t>& rows,
                                            Range columns) {
  std::vector<std::vector<double>> all;
  for (const std::int32_t row : rows) {
    std::vector<double>& entries = all.emplace_back();
    for (std::int64_t k = x.begins[row]; k < x.ends[row]; ++k) {
      const auto column = std::int64_t{static_cast<const C*>(x.columns)[k]};
      if (column < columns.begin || column >= columns.end) continue;
      entries.push_back(static_cast<double>(column));
      entries.push_back(static_cast<double>(static_cast<const V*>(x.values)[k]));
    }
  }
  return all;
}

/// Row r has its non-zeros at the multiples of r + 2, and row 3 has none.
template <typename V>
RowStore packed_store(std::int64_t columns) {
  constexpr std::int64_t kRows = 7;
  Tensor x = Tensor::zeros(dtype_of<V>(), {kRows, columns});
  const auto values = x.mutable_values<V>();
  for (std::int64_t row = 0; row < kRows; ++row) {
    for (std::int64_t column = 0; row != 3 && column < columns; column += row + 2)
      values[static_cast<std::size_t>(row * columns + column)] = static_cast<V>(1 + (row + column) % 100);
  }
  return make_row_store(x, whole_of(x), measure_density(x, whole_of(x)));
}

constexpr std::int64_t kFewColumns = 150;
constexpr std::int64_t kManyColumns = 70'001;

std::vector<Range> tried_ranges(std::int64_t columns) {
  return {{0, columns}, {0, 41}, {41, 83}, {83, columns}, {7, 8}, {columns - 1, columns}};
}

/// More than are asked for ahead, and no multiple of those that are looked up together.
std::vector<std::int32_t> numbers_taken() {
  std::vector<std::int32_t> numbers{3, 6, 0, 0, 3, 5};
  for (int i = 0; i < 21; ++i) numbers.push_back(i % 7);
  return numbers;
}

std::vector<std::int32_t> places_of(std::int64_t begin, std::int64_t end) {
  std::vector<std::int32_t> places(static_cast<std::size_t>(end - begin));
  std::iota(places.begin(), places.end(), static_cast<std::int32_t>(begin));
  return places;
}

template <typename C, typename V>
void check_packing(std::int64_t columns) {
  const RowStore store = packed_store<V>(columns);
  const StoredRows x = store.rows();
  const std::vector<std::int32_t> numbers = numbers_taken();
  for (const Range range : tried_ranges(columns)) {
    const PackedRows packed(store.layout, std::ssize(numbers), ColumnRange(range, store.layout));
    Tensor scratch = Tensor::uninitialized(DType::u8, {static_cast<std::int64_t>(packed.scratch_bytes())});
    const StoredRows copy = packed.pack(x, numbers, static_cast<std::byte*>(scratch.mutable_data()));
    EXPECT_EQ((entries_of<C, V>(copy, places_of(0, std::ssize(numbers)), {0, columns})),
              (entries_of<C, V>(x, numbers, range)));
  }
}

/// Of the batch of all `numbers`, or without them of all rows, those in [2, 6).
template <typename C, typename V>
void check_batch(std::int64_t columns, const std::vector<std::int32_t>& numbers) {
  const RowStore store = packed_store<V>(columns);
  const StoredRows x = store.rows();
  const Range taken{2, 6};
  const std::vector<std::int32_t> expected =
      numbers.empty() ? places_of(2, 6) : std::vector(numbers.begin() + 2, numbers.begin() + 6);
  for (const Range range : tried_ranges(columns)) {
    const BatchRows rows(4, ColumnRange(range, store.layout));
    Tensor scratch = Tensor::uninitialized(DType::u8, {static_cast<std::int64_t>(rows.scratch_bytes())});
    const StoredRows view = rows.of(x, numbers.empty() ? nullptr : numbers.data(), taken,
                                    static_cast<std::byte*>(scratch.mutable_data()));
    EXPECT_EQ((entries_of<C, V>(view, places_of(0, 4), {0, columns})),
              (entries_of<C, V>(x, expected, range)));
  }
}

TEST(BatchRows, AreTheRowsAskedForWhereTheyLie) {
  for (const std::vector<std::int32_t>& numbers : {numbers_taken(), {}}) {
    check_batch<std::uint16_t, std::uint8_t>(kFewColumns, numbers);
    check_batch<std::uint16_t, float>(kFewColumns, numbers);
    check_batch<std::int32_t, std::uint8_t>(kManyColumns, numbers);
    check_batch<std::int32_t, float>(kManyColumns, numbers);
  }
}

TEST(PackedRows, HaveTheEntriesOfTheRowsAskedFor) {
  check_packing<std::uint16_t, std::uint8_t>(kFewColumns);
  check_packing<std::uint16_t, float>(kFewColumns);
  check_packing<std::int32_t, std::uint8_t>(kManyColumns);
  check_packing<std::int32_t, float>(kManyColumns);
}

TEST(PackedRows, HaveRoomForTheFullestRowAgainAndAgain) {
  const RowStore store = packed_store<std::uint8_t>(kFewColumns);
  const std::vector<std::int32_t> numbers(50, 0);
  constexpr std::size_t kEntry = sizeof(std::uint16_t) + sizeof(std::uint8_t);
  const PackedRows whole(store.layout, std::ssize(numbers), ColumnRange({0, kFewColumns}, store.layout));
  EXPECT_GE(whole.scratch_bytes(), std::size_t{50} * 75 * kEntry);
  const PackedRows some(store.layout, std::ssize(numbers), ColumnRange({90, kFewColumns}, store.layout));
  EXPECT_GE(some.scratch_bytes(), std::size_t{50} * 60 * kEntry);
  EXPECT_LT(some.scratch_bytes(), whole.scratch_bytes());
}

}  // namespace
}  // namespace weft
