#include <gtest/gtest.h>

#include "weft/ops/activation.h"
#include "weft/ops/elementwise.h"
#include "weft/runtime/sparse/resident_ops.h"
#include "weft/tests/runtime/expect_close.h"
#include "weft/tests/runtime/kernels/kernel_check.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::close_to;
using testing_support::expect_error;
using testing_support::KernelCheck;
using testing_support::kSumBound;
using testing_support::TensorSource;

/// Bytes of which most are 0, in values small enough to compare sums of them.
RowStore random_store(std::int64_t rows, std::int64_t columns) {
  TensorSource source("resident kernels");
  const Tensor draw = source.uniform({rows, columns}, -4.0, 1.0, DType::f32);
  Tensor x = Tensor::zeros(DType::u8, {rows, columns});
  for (std::int64_t i = 0; i < rows * columns; ++i) {
    const float number = draw.values<float>()[static_cast<std::size_t>(i)];
    x.mutable_values<std::uint8_t>()[static_cast<std::size_t>(i)] =
        number > 0.0F ? static_cast<std::uint8_t>(10.0F * number) : std::uint8_t{0};
  }
  return make_row_store(x, whole_of(x), measure_density(x, whole_of(x)));
}

const Tensor& row_numbers() {
  static const Tensor rows = Tensor::of<std::int32_t>({3, 0, 3, 19, 7, 11, 2});
  return rows;
}

class ResidentKernel : public testing::TestWithParam<std::int64_t> {
 protected:
  std::int64_t n() const { return GetParam(); }
  Tensor floats(const std::vector<std::int64_t>& sizes) {
    return source_.uniform(sizes, -1.0, 1.0, DType::f32);
  }
  RowStore store_ = random_store(20, 30);
  TensorSource source_{"resident operands"};
};

TEST_P(ResidentKernel, MultipliesGatheredRows) {
  const KernelCheck check(ResidentMatMul{.layout = store_.layout,
                                         .form = RowsForm::numbered,
                                         .scale = 0.1,
                                         .bias = true,
                                         .activation = {Relu{}}},
                          {store_.bytes, row_numbers(), floats({30, n()}), floats({n()})});
  EXPECT_EQ(check.choice().name, "resident_matmul");
  check.expect_correct(kSumBound);
}

TEST_P(ResidentKernel, CountsWeightsOnceInBytesAndForEachNonZeroInTraffic) {
  constexpr double kFloat = sizeof(float);
  const double nonzeros = store_.layout.density() * 7.0 * 30.0;
  const auto width = static_cast<double>(n());
  const double others = nonzeros + 7.0 * width;
  const ResidentMatMul product{.layout = store_.layout, .form = RowsForm::numbered, .activation = {}};
  const Work forward = KernelCheck(product, {store_.bytes, row_numbers(), floats({30, n()})}).choice().work;
  EXPECT_DOUBLE_EQ(forward.flops, 2.0 * nonzeros * width);
  EXPECT_DOUBLE_EQ(forward.bytes, kFloat * (30.0 * width + others));
  EXPECT_DOUBLE_EQ(forward.traffic, kFloat * (nonzeros * width + others));
  const ResidentGradient update{.layout = store_.layout, .form = RowsForm::numbered, .accumulates = true};
  const Work backward =
      KernelCheck(update, {floats({30, n()}), store_.bytes, row_numbers(), floats({7, n()})}).choice().work;
  EXPECT_DOUBLE_EQ(backward.bytes, forward.bytes + kFloat * 30.0 * width);  // read and written
}

TEST_P(ResidentKernel, MultipliesTheWholeStore) {
  const KernelCheck check(ResidentMatMul{.layout = store_.layout, .activation = {}},
                          {store_.bytes, floats({30, n()})});
  check.expect_correct(kSumBound);
}

