#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "weft/ops/activation.h"
#include "weft/runtime/ops/gemm.h"
#include "weft/tests/runtime/kernels/kernel_check.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::KernelCheck;
using testing_support::numbers;
using testing_support::replay;
using testing_support::Sizes;
using testing_support::TensorSource;

struct SumPrecision {
  DType dtype;
  std::string_view kernel;
  double tolerance;
  std::vector<std::string> left_out{};  // the kernels that would come first
};

class MatMulKernel : public testing::TestWithParam<SumPrecision> {
 protected:
  static constexpr double kShardTolerance = 1e-5;
  SumPrecision precision() const { return GetParam(); }
  KernelCheck checked(const Op& op, std::vector<Tensor> inputs) const {
    return {op, std::move(inputs), precision().left_out};
  }
  double shard_tolerance() const { return precision().dtype == f32 ? kShardTolerance : 1e-13; }
};

Op with_bias(const MatMul& product, const Epilogue& after) {
  GemmFormula formula{.product = product, .addend = Addend::bias, .activation = after};
  return Gemm{std::move(formula)};
}

Op accumulated(const MatMul& product, double alpha) {
  GemmFormula formula{.product = product, .alpha = alpha, .addend = Addend::accumulator};
  return Gemm{std::move(formula)};
}

struct Matrices {
  MatMul product;
  Tensor a;
  Tensor b;
  std::int64_t m = 0;
  std::int64_t n = 0;
};

Matrices random_matrices(TensorSource& source, DType dtype, std::int64_t largest = 70) {
  const std::int64_t m = 1 + source.below(largest);
  const std::int64_t n = source.below(5) == 0 ? 1 : 1 + source.below(largest);
  const std::int64_t k = source.below(5) == 0 ? 1 : 1 + source.below(largest);
  const MatMul product{.transpose_a = source.coin(), .transpose_b = source.coin()};
  return {.product = product,
          .a = source.uniform(product.transpose_a ? Sizes{k, m} : Sizes{m, k}, -1.0, 1.0, dtype),
          .b = source.uniform(product.transpose_b ? Sizes{n, k} : Sizes{k, n}, -1.0, 1.0, dtype),
          .m = m,
          .n = n};
}

TEST_P(MatMulKernel, MultipliesPlainAndTransposed) {
  TensorSource source("matmul kernel");
  for (int round = 0; round < 40; ++round) {
    SCOPED_TRACE(testing::Message() << "round " << round << "; " << replay());
    const Matrices in = random_matrices(source, precision().dtype);
    const KernelCheck check = checked(in.product, {in.a, in.b});
    ASSERT_EQ(check.choice().name, precision().kernel);
    check.expect_correct(precision().tolerance, shard_tolerance());
  }
}

TEST_P(MatMulKernel, AddsABiasAndAppliesAnActivation) {
  TensorSource source("fused matmul kernel");
  const std::vector<Epilogue> epilogues{{}, {Relu{}}, {Tanh{}}, {Sigmoid{}}};
  for (int round = 0; round < 48; ++round) {
    SCOPED_TRACE(testing::Message() << "round " << round << "; " << replay());
    const Matrices in = random_matrices(source, precision().dtype);
    const bool bias = round % 3 != 0;
    const Gemm op{{.product = in.product,
                   .addend = bias ? Addend::bias : Addend::nothing,
                   .activation = epilogues[static_cast<std::size_t>(round) % epilogues.size()]}};
    std::vector<Tensor> inputs{in.a, in.b};
    if (bias) inputs.push_back(source.uniform({in.n}, -1.0, 1.0, precision().dtype));
    const KernelCheck check = checked(op, inputs);
    ASSERT_EQ(check.choice().name, precision().kernel);
    check.expect_correct(precision().tolerance, shard_tolerance());
  }
}

TEST_P(MatMulKernel, AccumulatesAlsoInPlace) {
  TensorSource source("matmul accumulate kernel");
  for (int round = 0; round < 40; ++round) {
    SCOPED_TRACE(testing::Message() << "round " << round << "; " << replay());
    const Matrices in = random_matrices(source, precision().dtype);
    const Gemm op{{.product = in.product,
                   .alpha = round % 4 == 0 ? 1.0 : source.number(-1.0, 1.0),
                   .addend = Addend::accumulator}};
    const KernelCheck check =
        checked(op, {source.uniform({in.m, in.n}, -1.0, 1.0, precision().dtype), in.a, in.b});
    ASSERT_EQ(check.choice().name, precision().kernel);
    ASSERT_EQ(check.choice().in_place, (std::vector<InPlace>{InPlace{0, 0}}));
    check.expect_correct(precision().tolerance, shard_tolerance());
  }
}

