// The inner loops over non-zeros, for each instruction set that this CPU has.

#include "weft/runtime/sparse/vector/sparse_functions.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include "weft/graph/philox.h"
#include "weft/runtime/sparse/row_store.h"
#include "weft/tests/runtime/expect_close.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::kSumBound;

constexpr std::int64_t kMatrixRows = 9;

std::vector<const SparseFunctions*> instruction_sets() {
  std::vector<const SparseFunctions*> sets{&kSse2SparseFunctions};
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) sets.push_back(&kAvx2SparseFunctions);
  if (__builtin_cpu_supports("avx512f")) sets.push_back(&kAvx512SparseFunctions);
  return sets;
}

/// A store, and the matrix that it stands for.
struct Matrix {
  Tensor tensor;
  RowStore store;
  double at(std::int64_t row, std::int64_t column) const {
    const auto i = static_cast<std::size_t>(row * tensor.sizes()[1] + column);
    return tensor.dtype() == DType::u8 ? static_cast<double>(tensor.values<std::uint8_t>()[i])
                                       : static_cast<double>(tensor.values<float>()[i]);
  }
};

/// One of so many elements is not 0. Unless `no_full_row`, row 1 is full; row 2 is empty.
Matrix random_matrix(DType dtype, std::int64_t columns, std::uint32_t one_of = 4, bool no_full_row = false) {
  PhiloxSequence random(testing_support::test_seed(), 1);
  Matrix matrix{.tensor = Tensor::zeros(dtype, {kMatrixRows, columns}), .store = {}};
  for (std::int64_t i = 0; i < kMatrixRows * columns; ++i) {
    const std::int64_t row = i / columns;
    const bool filled = (row == 1 && !no_full_row) || (row != 2 && random.below(one_of) == 0);
    if (!filled) continue;
    const auto at = static_cast<std::size_t>(i);
    if (dtype == DType::u8) {
      matrix.tensor.mutable_values<std::uint8_t>()[at] = static_cast<std::uint8_t>(random.below(255) + 1);
    } else {
      matrix.tensor.mutable_values<float>()[at] = random.uniform() - 0.5F;
    }
  }
  const Window whole = whole_of(matrix.tensor);
  matrix.store = make_row_store(matrix.tensor, whole, measure_density(matrix.tensor, whole));
  return matrix;
}

std::vector<float> random_floats(std::int64_t count) {
  PhiloxSequence random(testing_support::test_seed(), 2);
  std::vector<float> values;
  for (std::int64_t i = 0; i < count; ++i) values.push_back(random.uniform() - 0.5F);
  return values;
}

std::int64_t row_length(const Matrix& x, std::int64_t row) {
  const StoredRows rows = x.store.rows();
  return rows.ends[row] - rows.begins[row];
}

class PanelRoom {
 public:
  explicit PanelRoom(std::int64_t floats) : room_(Tensor::uninitialized(DType::f32, {floats})) {}
  PackedPanel panel() { return {.data = room_.mutable_values<float>().data(), .size = room_.elements()}; }

 private:
  Tensor room_;
};

void expect_near(float actual, double expected, double size) {
  ASSERT_LE(std::abs(static_cast<double>(actual) - expected), kSumBound * std::max(1.0, size))
      << actual << " where " << expected << " was expected";
}

/// Elements between the rows of matrices that are part of wider ones.
constexpr std::int64_t kGap = 5;