void expect_correct_terms(const ResidentSplitMatMul& product, const std::vector<Tensor>& inputs) {
  const KernelCheck check(product, inputs);
  EXPECT_EQ(check.choice().name, "resident_split_matmul");
  const auto expected = evaluate(product, inputs);
  const auto actual = check.run(static_cast<int>(product.terms));
  ASSERT_EQ(std::ssize(actual), product.terms);
  for (std::size_t term = 0; term < actual.size(); ++term)
    EXPECT_TRUE(close_to(actual[term], expected[term], kSumBound)) << check.describe();
}

TEST_P(ResidentKernel, MultipliesInTerms) {
  for (const std::int64_t terms : {1, 2, 3}) {
    for (const Tensor& rows :
         {row_numbers(), Tensor::of<std::int64_t>({4, 4}), Tensor::of<std::uint8_t>({19})}) {
      expect_correct_terms({.layout = store_.layout, .terms = terms, .scale = 0.1},
                           {store_.bytes, rows, floats({30, n()})});
    }
  }
}

TEST_P(ResidentKernel, MultipliesInPanelsOfColumns) {
  for (const std::int64_t column_blocks : {2, 3}) {
    const ResidentColumnBlockMatMul product{.product = {.layout = store_.layout,
                                                        .form = RowsForm::numbered,
                                                        .scale = 0.1,
                                                        .bias = true,
                                                        .activation = {Relu{}}},
                                            .column_blocks = column_blocks};
    for (const Tensor& rows :
         {row_numbers(), Tensor::of<std::int64_t>({4, 4}), Tensor::of<std::uint8_t>({19})}) {
      const KernelCheck check(
          product, {store_.bytes, rows, floats({30, column_blocks * n()}), floats({column_blocks * n()})});
      EXPECT_EQ(check.choice().name, "resident_column_block_matmul");
      EXPECT_EQ(check.choice().cut.extent, column_blocks);
      check.expect_correct(kSumBound);
    }
  }
}

/// A gradient in three column blocks for the rows `x`, by itself and added to `c`.
void expect_correct_column_blocks(ResidentGradient op, const std::vector<Tensor>& x, const Tensor& d,
                                  const Tensor& c) {
  op.column_blocks = 3;
  for (const bool accumulates : {false, true}) {
    op.accumulates = accumulates;
    std::vector<Tensor> inputs = x;
    inputs.push_back(d);
    if (accumulates) inputs.insert(inputs.begin(), c);
    const KernelCheck check(op, inputs);
    EXPECT_EQ(check.choice().name, "resident_gradient");
    EXPECT_EQ(check.choice().cut.extent, 3);
    check.expect_correct(kSumBound);
  }
}

TEST_P(ResidentKernel, SumsTheGradientInPanelsOfColumns) {
  expect_correct_column_blocks({.layout = store_.layout, .form = RowsForm::numbered, .scale = -0.1},
                               {store_.bytes, row_numbers()}, floats({3, 7, n()}), floats({30, 3 * n()}));
}

TEST_P(ResidentKernel, SumsTheGradientOfGatheredRows) {
  const KernelCheck check(ResidentGradient{.layout = store_.layout, .form = RowsForm::numbered, .scale = 0.1},
                          {store_.bytes, row_numbers(), floats({7, n()})});
  EXPECT_EQ(check.choice().name, "resident_gradient");
  check.expect_correct(kSumBound);
}

TEST_P(ResidentKernel, AddsTheGradientToWhatIsThere) {
  const KernelCheck gathered(
      ResidentGradient{
          .layout = store_.layout, .form = RowsForm::numbered, .scale = -0.1, .accumulates = true},
      {floats({30, n()}), store_.bytes, row_numbers(), floats({7, n()})});
  gathered.expect_correct(kSumBound);
  const KernelCheck whole(ResidentGradient{.layout = store_.layout, .scale = -0.1, .accumulates = true},
                          {floats({30, n()}), store_.bytes, floats({20, n()})});
  whole.expect_correct(kSumBound);
}

/// Rows of a sparse matrix [20, 30], some twice, with an entry of no row before each; bytes or floats.
struct FedEntries {
  RowLayout layout{.rows = 20, .columns = 30, .values = DType::u8, .wide_columns = true};
  std::vector<Tensor> parts;