TEST_P(MatMulKernel, MultipliesShapesWithAWayOfTheirOwn) {
  TensorSource source("shapes of products");
  struct Shapes {
    std::int64_t m, k, n;
    bool transpose_a;
  };
  for (const auto& [m, k, n, transpose_a] :
       {Shapes{1, 70, 40, false}, Shapes{1, 1, 600, true}, Shapes{9, 20, 520, false},
        Shapes{7, 1024, 5, false}, Shapes{520, 6, 512, true}, Shapes{40, 9, 64, true}}) {
    SCOPED_TRACE(testing::Message() << m << " x " << k << " x " << n);
    const MatMul product{.transpose_a = transpose_a};
    const auto draw = [&](const Sizes& sizes) { return source.uniform(sizes, -1.0, 1.0, precision().dtype); };
    const Tensor a = draw(transpose_a ? Sizes{k, m} : Sizes{m, k});
    const Tensor b = draw({k, n});
    const double of_shards = 10 * shard_tolerance();
    checked(accumulated(product, -0.5), {draw({m, n}), a, b})
        .expect_correct(10 * precision().tolerance, of_shards);
    for (const Epilogue& after : {Epilogue{}, Epilogue{Relu{}}, Epilogue{Tanh{}}}) {
      checked(with_bias(product, after), {a, b, draw({n})})
          .expect_correct(10 * precision().tolerance, of_shards);
    }
  }
}

TEST_P(MatMulKernel, TakesABatchOnTheLeftAsOneTallMatrix) {
  TensorSource source("tall matmul kernel");
  for (const bool transpose_b : {false, true}) {
    for (const Sizes& batch : {Sizes{3}, Sizes{2, 4}, Sizes{1, 5}, Sizes{6, 1}}) {
      Sizes a = batch;
      a.insert(a.end(), {7, 5});
      const KernelCheck check =
          checked(MatMul{.transpose_b = transpose_b},
                  {source.uniform(a, -1.0, 1.0, precision().dtype),
                   source.uniform(transpose_b ? Sizes{4, 5} : Sizes{5, 4}, -1.0, 1.0, precision().dtype)});
      EXPECT_EQ(check.choice().name, precision().kernel);
      check.expect_correct(precision().tolerance, shard_tolerance());
    }
  }
}

TEST_P(MatMulKernel, TakesTheMatricesOfABatchOneByOne) {
  TensorSource source("batched matmul kernel");
  const auto random = [&](const Sizes& sizes) { return source.uniform(sizes, -1.0, 1.0, precision().dtype); };
  for (const KernelCheck& check : {checked(MatMul{}, {random({5, 3, 4}), random({5, 4, 6})}),
                                   checked(MatMul{}, {random({3, 4}), random({5, 4, 6})}),
                                   checked(MatMul{}, {random({5, 2, 3, 4}), random({2, 4, 6})}),
                                   checked(MatMul{}, {random({5, 1, 3, 4}), random({5, 2, 4, 6})}),
                                   checked(MatMul{}, {random({1, 3, 4}), random({5, 4, 6})}),
                                   checked(MatMul{.transpose_b = true}, {random({3, 4}), random({5, 6, 4})}),
                                   checked(MatMul{.transpose_a = true}, {random({5, 4, 3}), random({4, 6})}),
                                   checked(accumulated(MatMul{.transpose_a = true}, -0.5),
                                           {random({5, 3, 6}), random({5, 4, 3}), random({4, 6})}),
                                   checked(with_bias(MatMul{}, Epilogue{Relu{}}),
                                           {random({5, 3, 4}), random({5, 4, 6}), random({6})})}) {
    EXPECT_EQ(check.choice().name, precision().kernel) << check.describe();
    check.expect_correct(10 * precision().tolerance);
  }
}

