#include <gtest/gtest.h>

#include "weft/ops/activation.h"
#include "weft/runtime/sparse/resident_ops.h"
#include "weft/tests/runtime/kernel_check.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::expect_error;
using testing_support::KernelCheck;
using testing_support::TensorSource;

constexpr double kBound = 2e-5;

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
  const KernelCheck check(
      ResidentMatMul{
          .layout = store_.layout, .gathered = true, .scale = 0.1, .bias = true, .activation = {Relu{}}},
      {store_.bytes, row_numbers(), floats({30, n()}), floats({n()})});
  EXPECT_EQ(check.choice().name, "resident_matmul");
  check.expect_correct(kBound);
}

TEST_P(ResidentKernel, MultipliesTheWholeStore) {
  const KernelCheck check(ResidentMatMul{.layout = store_.layout, .activation = {}},
                          {store_.bytes, floats({30, n()})});
  check.expect_correct(kBound);
}

TEST_P(ResidentKernel, SumsTheGradientOfGatheredRows) {
  const KernelCheck check(ResidentGradient{.layout = store_.layout, .gathered = true, .scale = 0.1},
                          {store_.bytes, row_numbers(), floats({7, n()})});
  EXPECT_EQ(check.choice().name, "resident_gradient");
  check.expect_correct(kBound);
}

TEST_P(ResidentKernel, AddsTheGradientToWhatIsThere) {
  const KernelCheck gathered(
      ResidentGradient{.layout = store_.layout, .gathered = true, .scale = -0.1, .accumulates = true},
      {floats({30, n()}), store_.bytes, row_numbers(), floats({7, n()})});
  gathered.expect_correct(kBound);
  const KernelCheck whole(ResidentGradient{.layout = store_.layout, .scale = -0.1, .accumulates = true},
                          {floats({30, n()}), store_.bytes, floats({20, n()})});
  whole.expect_correct(kBound);
}

INSTANTIATE_TEST_SUITE_P(Widths, ResidentKernel, testing::Values(1, 10, 64, 100, 300));

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

TEST(ResidentGradientKernel, GivesEachPartAboutAsManyNonZeros) {
  // All non-zeros but one stand in the last two columns.
  Tensor x = Tensor::zeros(DType::u8, {1000, 100});
  for (std::size_t row = 0; row < 1000; ++row) {
    x.mutable_values<std::uint8_t>()[100 * row + 98] = 1;
    x.mutable_values<std::uint8_t>()[100 * row + 99] = 1;
  }
  const RowStore store = make_row_store(x, whole_of(x), measure_density(x, whole_of(x)));
  const KernelCheck check(ResidentGradient{.layout = store.layout, .gathered = true},
                          {store.bytes, row_numbers(), Tensor::zeros(DType::f32, {7, 4})});
  EXPECT_EQ(share(check.choice().cut, 2, 0).end, 99);
  EXPECT_EQ(share(check.choice().cut, 2, 1).begin, 99);
  EXPECT_EQ(share(check.choice().cut, 2, 1).end, 100);
}

}  // namespace
}  // namespace weft