  explicit FedEntries(DType values) {
    const RowStore store = random_store(20, 30);
    layout.values = values;
    const StoredRows rows = store.layout.view(store.bytes.data());
    std::vector<std::int32_t> columns;
    std::vector<std::uint8_t> stored;
    std::vector<std::int64_t> begins;
    std::vector<std::int64_t> ends;
    for (const std::int32_t row : row_numbers().values<std::int32_t>()) {
      columns.push_back(-1);
      stored.push_back(99);
      begins.push_back(std::ssize(columns));
      for (std::int64_t k = rows.begins[row]; k < rows.ends[row]; ++k) {
        columns.push_back(static_cast<const std::uint16_t*>(rows.columns)[k]);
        stored.push_back(static_cast<const std::uint8_t*>(rows.values)[k]);
      }
      ends.push_back(std::ssize(columns));
    }
    layout.nonzeros = std::ssize(columns);
    const std::vector<std::int64_t> size{std::ssize(columns)};
    const std::vector<std::int64_t> count{std::ssize(begins)};
    parts = {
        Tensor::of<std::int64_t>(begins, count), Tensor::of<std::int64_t>(ends, count),
        Tensor::of<std::int32_t>(columns, size),
        verify::in_precision({{evaluate(Cast{DType::f64}, {{Tensor::of<std::uint8_t>(stored, size)}})[0]}},
                             DType::f32)[0]};
    if (values == DType::u8) parts[3] = Tensor::of<std::uint8_t>(stored, size);
  }

  std::vector<Tensor> followed_by(std::initializer_list<Tensor> others) const {
    std::vector<Tensor> all = parts;
    all.insert(all.end(), others);
    return all;
  }
};

TEST_P(ResidentKernel, MultipliesTheRowsOfASparseMatrix) {
  for (const DType dtype : {DType::u8, DType::f32}) {
    const FedEntries x(dtype);
    const KernelCheck check(ResidentMatMul{.layout = x.layout,
                                           .form = RowsForm::entries,
                                           .scale = 0.1,
                                           .bias = true,
                                           .activation = {Relu{}}},
                            x.followed_by({floats({30, n()}), floats({n()})}));
    EXPECT_EQ(check.choice().name, "resident_matmul");
    check.expect_correct(kSumBound);
  }
}

TEST_P(ResidentKernel, ScattersTheGradientOfASparseMatrix) {
  for (const DType dtype : {DType::u8, DType::f32}) {
    const FedEntries x(dtype);
    const KernelCheck fresh(ResidentGradient{.layout = x.layout, .form = RowsForm::entries, .scale = 0.1},
                            x.followed_by({floats({7, n()})}));
    EXPECT_EQ(fresh.choice().name, "resident_gradient");
    fresh.expect_correct(kSumBound);
    std::vector<Tensor> inputs = x.followed_by({floats({7, n()})});
    inputs.insert(inputs.begin(), floats({30, n()}));
    const KernelCheck added(
        ResidentGradient{.layout = x.layout, .form = RowsForm::entries, .scale = -0.1, .accumulates = true},
        inputs);
    added.expect_correct(kSumBound);
  }
}

TEST_P(ResidentKernel, TakesASparseMatrixInPanelsOfColumns) {
  for (const DType dtype : {DType::u8, DType::f32}) {
    const FedEntries x(dtype);
    const ResidentColumnBlockMatMul product{
        .product = {.layout = x.layout, .form = RowsForm::entries, .scale = 0.1, .activation = {}},
        .column_blocks = 2};
    KernelCheck(product, x.followed_by({floats({30, 2 * n()})})).expect_correct(kSumBound);
    expect_correct_column_blocks({.layout = x.layout, .form = RowsForm::entries, .scale = -0.1}, x.parts,
                                 floats({3, 7, n()}), floats({30, 3 * n()}));
  }
}