void check_multiply(const SparseFunctions& functions, const Matrix& x, std::int64_t n, bool bias) {
  const std::int64_t k = x.store.layout.columns;
  const std::int64_t stride = n + kGap;
  const auto w = random_floats(k * stride);
  const auto b = random_floats(n);
  const std::size_t size = static_cast<std::size_t>(kMatrixRows * n);
  std::vector<float> y(size + 1, 77.0F);
  constexpr float kScale = 0.25F;
  functions.multiply(x.store.rows(), kMatrixRows, w.data(), stride, n, kScale, bias ? b.data() : nullptr,
                     y.data());
  EXPECT_EQ(y[size], 77.0F) << "wrote behind the last row";
  for (std::int64_t i = 0; i < kMatrixRows; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      double sum = 0.0;
      double absolute = 0.0;
      for (std::int64_t p = 0; p < k; ++p) {
        const double term = x.at(i, p) * static_cast<double>(w[static_cast<std::size_t>(p * stride + j)]);
        sum += term;
        absolute += std::abs(term);
      }
      const double start = bias ? static_cast<double>(b[static_cast<std::size_t>(j)]) : 0.0;
      expect_near(y[static_cast<std::size_t>(i * n + j)], kScale * sum + start, absolute);
    }
  }
}

// Widths around every number of registers, with and without an incomplete one, and several blocks.
const std::vector<std::int64_t> kWidths{1,   3,   4,   7,   8,   15,  16,  17,  31,  33,  64, 100,
                                        103, 105, 112, 130, 200, 208, 255, 256, 257, 300, 515};

TEST(SparseFunctions, MultiplyRows) {
  for (const SparseFunctions* functions : instruction_sets()) {
    for (const DType dtype : {DType::u8, DType::f32}) {
      const Matrix x = random_matrix(dtype, 23);
      for (const std::int64_t n : kWidths) {
        SCOPED_TRACE(std::string(functions->instruction_set) + ", width " + std::to_string(n));
        check_multiply(*functions, x, n, n % 2 == 1);
      }
    }
  }
}

void check_panels(const SparseFunctions& functions, const Matrix& x, std::int64_t n, std::int64_t panel_size,
                  std::int64_t gap) {
  const std::int64_t k = x.store.layout.columns;
  const std::int64_t stride = n + gap;
  const StoredRows rows = x.store.rows();
  const auto w = random_floats(k * stride);
  const auto b = random_floats(n);
  for (const float* bias : {b.data(), static_cast<const float*>(nullptr)}) {
    std::vector<float> whole(static_cast<std::size_t>(kMatrixRows * n + 1), 77.0F);
    std::vector<float> paneled = whole;
    functions.multiply(rows, kMatrixRows, w.data(), stride, n, 0.25F, bias, whole.data());
    PanelRoom room(panel_size);
    std::vector<std::int64_t> cursors(kMatrixRows);
    functions.multiply_in_panels(rows, kMatrixRows, 0, k, w.data(), stride, n, 0.25F, bias, paneled.data(),
                                 room.panel(), cursors.data());
    EXPECT_EQ(paneled, whole);
  }
}