TEST_P(MatMulKernel, CutsABatchWithThoseOperandsThatHaveItsFirstAxis) {
  TensorSource source("cut of a batched matmul");
  const auto cut_of = [&](const Sizes& a, const Sizes& b) {
    const auto random = [&](const Sizes& sizes) {
      return source.uniform(sizes, -1.0, 1.0, precision().dtype);
    };
    const KernelCheck check = checked(MatMul{}, {random(a), random(b)});
    EXPECT_EQ(check.choice().cut.extent, 5);
    return check.choice().cut.inputs;
  };
  EXPECT_EQ(cut_of({5, 3, 4}, {5, 4, 6}), (std::vector<Portion>{Portion::rows, Portion::rows}));
  EXPECT_EQ(cut_of({3, 4}, {5, 4, 6}), (std::vector<Portion>{Portion::whole, Portion::rows}));
  EXPECT_EQ(cut_of({5, 5, 3, 4}, {5, 4, 6}), (std::vector<Portion>{Portion::rows, Portion::whole}));
  EXPECT_EQ(cut_of({1, 3, 4}, {5, 4, 6}), (std::vector<Portion>{Portion::whole, Portion::rows}));
}

TEST_P(MatMulKernel, MultipliesInPanelsOfColumns) {
  TensorSource source("products in column blocks");
  const auto random = [&](const Sizes& sizes) { return source.uniform(sizes, -1.0, 1.0, precision().dtype); };
  for (const auto& [m, k, n] : {std::array<std::int64_t, 3>{7, 5, 12}, {3, 300, 1536}}) {
    for (const Epilogue& after : {Epilogue{}, Epilogue{Relu{}}, Epilogue{Tanh{}}}) {
      const KernelCheck check =
          checked(Gemm{{.addend = Addend::bias, .activation = after, .column_blocks = 3}},
                  {random({m, k}), random({k, n}), random({n})});
      EXPECT_EQ(check.choice().name, precision().kernel);
      EXPECT_EQ(check.choice().cut.extent, 3);
      check.expect_correct(10 * precision().tolerance);
    }
    const KernelCheck update = checked(Gemm{{.product = {.transpose_a = true},
                                             .alpha = -0.5,
                                             .addend = Addend::accumulator,
                                             .column_blocks = 3}},
                                       {random({k, n}), random({m, k}), random({3, m, n / 3})});
    EXPECT_EQ(update.choice().name, precision().kernel);
    EXPECT_EQ(update.choice().cut.extent, 3);
    update.expect_correct(10 * precision().tolerance);
  }
}

TEST_P(MatMulKernel, IsCutAlongColumnsWhereRowsAreFew) {
  TensorSource source("few rows");
  const auto random = [&](const Sizes& sizes) { return source.uniform(sizes, -1.0, 1.0, precision().dtype); };
  struct Case {
    std::int64_t m, k, n;
    std::int64_t extent;
  };
  for (const auto& [m, k, n, extent] :
       {Case{1, 512, 1040, 65}, Case{1, 1800, 333, 333}, Case{1, 7400, 72, 9}, Case{5, 2100, 600, 75}}) {
    // What each of the two f32 kernels leaves to the other.
    if (m > 1 && precision().kernel == "onednn_matmul") continue;
    if (m == 1 && k > 2048 && precision().kernel == "other_matmul") continue;
    for (const bool transpose_b : {false, true}) {
      const MatMul product{.transpose_b = transpose_b};
      const Tensor a = random({m, k});
      const Tensor b = random(transpose_b ? Sizes{n, k} : Sizes{k, n});
      const double tolerance = 10 * precision().tolerance;
      const KernelCheck update = checked(accumulated(product, 0.5), {random({m, n}), a, b});
      EXPECT_EQ(update.choice().cut.extent, extent) << update.describe();
      EXPECT_EQ(update.choice().cut.outputs, Portion::columns);
      update.expect_correct(tolerance, tolerance);
      checked(with_bias(product, Epilogue{Tanh{}}), {a, b, random({n})}).expect_correct(tolerance, tolerance);
    }
  }
}

