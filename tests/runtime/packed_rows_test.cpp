#include "weft/runtime/kernels/packed_rows.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

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

template <typename C, typename V>
void check_packing(std::int64_t columns) {
  const RowStore store = packed_store<V>(columns);
  const StoredRows x = store.layout.view(store.bytes.data());
  std::vector<std::int32_t> numbers{3, 6, 0, 0, 3, 5};  // more than are asked for ahead, once repeated
  for (int i = 0; i < 20; ++i) numbers.push_back(i % 7);
  std::vector<std::int32_t> places(numbers.size());
  std::iota(places.begin(), places.end(), 0);
  for (const Range part : {Range{0, columns}, Range{0, 41}, Range{41, 83}, Range{83, columns}, Range{7, 8}}) {
    std::vector<std::int64_t> room(14);
    EXPECT_EQ((entries_of<C, V>(narrowed(x, 7, {part, columns}, room.data()), numbers, {0, columns})),
              (entries_of<C, V>(x, numbers, part)));
    const PackedRows packed(store.layout, std::ssize(numbers), part);
    Tensor scratch = Tensor::uninitialized(DType::u8, {static_cast<std::int64_t>(packed.scratch_bytes())});
    const StoredRows copy = packed.pack(x, numbers, static_cast<std::byte*>(scratch.mutable_data()));
    EXPECT_EQ((entries_of<C, V>(copy, places, {0, columns})), (entries_of<C, V>(x, numbers, part)));
  }
}

TEST(PackedRows, HaveTheEntriesOfTheRowsAskedFor) {
  check_packing<std::uint16_t, std::uint8_t>(150);
  check_packing<std::uint16_t, float>(150);
  check_packing<std::int32_t, std::uint8_t>(70'001);
  check_packing<std::int32_t, float>(70'001);
}

TEST(PackedRows, HaveRoomForTheFullestRowAgainAndAgain) {
  const RowStore store = packed_store<std::uint8_t>(150);
  const std::vector<std::int32_t> numbers(50, 0);
  constexpr std::size_t kEntry = sizeof(std::uint16_t) + sizeof(std::uint8_t);
  const PackedRows whole(store.layout, std::ssize(numbers), {0, 150});
  EXPECT_GE(whole.scratch_bytes(), std::size_t{50} * 75 * kEntry);
  const PackedRows part(store.layout, std::ssize(numbers), {90, 150});
  EXPECT_GE(part.scratch_bytes(), std::size_t{50} * 60 * kEntry);
  EXPECT_LT(part.scratch_bytes(), whole.scratch_bytes());
}

}  // namespace
}  // namespace weft
