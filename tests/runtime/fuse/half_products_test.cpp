// Products whose operands are rounded to bf16, and products of operands that are stored in 16 bits.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "weft/autodiff/gradients.h"
#include "weft/ops/builtin.h"
#include "weft/runtime/machine/onednn.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/graph_numbers.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::numbers;
using testing_support::TensorSource;

constexpr CompileOptions kRounded{.products = Precision::bf16};

struct DenseTraining {
  DenseTraining() {
    TensorSource source("half products");
    x = constant(graph, source.uniform({64, 48}, -1.0, 1.0, f32));
    labels = constant(graph, source.whole({64}, 10, i32));
    Value h = x;
    std::vector<Value> weights;
    for (const std::int64_t width : {40, 36, 10}) {
      const std::int64_t in = h.shape()[1].size();
      weights.push_back(parameter(graph, "w" + std::to_string(weights.size()),
                                  source.uniform({in, width}, -0.3, 0.3, f32)));
      weights.push_back(parameter(graph, "w" + std::to_string(weights.size()), Tensor::zeros(f32, {width})));
      h = matmul(h, weights[weights.size() - 2]) + weights.back();
      if (width != 10) h = relu(h);
    }
    loss = mean(softmax_cross_entropy(h, labels));
    const Value rate = parameter(graph, "rate", Tensor::scalar(0.5F));
    const auto slopes = gradients(loss, weights);
    for (std::size_t i = 0; i < weights.size(); ++i)
      updates.push_back(assign(weights[i], weights[i] - (i % 2 == 0 ? rate * slopes[i] : 0.5 * slopes[i])));
  }

  /// The losses of some steps.
  std::vector<float> train(CompileOptions options, int threads = 1, int steps = 60) {
    Session session(graph, {.threads = threads, .exact_threads = true, .compile = options});
    Function step = session.compile({.outputs = {loss}, .updates = updates});
    std::vector<float> losses;
    for (int i = 0; i < steps; ++i) losses.push_back(step({})[0].item<float>());
    return losses;
  }

  Graph graph;
  Value x;
  Value labels;
  Value loss;
  std::vector<Value> updates;
};

std::vector<std::string> kernels_of(const std::vector<Value>& inputs, const Value& output,
                                    const CompileOptions& options) {
  Session session(output.graph(), {.compile = options});
  std::vector<std::string> names;
  const Compilation made = session.inspect({.inputs = inputs, .outputs = {output}}, {});
  for (const KernelChoice& kernel : made.lowered.kernels) names.emplace_back(kernel.name);
  return names;
}

TEST(HalfProducts, RoundOperandsAndAddInF32) {
  TensorSource source("rounded operands");
  for (const auto& [ta, tb] : {std::pair(false, false), std::pair(true, false), std::pair(false, true)}) {
    Graph graph;
    const Value a = input(graph, "a", f32, ta ? Shape{70, 45} : Shape{45, 70});
    const Value b = input(graph, "b", f32, tb ? Shape{33, 70} : Shape{70, 33});
    const Value c = matmul(a, b, ta, tb);
    const std::vector<Tensor> fed{source.uniform(a.shape().sizes(), -1.0, 1.0, f32),
                                  source.uniform(b.shape().sizes(), -1.0, 1.0, f32)};
    const auto run = [&](const CompileOptions& options) {
      Session session(graph, {.compile = options});
      return numbers(session.compile({.inputs = {a, b}, .outputs = {c}})(std::span<const Tensor>(fed))[0]);
    };
    const auto plain = run({});
    const auto rounded = run(kRounded);
    const auto rounded_by_hand = [&] {
      Session session(graph);
      const Value by_hand = matmul(cast(cast(a, bf16), f32), cast(cast(b, bf16), f32), ta, tb);
      return numbers(
          session.compile({.inputs = {a, b}, .outputs = {by_hand}})(std::span<const Tensor>(fed))[0]);
    }();
    const auto sizes = [&] {
      Session session(graph);
      const Value sum = matmul(abs(a), abs(b), ta, tb);
      return numbers(session.compile({.inputs = {a, b}, .outputs = {sum}})(std::span<const Tensor>(fed))[0]);
    }();
    EXPECT_NE(plain, rounded);
    double difference = 0.0;
    double size = 0.0;
    for (std::size_t i = 0; i < plain.size(); ++i) {
      ASSERT_NEAR(rounded[i], rounded_by_hand[i], 1e-5 * sizes[i]) << i;
      ASSERT_LE(std::abs(rounded[i] - plain[i]), 0x1p-7 * sizes[i]) << i;
      difference += (rounded[i] - plain[i]) * (rounded[i] - plain[i]);
      size += plain[i] * plain[i];
    }
    EXPECT_LE(std::sqrt(difference), 0x1p-8 * std::sqrt(size));
  }
}

