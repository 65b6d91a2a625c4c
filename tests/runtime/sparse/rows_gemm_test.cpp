#include <gtest/gtest.h>

#include "weft/ops/activation.h"
#include "weft/ops/elementwise.h"
#include "weft/runtime/ops/gemm.h"
#include "weft/runtime/ops/sparse_ops.h"
#include "weft/runtime/sparse/row_store.h"
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

/// The inputs of a gemm whose left side is the store.
std::vector<Tensor> inputs_of(const RowStore& store, std::vector<Tensor> before,
                              const std::vector<Tensor>& behind) {
  before.insert(before.end(), store.parts.begin(), store.parts.end());
  before.insert(before.end(), behind.begin(), behind.end());
  return before;
}

const Tensor& row_numbers() {
  static const Tensor rows = Tensor::of<std::int32_t>({3, 0, 3, 19, 7, 11, 2});
  return rows;
}

class RowsGemmKernel : public testing::TestWithParam<std::int64_t> {
 protected:
  std::int64_t n() const { return GetParam(); }
  Tensor floats(const std::vector<std::int64_t>& sizes) {
    return source_.uniform(sizes, -1.0, 1.0, DType::f32);
  }
  RowStore store_ = random_store(20, 30);
  TensorSource source_{"resident operands"};
};

TEST_P(RowsGemmKernel, MultipliesGatheredRows) {
  const KernelCheck check(Gemm{{.left = {.form = LeftForm::numbered, .rows = store_.layout},
                                .alpha = 0.1,
                                .addend = Addend::bias,
                                .activation = {Relu{}}}},
                          inputs_of(store_, {}, {row_numbers(), floats({30, n()}), floats({n()})}));
  EXPECT_EQ(check.choice().name, "rows_gemm");
  check.expect_correct(kSumBound);
}

TEST_P(RowsGemmKernel, CountsWeightsOnceInBytesAndForEachNonZeroInTraffic) {
  constexpr double kFloat = sizeof(float);
  const double nonzeros = store_.layout.density() * 7.0 * 30.0;
  const auto width = static_cast<double>(n());
  const double others = nonzeros + 7.0 * width;
  const LeftSide left{.form = LeftForm::numbered, .rows = store_.layout};
  const Gemm product{{.left = left}};
  const Work forward =
      KernelCheck(product, inputs_of(store_, {}, {row_numbers(), floats({30, n()})})).choice().work;
  EXPECT_DOUBLE_EQ(forward.flops, 2.0 * nonzeros * width);
  EXPECT_DOUBLE_EQ(forward.bytes, kFloat * (30.0 * width + others));
  EXPECT_DOUBLE_EQ(forward.traffic, kFloat * (nonzeros * width + others));
  const Gemm update{{.left = left, .product = {.transpose_a = true}, .addend = Addend::accumulator}};
  const Work backward =
      KernelCheck(update, inputs_of(store_, {floats({30, n()})}, {row_numbers(), floats({7, n()})}))
          .choice()
          .work;
  EXPECT_DOUBLE_EQ(backward.bytes, forward.bytes + kFloat * 30.0 * width);  // read and written
}

TEST_P(RowsGemmKernel, MultipliesTheWholeStore) {
  const KernelCheck check(Gemm{{.left = {.form = LeftForm::rows, .rows = store_.layout}}},
                          inputs_of(store_, {}, {floats({30, n()})}));
  check.expect_correct(kSumBound);
}

void expect_correct_terms(const Op& product, const std::vector<Tensor>& inputs) {
  const KernelCheck check(product, inputs);
  EXPECT_EQ(check.choice().name, "rows_gemm");
  const auto expected = evaluate(product, inputs);
  const auto actual = check.run(static_cast<int>(formula_of(product)->terms));
  ASSERT_EQ(std::ssize(actual), formula_of(product)->terms);
  for (std::size_t term = 0; term < actual.size(); ++term)
    EXPECT_TRUE(close_to(actual[term], expected[term], kSumBound)) << check.describe();
}