TEST_P(MatMulKernel, TakesProductsWithOneColumnAndGreatLengths) {
  TensorSource source("vectors and long products");
  const auto random = [&](const Sizes& sizes) { return source.uniform(sizes, -1.0, 1.0, precision().dtype); };
  for (const bool ta : {false, true}) {
    for (const auto& [m, k, n] :
         {std::array<std::int64_t, 3>{70, 90, 1}, {1, 90, 70}, {20, 2300, 9}, {9, 5000, 30}}) {
      const MatMul product{.transpose_a = ta};
      const Tensor a = random(ta ? Sizes{k, m} : Sizes{m, k});
      const double tolerance = 10 * precision().tolerance;
      checked(with_bias(product, Epilogue{Relu{}}), {a, random({k, n}), random({n})})
          .expect_correct(tolerance, tolerance);
      checked(accumulated(product, -0.5), {random({m, n}), a, random({k, n})})
          .expect_correct(tolerance, tolerance);
    }
  }
}

TEST_P(MatMulKernel, OfEmptyMatricesIsZerosPlusWhatIsAdded) {
  const DType dtype = precision().dtype;
  for (const Sizes& mnk : {Sizes{3, 4, 0}, Sizes{0, 4, 5}, Sizes{3, 0, 5}, Sizes{0, 0, 0}}) {
    for (const bool ta : {false, true}) {
      const std::int64_t m = mnk[0];
      const std::int64_t n = mnk[1];
      const std::int64_t k = mnk[2];
      const MatMul product{.transpose_a = ta};
      const Tensor a = Tensor::zeros(dtype, ta ? Sizes{k, m} : Sizes{m, k});
      const Tensor b = Tensor::zeros(dtype, Sizes{k, n});
      TensorSource source("empty matmul");
      checked(product, {a, b}).expect_correct(0.0);
      checked(with_bias(product, Epilogue{Relu{}}), {a, b, source.uniform({n}, -1.0, 1.0, dtype)})
          .expect_correct(0.0);
      checked(accumulated(product, 0.5), {source.uniform({m, n}, -1.0, 1.0, dtype), a, b})
          .expect_correct(0.0);
    }
  }
}

TEST_P(MatMulKernel, NeedsNoMoreScratchForAShardThanItSays) {
  // Sizes of real layers, where oneDNN chooses other ways to work for shards than for the whole.
  TensorSource source("matmul scratch");
  const std::vector<Sizes> layers{
      {64, 784, 100}, {128, 100, 10}, {784, 64, 100}, {100, 64, 10}, {33, 500, 257}};
  for (const Sizes& mkn : layers) {
    for (const bool ta : {false, true}) {
      const Tensor a =
          source.uniform(ta ? Sizes{mkn[1], mkn[0]} : Sizes{mkn[0], mkn[1]}, -1.0, 1.0, precision().dtype);
      const Tensor b = source.uniform({mkn[1], mkn[2]}, -1.0, 1.0, precision().dtype);
      checked(MatMul{.transpose_a = ta}, {a, b}).expect_correct(1e-4, 1e-4);
    }
  }
}

TEST_P(MatMulKernel, KeepsNaNs) {
  for (const Epilogue& epilogue : std::vector<Epilogue>{{}, {Relu{}}, {Tanh{}}, {Sigmoid{}}}) {
    Tensor a = TensorSource("matmul NaN").uniform({5, 9}, -1.0, 1.0, f64);
    a.mutable_values<double>()[2] = std::numeric_limits<double>::quiet_NaN();
    const Tensor x = evaluate(Cast{precision().dtype}, {{a}})[0];
    const Tensor w = TensorSource("matmul NaN weights").uniform({9, 20}, -1.0, 1.0, precision().dtype);
    const KernelCheck check = checked(Gemm{{.activation = epilogue}}, {x, w});
    const auto result = numbers(check.run(1)[0]);
    for (std::size_t i = 0; i < 20; ++i) EXPECT_TRUE(std::isnan(result[i])) << check.describe();
    for (std::size_t i = 20; i < result.size(); ++i) EXPECT_FALSE(std::isnan(result[i])) << check.describe();
  }
}

INSTANTIATE_TEST_SUITE_P(
    Precisions, MatMulKernel,
    testing::Values(SumPrecision{f32, "onednn_matmul", 1e-5, {"blocked_matmul"}},
                    SumPrecision{f32, "other_matmul", 1e-5, {"blocked_matmul", "onednn_matmul"}},
                    SumPrecision{f64, "blocked_matmul", 1e-13}),
    [](const auto& test) { return fmt::format("{}_{}", name_of(test.param.dtype), test.param.kernel); });

}  // namespace
}  // namespace weft
