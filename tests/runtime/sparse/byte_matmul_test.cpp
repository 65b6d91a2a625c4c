// Products with bytes whose zeros are looked for in the run.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "weft/autodiff/gradients.h"
#include "weft/ops/activation.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/matmul.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/runtime/ops/gemm.h"
#include "weft/runtime/session.h"
#include "weft/tests/runtime/expect_close.h"
#include "weft/tests/runtime/kernels/kernel_check.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing_support::close_to;
using testing_support::KernelCheck;
using testing_support::kSumBound;
using testing_support::TensorSource;

/// Bytes of which about one in `one_in` is not 0, except that rows from `dense_from` on have no zero.
Tensor bytes(std::int64_t rows, std::int64_t columns, std::int64_t one_in, std::int64_t dense_from) {
  TensorSource source("bytes");
  const Tensor draw = source.uniform({rows, columns}, 0.0, static_cast<double>(one_in), DType::f32);
  Tensor x = Tensor::zeros(DType::u8, {rows, columns});
  for (std::int64_t i = 0; i < rows * columns; ++i) {
    const float number = draw.values<float>()[static_cast<std::size_t>(i)];
    const bool filled = i / columns >= dense_from || number < 1.0F;
    x.mutable_values<std::uint8_t>()[static_cast<std::size_t>(i)] =
        filled ? static_cast<std::uint8_t>(1 + i % 9) : std::uint8_t{0};
  }
  return x;
}

Tensor floats(const std::vector<std::int64_t>& sizes) {
  TensorSource source("byte products");
  return source.uniform(sizes, -1.0, 1.0, DType::f32);
}

class ByteMatMulKernel : public testing::TestWithParam<std::int64_t> {
 protected:
  std::int64_t n() const { return GetParam(); }
};

TEST_P(ByteMatMulKernel, GivesTheSameFromZerosSkippedAndFromAllElements) {
  // Groups of both kinds, one in the middle of which the kind changes, and a last one that is not full.
  for (const std::int64_t dense_from : {0, 96, 150}) {
    const KernelCheck check(Gemm{{.left = {.form = LeftForm::bytes},
                                  .alpha = 0.1,
                                  .addend = Addend::bias,
                                  .activation = {Relu{}}}},
                            {bytes(150, 50, 5, dense_from), floats({50, n()}), floats({n()})});
    EXPECT_EQ(check.choice().name, "byte_matmul");
    check.expect_correct(kSumBound, kSumBound);
  }
}

TEST_P(ByteMatMulKernel, NeedsNoBias) {
  const KernelCheck check(Gemm{{.left = {.form = LeftForm::bytes}, .alpha = 2.0}},
                          {bytes(3, 50, 5, 3), floats({50, n()})});
  check.expect_correct(kSumBound, kSumBound);
}

INSTANTIATE_TEST_SUITE_P(Widths, ByteMatMulKernel, testing::Values(1, 10, 64, 100, 300));

TEST(ByteMatMulKernelColumns, AreWideWhereSixteenBitsDoNotHoldThem) {
  const KernelCheck check(Gemm{{.left = {.form = LeftForm::bytes}}},
                          {bytes(2, 70'000, 500, 2), floats({70'000, 3})});
  check.expect_correct(1e-3, 1e-3);
}

/// tanh(shifted(x) w + b), as bytes fed and scaled.
struct Prediction {
  explicit Prediction(SkipZeros skip_zeros, int threads = 1, bool shifted = false) {
    const Value x = input(graph, "x", u8, {"batch", 50});
    const Value w = parameter(graph, "w", floats({50, 7}));
    const Value b = parameter(graph, "b", floats({7}));
    Value scaled = cast(x, f32) * (1.0 / 9.0);
    if (shifted) scaled = scaled - 0.25;
    spec = {.inputs = {x}, .outputs = {tanh(matmul(scaled, w) + b)}, .updates = {}};
    CompileOptions options;
    options.skip_zeros = skip_zeros;
    options.self_check = true;
    session = std::make_unique<Session>(graph, SessionOptions{.threads = threads, .compile = options});
  }
  Tensor run(const Tensor& x) { return session->compile(spec)({x})[0].clone(); }
  std::vector<std::string> kernels() {
    std::vector<std::string> names;
    for (const KernelChoice& choice : session->inspect(spec, {{"batch", 6}}).lowered.kernels)
      names.emplace_back(choice.name);
    return names;
  }
  Graph graph;
  FunctionSpec spec;
  std::unique_ptr<Session> session;
};

TEST(FedBytes, SkipZerosInOneKernelWithTheirScaleBiasAndActivation) {
  Prediction skips(SkipZeros::automatic);
  Prediction dense(SkipZeros::never);
  // The weights may be set to what is not finite, so their columns are looked at, which joins the bias.
  EXPECT_THAT(skips.kernels(), ElementsAre("finite_columns", "elementwise", "byte_matmul"));
  EXPECT_THAT(dense.kernels(), Not(Contains("byte_matmul")));
  const Tensor x = bytes(130, 50, 5, 100);
  EXPECT_TRUE(close_to(skips.run(x), dense.run(x), kSumBound));
}

TEST(FedBytes, MayBeShifted) {
  Prediction skips(SkipZeros::automatic, 1, true);
  Prediction dense(SkipZeros::never, 1, true);
  EXPECT_THAT(skips.kernels(), Contains("byte_matmul"));
  const Tensor x = bytes(130, 50, 5, 130);
  EXPECT_TRUE(close_to(skips.run(x), dense.run(x), kSumBound));
}

TEST(FedBytes, GiveTheSameOnSeveralThreads) {
  const Tensor x = bytes(200, 50, 5, 100);
  const Tensor alone = Prediction(SkipZeros::automatic).run(x);
  EXPECT_TRUE(close_to(Prediction(SkipZeros::automatic, 3).run(x), alone, kSumBound));
}

TEST(FedBytes, KeepTheirDenseFormForAGradient) {
  Graph graph;
  const Value x = input(graph, "x", u8, {4, 50});
  const Value w = parameter(graph, "w", floats({50, 7}));
  const Value loss = mean(square(matmul(cast(x, f32), w)));
  Session session(graph, {.compile = {.self_check = true}});
  const FunctionSpec spec{.inputs = {x}, .outputs = {gradient(loss, w)}, .updates = {}};
  const Compilation compilation = session.inspect(spec, {});
  EXPECT_THAT(to_text(compilation.products), HasSubstr("known in the run only"));
  EXPECT_NO_THROW(session.compile(spec)({bytes(4, 50, 5, 4)}));
}

}  // namespace
}  // namespace weft