TEST_P(RowsGemmKernel, MultipliesInTerms) {
  for (const std::int64_t terms : {2, 3}) {
    for (const Tensor& rows :
         {row_numbers(), Tensor::of<std::int64_t>({4, 4}), Tensor::of<std::uint8_t>({19})}) {
      expect_correct_terms(
          CheckedGemm{
              {.left = {.form = LeftForm::numbered, .rows = store_.layout}, .alpha = 0.1, .terms = terms}},
          inputs_of(store_, {}, {rows, floats({30, n()})}));
    }
  }
}

TEST_P(RowsGemmKernel, MultipliesInPanelsOfColumns) {
  for (const std::int64_t column_blocks : {2, 3}) {
    const CheckedGemm product{{.left = {.form = LeftForm::numbered, .rows = store_.layout},
                               .alpha = 0.1,
                               .addend = Addend::bias,
                               .activation = {Relu{}},
                               .column_blocks = column_blocks}};
    for (const Tensor& rows :
         {row_numbers(), Tensor::of<std::int64_t>({4, 4}), Tensor::of<std::uint8_t>({19})}) {
      const KernelCheck check(
          product,
          inputs_of(store_, {}, {rows, floats({30, column_blocks * n()}), floats({column_blocks * n()})}));
      EXPECT_EQ(check.choice().name, "rows_gemm");
      EXPECT_EQ(check.choice().cut.extent, column_blocks);
      check.expect_correct(kSumBound);
    }
  }
}

/// A gradient in three column blocks for the rows `x`, by itself and added to `c`.
void expect_correct_column_blocks(GemmFormula formula, const std::vector<Tensor>& x, const Tensor& d,
                                  const Tensor& c) {
  formula.column_blocks = 3;
  for (const bool accumulates : {false, true}) {
    formula.addend = accumulates ? Addend::accumulator : Addend::nothing;
    std::vector<Tensor> inputs = x;
    inputs.push_back(d);
    if (accumulates) inputs.insert(inputs.begin(), c);
    const KernelCheck check(Gemm{formula}, inputs);
    EXPECT_EQ(check.choice().name, "rows_gradient");
    EXPECT_EQ(check.choice().cut.extent, 3);
    check.expect_correct(kSumBound);
  }
}

TEST_P(RowsGemmKernel, SumsTheGradientInPanelsOfColumns) {
  expect_correct_column_blocks({.left = {.form = LeftForm::numbered, .rows = store_.layout},
                                .product = {.transpose_a = true},
                                .alpha = -0.1},
                               inputs_of(store_, {}, {row_numbers()}), floats({3, 7, n()}),
                               floats({30, 3 * n()}));
}

TEST_P(RowsGemmKernel, SumsTheGradientOfGatheredRows) {
  const KernelCheck check(Gemm{{.left = {.form = LeftForm::numbered, .rows = store_.layout},
                                .product = {.transpose_a = true},
                                .alpha = 0.1}},
                          inputs_of(store_, {}, {row_numbers(), floats({7, n()})}));
  EXPECT_EQ(check.choice().name, "rows_gradient");
  check.expect_correct(kSumBound);
}

TEST_P(RowsGemmKernel, AddsTheGradientToWhatIsThere) {
  const KernelCheck gathered(Gemm{{.left = {.form = LeftForm::numbered, .rows = store_.layout},
                                   .product = {.transpose_a = true},
                                   .alpha = -0.1,
                                   .addend = Addend::accumulator}},
                             inputs_of(store_, {floats({30, n()})}, {row_numbers(), floats({7, n()})}));
  gathered.expect_correct(kSumBound);
  const KernelCheck whole(Gemm{{.left = {.form = LeftForm::rows, .rows = store_.layout},
                                .product = {.transpose_a = true},
                                .alpha = -0.1,
                                .addend = Addend::accumulator}},
                          inputs_of(store_, {floats({30, n()})}, {floats({20, n()})}));
  whole.expect_correct(kSumBound);
}

/// Rows of a sparse matrix [20, 30], some twice, with an entry of no row before each; bytes or floats.
struct FedEntries {
  RowLayout layout{.rows = 20, .columns = 30, .values = DType::u8, .wide_columns = true};
  std::vector<Tensor> parts;