TEST_P(ResidentKernel, MultipliesASparseMatrixInTerms) {
  for (const std::int64_t terms : {1, 2, 3}) {
    for (const DType dtype : {DType::u8, DType::f32}) {
      const FedEntries x(dtype);
      expect_correct_terms({.layout = x.layout, .form = RowsForm::entries, .terms = terms, .scale = 0.1},
                           x.followed_by({floats({30, n()})}));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Widths, ResidentKernel, testing::Values(1, 10, 64, 100, 300));

TEST(ResidentSplitKernel, IsCutIntoItsTermsOnly) {
  const RowStore store = random_store(20, 30);
  const KernelCheck check(ResidentSplitMatMul{.layout = store.layout, .terms = 3},
                          {store.bytes, row_numbers(), Tensor::zeros(f32, {30, 8})});
  expect_error(ErrorCode::internal, {"terms"}, [&] { check.run(2); });
}

TEST(CheckedRowsKernel, GivesRowsOfEveryIntegerDtype) {
  for (const Tensor& rows : {Tensor::of<std::int64_t>({3, 0, 9}), Tensor::of<std::int32_t>({1, 2, 3}),
                             Tensor::of<std::uint8_t>({0, 9, 9})}) {
    const KernelCheck check(CheckedRows{10}, {rows});
    EXPECT_EQ(check.choice().name, "checked_rows");
    check.expect_correct(0.0);
  }
}

TEST(CheckedRowsKernel, NamesARowThatDoesNotExist) {
  for (const std::int64_t row : {-1, 10}) {
    const KernelCheck check(CheckedRows{10}, {Tensor::of<std::int64_t>({3, row})});
    expect_error(ErrorCode::out_of_range, {"index", std::to_string(row), "[0, 10)"}, [&] { check.run(1); });
  }
}

TEST(CheckedEntriesKernel, GivesRowsAsTheyAre) {
  const FedEntries x(DType::u8);
  const KernelCheck check(CheckedEntries{30}, {x.parts[0], x.parts[1], x.parts[2]});
  EXPECT_EQ(check.choice().name, "checked_entries");
  check.expect_correct(0.0);
}

TEST(CheckedEntriesKernel, NamesARowOrColumnThatDoesNotFit) {
  const auto run = [](std::initializer_list<std::int64_t> ends, std::initializer_list<std::int32_t> columns) {
    const KernelCheck check(CheckedEntries{10},
                            {Tensor::of<std::int64_t>({0, 1}), Tensor::of<std::int64_t>(ends),
                             Tensor::of<std::int32_t>(columns)});
    check.run(2);
  };
  expect_error(ErrorCode::out_of_range, {"row 1", "[1, 4)"}, [&] { run({1, 4}, {0, 1, 2}); });
  expect_error(ErrorCode::out_of_range, {"row 1", "entry 2", "got 10"}, [&] { run({1, 3}, {0, 1, 10}); });
  expect_error(ErrorCode::out_of_range, {"row 0", "entry 0", "got -1"}, [&] { run({1, 3}, {-1, 1, 2}); });
}

TEST(ResidentGradientKernel, GivesEachPartAboutAsManyNonZeros) {
  // All non-zeros but one stand in the last two columns.
  Tensor x = Tensor::zeros(DType::u8, {1000, 100});
  for (std::size_t row = 0; row < 1000; ++row) {
    x.mutable_values<std::uint8_t>()[100 * row + 98] = 1;
    x.mutable_values<std::uint8_t>()[100 * row + 99] = 1;
  }
  const RowStore store = make_row_store(x, whole_of(x), measure_density(x, whole_of(x)));
  const KernelCheck check(ResidentGradient{.layout = store.layout, .form = RowsForm::numbered},
                          {store.bytes, row_numbers(), Tensor::zeros(DType::f32, {7, 4})});
  EXPECT_EQ(share(check.choice().cut, 2, 0).end, 99);
  EXPECT_EQ(share(check.choice().cut, 2, 1).begin, 99);
  EXPECT_EQ(share(check.choice().cut, 2, 1).end, 100);
}

}  // namespace
}  // namespace weft
