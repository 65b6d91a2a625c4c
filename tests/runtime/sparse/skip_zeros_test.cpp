#include "weft/runtime/sparse/skip_zeros.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "weft/graph/evaluate.h"
#include "weft/graph/print.h"
#include "weft/ops/layout.h"
#include "weft/tests/runtime/expect_close.h"
#include "weft/tests/runtime/layer_training.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::HasSubstr;
using testing::Not;
using testing_support::close_to;
using testing_support::expect_error;
using testing_support::images;
using testing_support::kPixels;
using testing_support::kSamples;
using testing_support::LayerTraining;
using testing_support::mode;
using testing_support::momentum_step;
using testing_support::Optimize;
using testing_support::Prepare;
using testing_support::same_bits;
using testing_support::scaled_rows;
using testing_support::sgd_step;

struct Preparation {
  const char* name;
  Prepare prepare;
};
void PrintTo(const Preparation& preparation, std::ostream* out) { *out << preparation.name; }

class SkipZerosOf : public testing::TestWithParam<Preparation> {};

TEST_P(SkipZerosOf, TrainsLikeTheDensePlan) {
  const Tensor data = images(5);
  for (const Optimize& optimize : {Optimize(sgd_step), Optimize(momentum_step)}) {
    LayerTraining dense(data, GetParam().prepare, mode(SkipZeros::never), 1, optimize);
    CompileOptions checked = mode(SkipZeros::always);
    checked.self_check = true;
    LayerTraining sparse(data, GetParam().prepare, checked, 1, optimize);
    EXPECT_THAT(sparse.kernels(), Contains("rows_gemm"));
    EXPECT_THAT(sparse.kernels(), Contains("rows_gradient"));
    EXPECT_THAT(dense.kernels(), Not(Contains("rows_gemm")));
    const auto expected = dense.run();
    const auto actual = sparse.run();
    for (std::size_t i = 0; i < expected.size(); ++i)
      EXPECT_TRUE(close_to(actual[i], expected[i], 1e-4)) << i;
  }
}

Value vector_of(const Value& like, double first, double step) {
  std::vector<float> values;
  for (std::int64_t i = 0; i < kPixels; ++i)
    values.push_back(static_cast<float>(first + step * static_cast<double>(i)));
  return constant(like.graph(), Tensor::of<float>(values, std::array{kPixels}));
}

INSTANTIATE_TEST_SUITE_P(
    Forms, SkipZerosOf,
    testing::Values(
        Preparation{"Gathered", scaled_rows},
        Preparation{"Divided",
                    [](const Value& d, const Value& r) { return cast(gather(d, r), f32) / 255.0; }},
        Preparation{"ShiftedByANumber",
                    [](const Value& d, const Value& r) { return scaled_rows(d, r) - 0.13; }},
        Preparation{"SubtractedFromANumber",
                    [](const Value& d, const Value& r) { return 1.0 - scaled_rows(d, r); }},
        Preparation{"ShiftedByTheMeanAndScaled",
                    [](const Value& d, const Value& r) {
                      return (scaled_rows(d, r) - vector_of(d, 0.1, 0.01)) * 2.0 + vector_of(d, -1.0, 0.1);
                    }},
        Preparation{"ColumnsCutOut",
                    [](const Value& d, const Value& r) { return scaled_rows(slice(d, 1, 10, 50), r); }},
        Preparation{"RowsAndColumnsCutOut",
                    [](const Value& d, const Value& r) {
                      return slice(scaled_rows(concat({slice(d, 0, 0, 400)}), r), 1, 3, 59);
                    }},
        Preparation{"ScaledBeforeTheGather",
                    [](const Value& d, const Value& r) { return gather(cast(d, f32) * 0.01, r); }},
        Preparation{"ImagesFlattened",
                    [](const Value& d, const Value& r) {
                      return flatten(cast(gather(reshape(d, {kSamples, 6, 10}), r), f32) * 0.01);
                    }}),
    [](const auto& test) { return test.param.name; });