  explicit FedEntries(DType values) {
    const RowStore store = random_store(20, 30);
    layout.values = values;
    const StoredRows rows = store.rows();
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

TEST_P(RowsGemmKernel, MultipliesTheRowsOfASparseMatrix) {
  for (const DType dtype : {DType::u8, DType::f32}) {
    const FedEntries x(dtype);
    const KernelCheck check(Gemm{{.left = {.form = LeftForm::rows, .rows = x.layout},
                                  .alpha = 0.1,
                                  .addend = Addend::bias,
                                  .activation = {Relu{}}}},
                            x.followed_by({floats({30, n()}), floats({n()})}));
    EXPECT_EQ(check.choice().name, "rows_gemm");
    check.expect_correct(kSumBound);
  }
}

TEST_P(RowsGemmKernel, ScattersTheGradientOfASparseMatrix) {
  for (const DType dtype : {DType::u8, DType::f32}) {
    const FedEntries x(dtype);
    const KernelCheck fresh(Gemm{{.left = {.form = LeftForm::rows, .rows = x.layout},
                                  .product = {.transpose_a = true},
                                  .alpha = 0.1}},
                            x.followed_by({floats({7, n()})}));
    EXPECT_EQ(fresh.choice().name, "rows_gradient");
    fresh.expect_correct(kSumBound);
    std::vector<Tensor> inputs = x.followed_by({floats({7, n()})});
    inputs.insert(inputs.begin(), floats({30, n()}));
    const KernelCheck added(Gemm{{.left = {.form = LeftForm::rows, .rows = x.layout},
                                  .product = {.transpose_a = true},
                                  .alpha = -0.1,
                                  .addend = Addend::accumulator}},
                            inputs);
    added.expect_correct(kSumBound);
  }
}

TEST_P(RowsGemmKernel, TakesASparseMatrixInPanelsOfColumns) {
  for (const DType dtype : {DType::u8, DType::f32}) {
    const FedEntries x(dtype);
    const GemmFormula product{
        .left = {.form = LeftForm::rows, .rows = x.layout}, .alpha = 0.1, .column_blocks = 2};
    KernelCheck(Gemm{product}, x.followed_by({floats({30, 2 * n()})})).expect_correct(kSumBound);
    expect_correct_column_blocks(
        {.left = {.form = LeftForm::rows, .rows = x.layout}, .product = {.transpose_a = true}, .alpha = -0.1},
        x.parts, floats({3, 7, n()}), floats({30, 3 * n()}));
  }
}

TEST_P(RowsGemmKernel, MultipliesASparseMatrixInTerms) {
  for (const std::int64_t terms : {2, 3}) {
    for (const DType dtype : {DType::u8, DType::f32}) {
      const FedEntries x(dtype);
      expect_correct_terms(
          Gemm{{.left = {.form = LeftForm::rows, .rows = x.layout}, .alpha = 0.1, .terms = terms}},
          x.followed_by({floats({30, n()})}));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Widths, RowsGemmKernel, testing::Values(1, 10, 64, 100, 300));

TEST(TermsOfRows, IsCutIntoItsTermsOnly) {
  const RowStore store = random_store(20, 30);
  const KernelCheck check(
      CheckedGemm{{.left = {.form = LeftForm::numbered, .rows = store.layout}, .terms = 3}},
      inputs_of(store, {}, {row_numbers(), Tensor::zeros(f32, {30, 8})}));
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

TEST(RowsGradientKernel, GivesEachPartAboutAsManyNonZeros) {
  // All non-zeros but one stand in the last two columns.
  Tensor x = Tensor::zeros(DType::u8, {1000, 100});
  for (std::size_t row = 0; row < 1000; ++row) {
    x.mutable_values<std::uint8_t>()[100 * row + 98] = 1;
    x.mutable_values<std::uint8_t>()[100 * row + 99] = 1;
  }
  const RowStore store = make_row_store(x, whole_of(x), measure_density(x, whole_of(x)));
  const KernelCheck check(
      Gemm{{.left = {.form = LeftForm::numbered, .rows = store.layout}, .product = {.transpose_a = true}}},
      inputs_of(store, {}, {row_numbers(), Tensor::zeros(DType::f32, {7, 4})}));
  EXPECT_EQ(share(check.choice().cut, 2, 0).end, 99);
  EXPECT_EQ(share(check.choice().cut, 2, 1).begin, 99);
  EXPECT_EQ(share(check.choice().cut, 2, 1).end, 100);
}

}  // namespace
}  // namespace weft