TEST(HalfProducts, UseTheInstructionsOfTheProcessor) {
  Graph graph;
  const Value a = input(graph, "a", f32, {64, 64});
  const Value half = input(graph, "half", bf16, {64, 64});
  for (const auto& kernels :
       {kernels_of({a}, matmul(a, a), kRounded), kernels_of({half}, matmul(half, half), {})}) {
    EXPECT_EQ(std::ranges::count(kernels, "bf16_matmul"), onednn_multiplies_bf16() ? 1 : 0);
    EXPECT_EQ(std::ranges::count(kernels, "reference"), 0);
  }
  const auto mixed = kernels_of({a, half}, matmul(a, half), {});
  EXPECT_EQ(std::ranges::count(mixed, "reference"), 0) << "weights of 16 bits are widened";
  EXPECT_EQ(std::ranges::count(mixed, "bf16_matmul"), 0) << "and f32 is not rounded unasked";
}

TEST(HalfProducts, LeaveWhatIsNotWorthRounding) {
  Graph graph;
  const Value row = input(graph, "row", f32, {1, 64});
  const Value a = input(graph, "a", f32, {64, 64});
  const Value wide = input(graph, "wide", f64, {64, 64});
  EXPECT_EQ(std::ranges::count(kernels_of({row, a}, matmul(row, a), kRounded), "bf16_matmul"), 0);
  EXPECT_EQ(std::ranges::count(kernels_of({wide}, matmul(wide, wide), kRounded), "bf16_matmul"), 0);
}

TEST(HalfProducts, TrainAsF32Does) {
  DenseTraining training;
  const auto plain = training.train({});
  const auto rounded = training.train(kRounded);
  EXPECT_NE(plain, rounded);
  EXPECT_LT(plain.back(), 0.5F * plain.front());
  EXPECT_NEAR(rounded.back(), plain.back(), 0.02F * plain.front());
}

TEST(HalfProducts, GiveTheSameBitsAgain) {
  DenseTraining training;
  CompileOptions cut = kRounded;
  cut.cuts = 2;
  const auto once = training.train(cut);
  EXPECT_EQ(training.train(cut), once);
  EXPECT_EQ(training.train(cut, 2), once);
}

TEST(HalfProducts, PassTheSelfCheck) {
  DenseTraining training;
  CompileOptions checked = kRounded;
  checked.self_check = true;
  for (const int threads : {1, 2}) EXPECT_NO_THROW(training.train(checked, threads, 3)) << threads;
}

TEST(HalfProducts, MayBeLeftOut) {
  Graph graph;
  const Value half = input(graph, "half", bf16, {40, 40});
  const Tensor fed = testing_support::vector_of(std::vector<double>(1600, 1.0), bf16).reshaped({40, 40});
  for (const char* left_out : {"half_products", "bf16_matmul"}) {
    Session session(graph, {.compile = {.without = {left_out}}});
    const auto found = session.compile({.inputs = {half}, .outputs = {matmul(half, half)}})({{fed}});
    EXPECT_EQ(numbers(found[0])[7], 40.0) << left_out;
  }
}

}  // namespace
}  // namespace weft