TEST(SkipZeros, TakesTheWholeDataWithoutGather) {
  const Prepare all = [](const Value& data, const Value&) { return cast(data, f32) * 0.01; };
  CompileOptions unfolded = mode(SkipZeros::always);
  unfolded.fold = false;
  LayerTraining sparse(images(5), all, unfolded);
  CompileOptions dense_options = mode(SkipZeros::never);
  LayerTraining dense(images(5), all, dense_options);
  EXPECT_THAT(sparse.kernels(), Contains("rows_gradient"));
  sparse.spec.inputs.clear();
  dense.spec.inputs.clear();
  Function sparse_step = sparse.session->compile(sparse.spec);
  Function dense_step = dense.session->compile(dense.spec);
  const std::span<const Tensor> nothing;
  EXPECT_TRUE(close_to(sparse_step(nothing)[0], dense_step(nothing)[0], 1e-5));
  EXPECT_TRUE(close_to(sparse.session->value("w"), dense.session->value("w"), 1e-5));
}

TEST(SkipZeros, KeepsTheDensePlanForDenseDataUnlessForced) {
  LayerTraining automatic(images(1), scaled_rows, mode(SkipZeros::automatic));
  const Compilation compilation = automatic.compilation();
  for (const ProductChoice& choice : compilation.products) EXPECT_FALSE(choice.skips_zeros) << choice.why;
  EXPECT_THAT(to_text(compilation.products),
              HasSubstr("takes every element, about 100% of its data is not 0"));
  LayerTraining forced(images(1), scaled_rows, mode(SkipZeros::always));
  EXPECT_THAT(forced.kernels(), Contains("rows_gemm"));
}

TEST(SkipZeros, SkipsThemByItselfWhereAlmostAllAreZero) {
  LayerTraining automatic(images(200), scaled_rows, mode(SkipZeros::automatic));
  EXPECT_THAT(automatic.kernels(), Contains("rows_gemm"));
  EXPECT_THAT(automatic.kernels(), Contains("rows_gradient"));
  EXPECT_THAT(to_text(automatic.compilation().products), HasSubstr("skips zeros, 0."));
}

TEST(SkipZeros, SaysWhyAProductTakesEveryElement) {
  const Prepare cubed = [](const Value& d, const Value& r) { return exp(scaled_rows(d, r)); };
  LayerTraining training(images(5), cubed, mode(SkipZeros::always));
  EXPECT_THAT(to_text(training.compilation().products),
              HasSubstr("'exp' may give zeros of the data other values"));
}

TEST(SkipZeros, DropsTheDenseCopy) {
  const Tensor data = images(50);
  LayerTraining dense(data, scaled_rows, mode(SkipZeros::never));
  LayerTraining sparse(data, scaled_rows, mode(SkipZeros::always));
  EXPECT_GE(ledger_of(dense.compilation()).constants, data.bytes());
  EXPECT_LT(ledger_of(sparse.compilation()).constants, data.bytes() / 2);
}

TEST(SkipZeros, GivesTheSameBitsWithEveryNumberOfThreadsUnlessAProductIsSplit) {
  const Tensor data = images(5);
  const auto run = [&](int threads) {
    return LayerTraining(data, scaled_rows, mode(SkipZeros::always), threads, momentum_step).run();
  };
  const auto one = run(1);
  for (const int threads : {2, 3, 4}) {
    const auto more = run(threads);
    EXPECT_TRUE(same_bits(more[1], one[1])) << threads;  // the loss is a sum over rows, which threads may cut
    EXPECT_TRUE(same_bits(more[2], one[2])) << threads;
  }
}

TEST(SkipZeros, NeedsABarrierBeforeTheGradientAndOneBeforeItsUse) {
  // The gradient is cut by its non-zeros, the update of weight and velocity into equally many rows.
  LayerTraining sparse(images(5), scaled_rows, mode(SkipZeros::always), 2, momentum_step);
  EXPECT_EQ(sparse.compilation().schedule.barriers(), 2U);
}

TEST(SkipZeros, UpdatesAWeightWhereItLies) {
  LayerTraining sparse(images(5), scaled_rows, mode(SkipZeros::always));
  const Compilation compilation = sparse.compilation();
  for (std::size_t step = 0; step < compilation.lowered.steps.size(); ++step) {
    if (compilation.lowered.kernels[step].name == "rows_gradient") {
      EXPECT_TRUE(compilation.lowered.commits[step]);
    }
  }
  EXPECT_THAT(sparse.kernels(), Each(Not("reference")));
}

