#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "weft/ops/elementwise.h"
#include "weft/ops/linalg.h"
#include "weft/tests/runtime/kernels/kernel_check.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::KernelCheck;
using testing_support::replay;
using testing_support::Sizes;
using testing_support::TensorSource;

class LinalgKernel : public testing::TestWithParam<DType> {
 protected:
  static DType dtype() { return GetParam(); }
  static double tolerance() { return dtype() == f32 ? 1e-6 : 1e-12; }
};

std::vector<double> doubles_of(const Tensor& tensor) { return testing_support::numbers(tensor); }

Tensor tensor_of(DType dtype, const Sizes& sizes, const std::vector<double>& numbers) {
  Tensor tensor = Tensor::uninitialized(f64, sizes);
  std::ranges::copy(numbers, tensor.mutable_values<double>().begin());
  return dtype == f64 ? tensor : evaluate(Cast{dtype}, {{tensor}})[0];
}

/// Matrices with a dominant diagonal of ones to twos times `n`: neither symmetric nor a triangle.
Tensor dominant_matrices(TensorSource& source, DType dtype, const Sizes& batch, std::int64_t n) {
  Sizes sizes = batch;
  sizes.insert(sizes.end(), {n, n});
  std::vector<double> numbers = doubles_of(source.uniform(sizes, -1.0, 1.0, f64));
  const auto row = static_cast<std::size_t>(n);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const std::size_t in_matrix = i % (row * row);
    if (in_matrix / row == in_matrix % row) numbers[i] = static_cast<double>(n) * (1.5 + 0.5 * numbers[i]);
  }
  return tensor_of(dtype, sizes, numbers);
}

TEST_P(LinalgKernel, FactorsMatricesOfAnySize) {
  TensorSource source("cholesky kernel");
  for (const Sizes& batch : {Sizes{}, Sizes{5}, Sizes{2, 3}, Sizes{1, 2}}) {
    for (const std::int64_t n : {1, 2, 7, 31, 32, 33, 70, 129}) {
      SCOPED_TRACE(testing::Message() << n << "; " << replay());
      const KernelCheck check(Cholesky{}, {dominant_matrices(source, dtype(), batch, n)});
      ASSERT_EQ(check.choice().name, "cholesky");
      ASSERT_EQ(check.choice().cut.extent, batch.empty() ? 1 : batch[0]);
      check.expect_correct(tolerance());
    }
  }
}

TEST_P(LinalgKernel, NamesTheMatrixThatIsNotPositiveDefinite) {
  TensorSource source("not positive definite");
  for (const std::int64_t n : {3, 50}) {
    std::vector<double> numbers = doubles_of(dominant_matrices(source, f64, {4}, n));
    numbers[static_cast<std::size_t>(2 * n * n + (n - 1) * n + n - 1)] = -1.0;
    const KernelCheck check(Cholesky{}, {tensor_of(dtype(), {4, n, n}, numbers)});
    for (const int shards : {1, 4}) {
      try {
        check.run(shards);
        ADD_FAILURE() << "no error";
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::numeric);
        EXPECT_NE(std::string(error.what()).find("matrix 2 is not positive definite"), std::string::npos)
            << error.what();
      }
    }
  }
}

TEST_P(LinalgKernel, SolvesTrianglesOfEveryKind) {
  TensorSource source("triangular solve kernel");
  for (int kind = 0; kind < 8; ++kind) {
    const TriangularSolve op{
        .lower = (kind & 1) != 0, .transposed = (kind & 2) != 0, .unit_diagonal = (kind & 4) != 0};
    for (const Sizes& batch : {Sizes{}, Sizes{3}, Sizes{2, 2}}) {
      for (const auto& [n, columns] : {std::pair<std::int64_t, std::int64_t>{1, 1},
                                       {40, 1},
                                       {7, 3},
                                       {33, 2},
                                       {32, 50},
                                       {70, 33},
                                       {100, 64}}) {
        SCOPED_TRACE(testing::Message() << "[" << n << ", " << columns << "]; " << replay());
        // Numbers small enough beside a diagonal of ones.
        std::vector<double> numbers = doubles_of(dominant_matrices(source, f64, batch, n));
        Sizes square = batch;
        square.insert(square.end(), {n, n});
        for (double& number : numbers) number /= static_cast<double>(n);
        Sizes sizes = batch;
        sizes.insert(sizes.end(), {n, columns});
        const KernelCheck check(
            op, {tensor_of(dtype(), square, numbers), source.uniform(sizes, -1.0, 1.0, dtype())});
        ASSERT_EQ(check.choice().name, "triangular_solve");
        check.expect_correct(tolerance());
      }
    }
  }
}

TEST_P(LinalgKernel, CutsOneSystemAlongItsRightSides) {
  TensorSource source("cut of a system");
  const Tensor a = dominant_matrices(source, dtype(), {}, 9);
  const auto cut_of = [&](std::int64_t columns) {
    return KernelCheck(TriangularSolve{}, {a, source.uniform({9, columns}, -1.0, 1.0, dtype())}).choice().cut;
  };
  EXPECT_EQ(cut_of(96).extent, 6);
  EXPECT_EQ(cut_of(96).outputs, Portion::columns);
  EXPECT_EQ(cut_of(1).extent, 1);
  EXPECT_EQ(cut_of(7).extent, 7);
}

TEST_P(LinalgKernel, ReadsOneTriangleAlone) {
  constexpr double kUnread = std::numeric_limits<double>::quiet_NaN();
  TensorSource source("unread numbers");
  constexpr std::int64_t kN = 40;
  for (int kind = 0; kind < 8; ++kind) {
    const TriangularSolve op{
        .lower = (kind & 1) != 0, .transposed = (kind & 2) != 0, .unit_diagonal = (kind & 4) != 0};
    std::vector<double> numbers = doubles_of(dominant_matrices(source, f64, {}, kN));
    for (std::int64_t i = 0; i < kN; ++i) {
      for (std::int64_t j = 0; j < kN; ++j) {
        double& number = numbers[static_cast<std::size_t>(i * kN + j)];
        number /= kN;
        if (op.lower ? j > i : j < i) number = kUnread;
        if (op.unit_diagonal && i == j) number = kUnread;
      }
    }
    for (const std::int64_t columns : {1, 5}) {
      const KernelCheck check(
          op, {tensor_of(dtype(), {kN, kN}, numbers), source.uniform({kN, columns}, -1.0, 1.0, dtype())});
      for (const double x : doubles_of(check.run(1)[0])) ASSERT_TRUE(std::isfinite(x)) << check.describe();
    }
  }
}

TEST_P(LinalgKernel, TakesEmptyMatricesAndRightSides) {
  for (const Sizes& sizes : {Sizes{0, 0}, Sizes{3, 0, 0}, Sizes{0, 4, 4}})
    KernelCheck(Cholesky{}, {Tensor::zeros(dtype(), sizes)}).expect_correct(0.0);
  const auto solve = [](const Sizes& a, const Sizes& b) {
    KernelCheck(TriangularSolve{}, {Tensor::zeros(dtype(), a), Tensor::zeros(dtype(), b)})
        .expect_correct(0.0);
  };
  solve({0, 0}, {0, 3});
  solve({4, 4}, {4, 0});
  solve({0, 4, 4}, {0, 4, 2});
}

INSTANTIATE_TEST_SUITE_P(Precisions, LinalgKernel, testing::Values(f32, f64),
                         [](const auto& test) { return std::string(name_of(test.param)); });

}  // namespace
}  // namespace weft
