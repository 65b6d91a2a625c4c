#include "weft/runtime/sparse/row_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "weft/graph/error.h"
#include "weft/runtime/machine/thread_pool.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing::ElementsAre;

RowStore store_of(const Tensor& tensor, const Window& window) {
  return make_row_store(tensor, window, measure_density(tensor, window));
}

template <typename T>
std::vector<T> list(const void* begin, std::int64_t count) {
  const auto* const first = static_cast<const T*>(begin);
  return {first, first + count};
}

TEST(RowStore, HoldsTheNonZerosOfEachRow) {
  const Tensor x = Tensor::of<std::uint8_t>({0, 5, 0, 0, 0, 0, 7, 0, 9}, {3, 3});
  const RowStore store = store_of(x, whole_of(x));
  const StoredRows rows = store.rows();
  EXPECT_FALSE(rows.wide_columns);
  EXPECT_TRUE(rows.byte_values);
  EXPECT_THAT(list<std::int64_t>(rows.begins, 3), ElementsAre(0, 1, 1));
  EXPECT_THAT(list<std::int64_t>(rows.ends, 3), ElementsAre(1, 1, 3));
  EXPECT_THAT(list<std::uint16_t>(rows.columns, 3), ElementsAre(1, 0, 2));
  EXPECT_THAT(list<std::uint8_t>(rows.values, 3), ElementsAre(5, 7, 9));
  EXPECT_EQ(store.layout.fullest_row, 2);
}

TEST(RowStore, TakesTheAxesBehindTheFirstAsOneAndAWindowOfThem) {
  const Tensor x = Tensor::of<float>({1, 2, 3, 4, 5, 6, 0, 8, 9, 10, 11, 12}, {3, 2, 2});
  const RowStore store = store_of(x, {.first_row = 1, .last_row = 3, .first_column = 1, .last_column = 4});
  const StoredRows rows = store.rows();
  EXPECT_THAT(list<std::int64_t>(rows.begins, 2), ElementsAre(0, 2));
  EXPECT_THAT(list<std::int64_t>(rows.ends, 2), ElementsAre(2, 5));
  EXPECT_THAT(list<std::uint16_t>(rows.columns, 5), ElementsAre(0, 2, 0, 1, 2));
  EXPECT_THAT(list<float>(rows.values, 5), ElementsAre(6, 8, 10, 11, 12));
}

TEST(RowStore, KeepsNansAndDropsNegativeZeros) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor x = Tensor::of<float>({-0.0F, nan, 0.0F, 1.0F}, {2, 2});
  const RowStore store = store_of(x, whole_of(x));
  const auto values = list<float>(store.rows().values, 2);
  EXPECT_EQ(store.layout.nonzeros, 2);
  EXPECT_TRUE(std::isnan(values[0]));
  EXPECT_EQ(values[1], 1.0F);
}

TEST(RowStore, CountsColumnsOverMoreRowsThanAByteCounts) {
  Tensor x = Tensor::zeros(DType::u8, {600, 3});
  for (std::size_t row = 0; row < 600; ++row) x.mutable_values<std::uint8_t>()[3 * row + 1] = 1;
  const Density density = measure_density(x, whole_of(x));
  EXPECT_THAT(density.column_counts, ElementsAre(0, 600, 0));
  EXPECT_EQ(density.used_columns, 1);
  EXPECT_EQ(density.nonzeros, 600);
}

TEST(RowStore, RefusesOtherDtypes) {
  const Tensor x = Tensor::zeros(DType::f64, {2, 2});
  EXPECT_THROW(measure_density(x, whole_of(x)), Error);
}

TEST(RowStores, MeasureAndStoreAWindowOnce) {
  const Tensor x = Tensor::of<std::uint8_t>({0, 5, 0, 1}, {2, 2});
  RowStores stores;
  const RowStore& first = stores.store(x, whole_of(x));
  EXPECT_EQ(&stores.store(x.rows(0, 2), whole_of(x)), &first);
  EXPECT_NE(&stores.store(x, {.first_row = 0, .last_row = 1, .first_column = 0, .last_column = 2}), &first);
  EXPECT_EQ(stores.density(x, whole_of(x)).nonzeros, 2);
}

TEST(RowStore, IsTheSameWhoeverMadeIt) {
  testing_support::TensorSource source("row store");
  for (const std::int64_t rows : {1, 2, 5, 700}) {
    const Tensor x = source.whole({rows, 70}, 2, DType::u8);  // thirds
    const Window window{.first_row = 0, .last_row = rows, .first_column = 3, .last_column = 70};
    const Density density = measure_density(x, window);
    const RowStore alone = make_row_store(x, window, density);
    for (const int threads : {1, 2, 3}) {
      ThreadPool pool(threads);
      const Density measured = measure_density(x, window, &pool);
      EXPECT_EQ(measured.nonzeros, density.nonzeros);
      EXPECT_EQ(measured.fullest_row, density.fullest_row);
      EXPECT_EQ(measured.row_ends, density.row_ends);
      EXPECT_EQ(measured.column_counts, density.column_counts);
      const RowStore store = make_row_store(x, window, measured, &pool);
      EXPECT_EQ(attribute_text(store.layout), attribute_text(alone.layout));
      EXPECT_EQ(*store.layout.column_load, *alone.layout.column_load);
      const auto count = alone.layout.nonzeros;
      const StoredRows one = alone.rows();
      const StoredRows other = store.rows();
      EXPECT_EQ(list<std::int64_t>(other.ends, rows), list<std::int64_t>(one.ends, rows));
      EXPECT_EQ(list<std::uint16_t>(other.columns, count), list<std::uint16_t>(one.columns, count));
      EXPECT_EQ(list<std::uint8_t>(other.values, count), list<std::uint8_t>(one.values, count));
    }
  }
}

/// A row is written with an element past its end. Behind an empty row that is where another thread's rows
/// begin; a long row ends when they are there.
TEST(RowStore, LeavesTheRowsOfOtherThreadsAlone) {
  constexpr std::int64_t kColumns = 60'003;
  Tensor x = Tensor::zeros(DType::u8, {4, kColumns});
  const auto values = x.mutable_values<std::uint8_t>();
  std::fill_n(values.begin(), kColumns - 3, std::uint8_t{1});
  values[2 * kColumns + 4] = 7;
  values[3 * kColumns + 5] = 9;
  ThreadPool pool(2);
  for (int round = 0; round < 20; ++round) {
    const RowStore store = make_row_store(x, whole_of(x), measure_density(x, whole_of(x)), &pool);
    const StoredRows rows = store.rows();
    const auto columns = list<std::uint16_t>(rows.columns, kColumns - 1);
    const auto stored = list<std::uint8_t>(rows.values, kColumns - 1);
    ASSERT_THAT(std::vector(columns.end() - 2, columns.end()), ElementsAre(4, 5)) << "round " << round;
    ASSERT_THAT(std::vector(stored.end() - 2, stored.end()), ElementsAre(7, 9)) << "round " << round;
  }
}

}  // namespace
}  // namespace weft