TEST(SkipZeros, FusesNothingIntoProductsWhereFusingIsLeftOut) {
  const auto fused = [](const CompileOptions& options) {
    LayerTraining training(images(5), scaled_rows, options);
    return to_text(training.compilation().lowered.program);
  };
  CompileOptions options = mode(SkipZeros::always);
  EXPECT_THAT(fused(options), AllOf(HasSubstr("=relu("), HasSubstr("=c - ")));
  options.without = {"fuse_matmul"};
  EXPECT_THAT(fused(options),
              AllOf(HasSubstr("sparse[i] b"), Not(HasSubstr("+ bias")), Not(HasSubstr("=relu("))));
  options.without = {"fuse_accumulate"};
  EXPECT_THAT(fused(options), AllOf(HasSubstr("sparse[i]^T b"), Not(HasSubstr("=c - "))));
}

TEST(SkipZeros, RefusesARowThatTheDataDoesNotHaveAndUpdatesNothing) {
  // With sgd the terms of a split product check the rows, with momentum a step of its own does.
  for (const Optimize& optimize : {Optimize(sgd_step), Optimize(momentum_step)}) {
    LayerTraining sparse(images(5), scaled_rows, mode(SkipZeros::always), 2, optimize);
    Function step = sparse.session->compile(sparse.spec);
    const Tensor before = sparse.session->value("w");
    expect_error(ErrorCode::out_of_range, {"index 400", "[0, 400)"},
                 [&] { step({Tensor::of<std::int32_t>({1, 400})}); });
    EXPECT_TRUE(same_bits(sparse.session->value("w"), before));
  }
}

/// The row of resident data, all 0 but for one pixel, times a weight with `number` where the data are 0.
float product_with(float number, std::int64_t column, const CompileOptions& options, bool fed) {
  Graph graph;
  Tensor data = Tensor::zeros(u8, {64, 784});
  for (std::int64_t row = 0; row < 64; ++row) data.mutable_values<std::uint8_t>()[row * 784] = 255;
  Tensor weight = Tensor::zeros(f32, {784, 64});
  weight.mutable_values<float>()[0] = 0.5F;
  weight.mutable_values<float>()[static_cast<std::size_t>(column * 64)] += number;
  const Value rows = input(graph, "rows", i32, {"batch"});
  const Value bytes = input(graph, "bytes", u8, {"batch", 784});
  const Value x = fed ? cast(bytes, f32) * (1.0 / 255) : scaled_rows(constant(graph, data), rows);
  const Value y = relu(matmul(x, parameter(graph, "w", weight)) + constant(graph, Tensor::zeros(f32, {64})));
  Session session(graph, {.threads = 2, .exact_threads = true, .compile = options});
  const Tensor chosen = Tensor::of<std::int32_t>({0, 1, 2, 3, 4, 5, 6, 7});
  const Tensor given = evaluate(Gather{}, {{data, chosen}})[0];
  Function run = session.compile({.inputs = {fed ? bytes : rows}, .outputs = {y}, .updates = {}});
  const auto outputs = run({fed ? given : chosen});
  EXPECT_EQ(outputs[0].values<float>()[1], 0.0F);
  return outputs[0].values<float>()[0];
}

TEST(SkipZeros, GivesNaNWhereASkippedTermWould) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const SkipZeros skips : {SkipZeros::automatic, SkipZeros::always, SkipZeros::never}) {
    for (const bool self_check : {false, true}) {
      CompileOptions options = mode(skips);
      options.self_check = self_check;
      for (const bool fed : {false, true}) {
        EXPECT_TRUE(std::isnan(product_with(std::nanf(""), 700, options, fed)));
        EXPECT_TRUE(std::isnan(product_with(kInfinity, 700, options, fed)));
        EXPECT_EQ(product_with(3e38F, 700, options, fed), 0.5F);
        EXPECT_FLOAT_EQ(product_with(0.25F, 0, options, fed), 0.75F);
        EXPECT_FALSE(std::isfinite(product_with(kInfinity, 0, options, fed)));
      }
    }
  }
}

TEST(SkipZeros, SaysWhereItTakesAWeightToBeFinite) {
  const Tensor data = images(5);
  LayerTraining training(data, scaled_rows, mode(SkipZeros::always));
  EXPECT_THAT(to_text(training.compilation().products), HasSubstr("its right side is taken to be finite"));
  EXPECT_THAT(training.kernels(), Not(Contains("finite_columns")));
  CompileOptions guarded = mode(SkipZeros::always);
  guarded.nan_guard = true;
  EXPECT_THAT(LayerTraining(data, scaled_rows, guarded).kernels(), Contains("finite_columns"));
}

}  // namespace
}  // namespace weft
