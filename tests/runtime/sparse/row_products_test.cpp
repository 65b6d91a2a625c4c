#include "weft/runtime/sparse/kernels/row_products.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "weft/runtime/sparse/row_store.h"

namespace weft {
namespace {

constexpr std::int64_t kStoredRows = 24;
constexpr std::size_t kPanel = 32'768;

/// Every `step`-th element of a row is not 0.
RowStore store_of(std::int64_t columns, std::int64_t step) {
  Tensor x = Tensor::zeros(DType::u8, {kStoredRows, columns});
  const auto values = x.mutable_values<std::uint8_t>();
  for (std::int64_t i = 0; i < kStoredRows * columns; i += step)
    values[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(1 + i % 250);
  return make_row_store(x, whole_of(x), measure_density(x, whole_of(x)));
}

RowProducts products_of(const RowStore& store, std::int64_t n) {
  return {kStoredRows, {0, store.layout.columns}, n, store.layout.fullest_row, kPanel};
}

/// The functions of this CPU, but that they note which of the two was asked.
int whole_calls = 0;
int panel_calls = 0;
SparseFunctions counting_functions() {
  SparseFunctions counting = sparse_functions();
  counting.multiply = [](const StoredRows& x, std::int64_t count, const float* w, std::int64_t stride,
                         std::int64_t n, float scale, const float* bias, float* y) {
    ++whole_calls;
    sparse_functions().multiply(x, count, w, stride, n, scale, bias, y);
  };
  counting.multiply_in_panels = [](const StoredRows& x, std::int64_t count, std::int64_t first,
                                   std::int64_t last, const float* w, std::int64_t stride, std::int64_t n,
                                   float scale, const float* bias, float* y, const PackedPanel& panel,
                                   std::int64_t* cursors) {
    ++panel_calls;
    sparse_functions().multiply_in_panels(x, count, first, last, w, stride, n, scale, bias, y, panel,
                                          cursors);
  };
  return counting;
}

/// Whether the matrix went through a panel for the first `count` rows; the result must be that of the plain
/// function.
bool takes_panels(const RowStore& store, std::int64_t n, std::int64_t count = kStoredRows) {
  const RowProducts products = products_of(store, n);
  const StoredRows x = store.rows();
  const std::vector<float> w(static_cast<std::size_t>(store.layout.columns * n), 0.5F);
  std::vector<float> expected(static_cast<std::size_t>(kStoredRows * n));
  std::vector<float> y = expected;
  sparse_functions().multiply(x, count, w.data(), n, n, 2.0F, nullptr, expected.data());
  Tensor scratch = Tensor::uninitialized(DType::u8, {static_cast<std::int64_t>(products.scratch_bytes())});
  whole_calls = panel_calls = 0;
  products.multiply(x, count, w.data(), n, 2.0F, nullptr, y.data(),
                    static_cast<std::byte*>(scratch.mutable_data()), counting_functions());
  EXPECT_EQ(whole_calls + panel_calls, 1);
  EXPECT_EQ(y, expected);
  return panel_calls == 1;
}

TEST(RowProducts, TakeTheMatrixInPartsWhereARowMeetsEachOften) {
  EXPECT_TRUE(takes_panels(store_of(784, 5), 100));
  EXPECT_TRUE(takes_panels(store_of(784, 5), 1000));
  EXPECT_TRUE(takes_panels(store_of(784, 1), 64));
}

TEST(RowProducts, TakeItWholeWhereItIsSmallOrRowsAreNearlyEmpty) {
  EXPECT_FALSE(takes_panels(store_of(40, 1), 100));
  EXPECT_FALSE(takes_panels(store_of(784, 5), 1));
  EXPECT_FALSE(takes_panels(store_of(784, 100), 100));
  EXPECT_FALSE(takes_panels(store_of(70'001, 1000), 64));
}

TEST(RowProducts, NeedNoRoomForPartsThatCannotPay) {
  EXPECT_GT(products_of(store_of(784, 5), 100).scratch_bytes(), 0U);
  EXPECT_EQ(products_of(store_of(784, 100), 100).scratch_bytes(), 0U);
  EXPECT_EQ(products_of(store_of(40, 1), 100).scratch_bytes(), 0U);
}

TEST(RowProducts, TakeItWholeForARowAlone) {
  const RowStore store = store_of(784, 5);
  EXPECT_TRUE(takes_panels(store, 100));
  EXPECT_EQ(RowProducts(1, {0, 784}, 100, store.layout.fullest_row, kPanel).scratch_bytes(), 0U);
  EXPECT_FALSE(takes_panels(store, 100, 6));
}

TEST(RowProducts, ReadNoRowsOfTheMatrixBesideTheirs) {
  // The non-zeros lie in columns [784, 1568).
  Tensor x = Tensor::zeros(DType::u8, {kStoredRows, 1568});
  for (std::int64_t i = 0; i < kStoredRows * 784; ++i)
    x.mutable_values<std::uint8_t>()[static_cast<std::size_t>(i / 784 * 1568 + 784 + i % 784)] = 1;
  const RowStore store = make_row_store(x, whole_of(x), measure_density(x, whole_of(x)));
  constexpr std::int64_t kN = 48;
  std::vector<float> w(std::size_t{1568} * kN, std::numeric_limits<float>::quiet_NaN());
  std::fill(w.begin() + std::ptrdiff_t{784} * kN, w.end(), 0.5F);
  const RowProducts products(kStoredRows, {784, 1568}, kN, store.layout.fullest_row, kPanel);
  Tensor scratch = Tensor::uninitialized(DType::u8, {static_cast<std::int64_t>(products.scratch_bytes())});
  std::vector<float> y(std::size_t{kStoredRows} * kN, w[0]);
  whole_calls = panel_calls = 0;
  products.multiply(store.rows(), kStoredRows, w.data(), kN, 1.0F, nullptr, y.data(),
                    static_cast<std::byte*>(scratch.mutable_data()), counting_functions());
  EXPECT_EQ(panel_calls, 1);
  EXPECT_EQ(y, std::vector<float>(y.size(), 392.0F));
}

TEST(RowProducts, WeighTheRowsThatTheyGet) {
  Tensor x = Tensor::zeros(DType::u8, {kStoredRows, 784});
  const auto values = x.mutable_values<std::uint8_t>();
  // Four full rows among empty ones.
  for (std::size_t i = 0; i < std::size_t{4} * 784; ++i) values[i] = 1;
  const RowStore store = make_row_store(x, whole_of(x), measure_density(x, whole_of(x)));
  EXPECT_GT(products_of(store, 100).scratch_bytes(), 0U);
  EXPECT_TRUE(takes_panels(store, 100));
  EXPECT_FALSE(takes_panels(store, 10));
}

}  // namespace
}  // namespace weft