TEST(SparseFunctions, MultiplyInPartsToTheSameBits) {
  for (const SparseFunctions* functions : instruction_sets()) {
    for (const DType dtype : {DType::u8, DType::f32}) {
      const Matrix x = random_matrix(dtype, 23);
      for (const std::int64_t n : kWidths) {
        for (const std::int64_t panel_size : {128, 512, 8192}) {
          SCOPED_TRACE(std::string(functions->instruction_set) + ", width " + std::to_string(n) +
                       ", in a panel of " + std::to_string(panel_size));
          check_panels(*functions, x, n, panel_size, 0);
          check_panels(*functions, x, n, panel_size, kGap);
        }
      }
      const Matrix wide = random_matrix(dtype, 70'001, 64, true);
      for (std::int64_t i = 0; i < kMatrixRows; ++i) ASSERT_LE(row_length(wide, i), kLongestSum);
      check_panels(*functions, wide, 5, 8192, 0);
    }
  }
}

TEST(SparseFunctions, ReadColumnsBeyondSixteenBits) {
  for (const SparseFunctions* functions : instruction_sets()) {
    for (const DType dtype : {DType::u8, DType::f32}) {
      const Matrix x = random_matrix(dtype, 70'001);
      ASSERT_TRUE(x.store.layout.wide_columns);
      check_multiply(*functions, x, 5, true);
    }
  }
}

/// The same list in one form or the other.
const std::vector<FloatEntry> kFloatEntries{{0, 2.0F}, {2, 255.0F}, {9, 9.0F}, {1, 128.0F}};
const std::vector<ByteEntry> kByteEntries{ByteEntry{2}, ByteEntry{2 << 8 | 255}, ByteEntry{9 << 8 | 9},
                                          ByteEntry{1 << 8 | 128}};

void check_accumulate(const SparseFunctions& functions, bool byte_entries, std::int64_t n,
                      std::int64_t panel_width) {
  const std::vector<std::int32_t> begins{0, 3, 3};  // entry 2 belongs to no column
  const std::vector<std::int32_t> ends{2, 3, 4};
  constexpr std::int64_t kColumns = 3;
  constexpr std::int64_t kBatch = 3;
  const std::int64_t stride = n + kGap;
  const auto d = random_floats(kBatch * n);
  const auto c = random_floats(kColumns * stride);
  PanelRoom room(kBatch * panel_width);
  const StoredColumns x{
      .begins = begins.data(),
      .ends = ends.data(),
      .entries = byte_entries ? static_cast<const void*>(kByteEntries.data()) : kFloatEntries.data(),
      .byte_entries = byte_entries};
  std::vector<float> y = c;
  functions.accumulate(x, kColumns, d.data(), kBatch, n, -0.5F, c.data(), y.data(), stride, room.panel());
  std::vector<float> in_place = c;
  functions.accumulate(x, kColumns, d.data(), kBatch, n, -0.5F, in_place.data(), in_place.data(), stride,
                       room.panel());
  EXPECT_EQ(y, in_place);
  for (std::int64_t row = 0; row < kColumns; ++row) {
    const std::ptrdiff_t behind = row * stride + n;
    EXPECT_TRUE(std::equal(y.begin() + behind, y.begin() + behind + kGap, c.begin() + behind))
        << "wrote behind row " << row;
  }
  for (std::int64_t j = 0; j < n; ++j) {
    const auto at = [&](const std::vector<float>& m, std::int64_t row) {
      return static_cast<double>(m[static_cast<std::size_t>(row * stride + j)]);
    };
    const auto product = [&](std::size_t k) {
      const auto from = static_cast<std::size_t>(static_cast<std::int64_t>(kFloatEntries[k].row) * n + j);
      return -0.5 * static_cast<double>(kFloatEntries[k].value) * static_cast<double>(d[from]);
    };
    expect_near(static_cast<float>(at(y, 0)), at(c, 0) + product(0) + product(1),
                std::abs(product(0)) + std::abs(product(1)));
    EXPECT_EQ(at(y, 1), at(c, 1));
    expect_near(static_cast<float>(at(y, 2)), at(c, 2) + product(3), std::abs(product(3)));
  }
}

TEST(SparseFunctions, AccumulateListsByColumn) {
  for (const SparseFunctions* functions : instruction_sets()) {
    for (const std::int64_t n : kWidths) {
      for (const std::int64_t panel_width : {16, 64, 256}) {
        SCOPED_TRACE(std::string(functions->instruction_set) + ", width " + std::to_string(n) +
                     ", in panels of " + std::to_string(panel_width));
        check_accumulate(*functions, false, n, panel_width);
        check_accumulate(*functions, true, n, panel_width);
      }
    }
  }
}

void check_scatter(const SparseFunctions& functions, const Matrix& x, std::int64_t n) {
  constexpr float kAlpha = -0.5F;
  constexpr std::int64_t kFirst = 3;
  constexpr std::int64_t kLast = 17;
  const std::int64_t k = x.store.layout.columns;
  const auto d = random_floats(kMatrixRows * n);
  const std::int64_t stride = n + kGap;
  std::vector<float> y = random_floats(k * stride + 1);
  const std::vector<float> before = y;
  functions.scatter(x.store.rows(), kMatrixRows, kFirst, kLast, d.data(), n, kAlpha, y.data(), stride);
  for (std::int64_t i = 0; i <= k * stride; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const std::int64_t column = i / stride;
    if (column < kFirst || column >= kLast || i % stride >= n) {
      ASSERT_EQ(y[at], before[at]) << "element " << i % stride << " of column " << column;
      continue;
    }
    double sum = static_cast<double>(before[at]);
    double absolute = 0.0;
    for (std::int64_t row = 0; row < kMatrixRows; ++row) {
      const double term =
          kAlpha * x.at(row, column) * static_cast<double>(d[static_cast<std::size_t>(row * n + i % stride)]);
      sum += term;
      absolute += std::abs(term);
    }
    expect_near(y[at], sum, absolute);
  }
}

TEST(SparseFunctions, ScatterRowsToSomeColumns) {
  for (const SparseFunctions* functions : instruction_sets()) {
    for (const DType dtype : {DType::u8, DType::f32}) {
      const Matrix x = random_matrix(dtype, 23);
      for (const std::int64_t n : kWidths) {
        SCOPED_TRACE(std::string(functions->instruction_set) + ", width " + std::to_string(n));
        check_scatter(*functions, x, n);
      }
      const Matrix wide = random_matrix(dtype, 70'001);
      ASSERT_TRUE(wide.store.layout.wide_columns);
      check_scatter(*functions, wide, 3);
    }
  }
}

TEST(SparseFunctions, StartFromZeroWithoutAnAccumulator) {
  const FloatEntry entry{1, 2.0F};
  const std::vector<std::int32_t> begins{0, 0};
  const std::vector<std::int32_t> ends{0, 1};
  const std::vector<float> d{1.0F, 2.0F, 3.0F, 4.0F};
  for (const SparseFunctions* functions : instruction_sets()) {
    std::vector<float> y(4, 9.0F);
    PanelRoom room(32);
    functions->accumulate({.begins = begins.data(), .ends = ends.data(), .entries = &entry}, 2, d.data(), 2,
                          2, 1.0F, nullptr, y.data(), 2, room.panel());
    EXPECT_EQ(y, (std::vector{0.0F, 0.0F, 6.0F, 8.0F})) << functions->instruction_set;
  }
}

TEST(SparseFunctions, CompressBytesToColumnsAndValues) {
  PhiloxSequence random(testing_support::test_seed(), 3);
  for (const SparseFunctions* functions : instruction_sets()) {
    for (const std::int64_t n : {1, 7, 8, 15, 16, 17, 100, 784, 65'536}) {
      for (const std::uint32_t one_in : {1U, 2U, 5U, 1000U}) {
        std::vector<std::uint8_t> row(static_cast<std::size_t>(n));
        std::vector<std::uint16_t> columns;
        std::vector<std::uint8_t> values;
        for (std::size_t i = 0; i < row.size(); ++i) {
          if (random.below(one_in) != 0) continue;
          row[i] = static_cast<std::uint8_t>(random.below(255) + 1);
          columns.push_back(static_cast<std::uint16_t>(i));
          values.push_back(row[i]);
        }
        std::vector<std::uint16_t> found_columns(columns.size() + kCompressSpare);
        std::vector<std::uint8_t> found_values(values.size() + kCompressSpare);
        const std::int64_t found =
            functions->compress(row.data(), n, found_columns.data(), found_values.data());
        found_columns.resize(static_cast<std::size_t>(found));
        found_values.resize(static_cast<std::size_t>(found));
        EXPECT_EQ(found_columns, columns) << functions->instruction_set << ", n = " << n;
        EXPECT_EQ(found_values, values) << functions->instruction_set << ", n = " << n;
      }
    }
  }
}

}  // namespace
}  // namespace weft
