// The layers without a formula to train: noise, embedding, merging and images.

#include <gtest/gtest.h>

#include <cmath>

#include "weft/autodiff/gradients.h"
#include "weft/frontends/nn.h"
#include "weft/frontends/schedules.h"
#include "weft/ops/random.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"
#include "weft/tests/frontends/nn/moments.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::expect_error;
using testing_support::Moments;
using testing_support::moments_of;
using testing_support::numbers;

/// What `layer` makes of a tensor.
Tensor apply_to(const Tensor& tensor, const std::function<Value(const Value&)>& layer) {
  Graph graph;
  const Value y = layer(constant(graph, tensor));
  Session session(graph, {.seed = 5});
  Function function = session.compile({.inputs = {}, .outputs = {y}, .updates = {}});
  return function()[0].clone();
}

Tensor filled(double number, std::initializer_list<std::int64_t> sizes) {
  Tensor tensor = Tensor::zeros(f64, sizes);
  for (double& x : tensor.mutable_values<double>()) x = number;
  return tensor;
}

TEST(SpatialDropout, DropsWholeChannels) {
  const Tensor y =
      apply_to(filled(3.0, {100, 40, 2, 3}), [](auto& x) { return nn::spatial_dropout(x, 0.25); });
  const auto values = y.values<double>();
  int dropped = 0;
  for (std::size_t c = 0; c < 4000; ++c) {
    const double first = values[6 * c];
    EXPECT_TRUE(first == 0.0 || first == 4.0) << first;
    for (std::size_t i = 1; i < 6; ++i) EXPECT_EQ(values[6 * c + i], first);
    dropped += first == 0.0 ? 1 : 0;
  }
  EXPECT_NEAR(dropped, 1000, 5 * 28);
}

TEST(AlphaDropout, KeepsTheMomentsThatSeluNeeds) {
  Graph graph;
  const Value x = weft::random_normal(graph, f64, {400, 500});
  const Value y = nn::alpha_dropout(x, 0.3);
  Session session(graph, {.seed = 5});
  Function function = session.compile({.inputs = {}, .outputs = {y}, .updates = {}});
  const Tensor result = function()[0];
  const Moments moments = moments_of(numbers(result));
  EXPECT_NEAR(moments.mean, 0.0, 0.02);
  EXPECT_NEAR(moments.variance, 1.0, 0.02);
  // a = (0.7 (1 + 0.3 * 1.7581^2))^-1/2, and what is dropped becomes a * -1.7581 * 0.7.
  const double lowest = -1.0507009873554805 * 1.6732632423543772;
  const double floor = 0.7 * lowest / std::sqrt(0.7 * (1.0 + 0.3 * lowest * lowest));
  int dropped = 0;
  for (const double value : result.values<double>()) dropped += std::abs(value - floor) < 1e-12 ? 1 : 0;
  EXPECT_NEAR(dropped, 60000, 5 * 205);
}

TEST(GaussianNoise, HasTheGivenSpread) {
  const Tensor noisy = apply_to(filled(2.0, {300, 300}), [](auto& x) { return nn::gaussian_noise(x, 0.5); });
  EXPECT_NEAR(moments_of(numbers(noisy)).mean, 2.0, 0.01);
  EXPECT_NEAR(moments_of(numbers(noisy)).variance, 0.25, 0.01);
  const Tensor scaled =
      apply_to(filled(2.0, {300, 300}), [](auto& x) { return nn::gaussian_dropout(x, 0.2); });
  EXPECT_NEAR(moments_of(numbers(scaled)).mean, 2.0, 0.02);
  EXPECT_NEAR(moments_of(numbers(scaled)).variance, 4.0 * 0.25, 0.03);
}

TEST(Noise, RejectsARateThatIsNone) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 3});
  expect_error(ErrorCode::invalid_argument, {"spatial_dropout", "1"}, [&] { nn::spatial_dropout(x, 1.0); });
  expect_error(ErrorCode::invalid_argument, {"alpha_dropout", "-0.5"}, [&] { nn::alpha_dropout(x, -0.5); });
  expect_error(ErrorCode::invalid_argument, {"gaussian_dropout"}, [&] { nn::gaussian_dropout(x, 2.0); });
  expect_error(ErrorCode::shape_mismatch, {"channels"},
               [&] { nn::spatial_dropout(input(graph, "v", f32, {3}), 0.5); });
}

TEST(Embedding, LooksVectorsUpAndTrainsThoseOnly) {
  Graph graph;
  const Value indices = input(graph, "indices", i32, {"batch", 2});
  const nn::Embedding layer = nn::embedding(graph, "words", 3, 2, f64);
  const Value y = layer(indices);
  EXPECT_EQ(to_string(y.type()), "f64[batch, 2, 2]");
  Session session(graph);
  session.set("words/table", Tensor::of({0.0, 1.0, 10.0, 11.0, 20.0, 21.0}, {3, 2}));
  Function function =
      session.compile({.inputs = {indices}, .outputs = {y, gradient(sum(y), layer.table)}, .updates = {}});
  const auto results = function({Tensor::of({std::int32_t{2}, std::int32_t{0}}, {1, 2})});
  EXPECT_TRUE(identical(results[0], Tensor::of({20.0, 21.0, 0.0, 1.0}, {1, 2, 2})));
  EXPECT_TRUE(identical(results[1], Tensor::of({1.0, 1.0, 0.0, 0.0, 1.0, 1.0}, {3, 2})));
  expect_error(ErrorCode::out_of_range, {"3"},
               [&] { function({Tensor::of({std::int32_t{3}, std::int32_t{0}}, {1, 2})}); });
}

TEST(Embedding, TakesIntegers) {
  Graph graph;
  const nn::Embedding layer = nn::embedding(graph, "words", 3, 2);
  const auto line = std::to_string(__LINE__ + 1);
  const auto wrong = [&] { layer(input(graph, "x", f32, {"batch"})); };
  expect_error(ErrorCode::dtype_mismatch,
               {"layers_test.cpp:" + line, "embedding 'words'", "expected i32, i64 or u8, got f32[batch]"},
               wrong);
}

TEST(Merge, CombinesElementwise) {
  Graph graph;
  const std::vector<Value> inputs{constant(graph, Tensor::of({1.0, 5.0})),
                                  constant(graph, Tensor::of({4.0, -2.0})),
                                  constant(graph, Tensor::of({3.0, 3.0}))};
  Session session(graph);
  Function function =
      session.compile({.inputs = {},
                       .outputs = {nn::sum_of(inputs), nn::product_of(inputs), nn::max_of(inputs)},
                       .updates = {}});
  const auto results = function();
  EXPECT_TRUE(identical(results[0], Tensor::of({8.0, 6.0})));
  EXPECT_TRUE(identical(results[1], Tensor::of({12.0, -30.0})));
  EXPECT_TRUE(identical(results[2], Tensor::of({4.0, 5.0})));
  expect_error(ErrorCode::invalid_argument, {"max_of", "nothing"}, [] { nn::max_of({}); });
}

TEST(Maxout, TakesTheLargestOfNeighbours) {
  const Tensor y = apply_to(Tensor::of({1.0, 7.0, 3.0, -5.0, -2.0, -9.0}, {1, 6}),
                            [](auto& x) { return nn::maxout(x, 3); });
  EXPECT_TRUE(identical(y, Tensor::of({7.0, -2.0}, {1, 2})));
  Graph graph;
  expect_error(ErrorCode::shape_mismatch, {"n * 4", "[batch, 6]"},
               [&] { nn::maxout(input(graph, "x", f32, {"batch", 6}), 4); });
}

TEST(ZeroPadding, SurroundsTheLastTwoAxes) {
  const Tensor y = apply_to(Tensor::of({1.0, 2.0}, {1, 1, 1, 2}), [](auto& x) {
    return nn::zero_padding(x, {.top = 1, .bottom = 0, .left = 0, .right = 2});
  });
  EXPECT_TRUE(identical(y, Tensor::of({0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 0.0, 0.0}, {1, 1, 2, 4})));
}

TEST(UpsampleNearest, RepeatsEachElementAsABlock) {
  const Tensor y =
      apply_to(Tensor::of({1.0, 2.0}, {1, 1, 1, 2}), [](auto& x) { return nn::upsample_nearest(x, 2); });
  EXPECT_TRUE(identical(y, Tensor::of({1.0, 1.0, 2.0, 2.0, 1.0, 1.0, 2.0, 2.0}, {1, 1, 2, 4})));
}

TEST(GlobalPooling, LeavesOneNumberForEachChannel) {
  const Tensor x = Tensor::of({1.0, 2.0, 3.0, 6.0, -1.0, -2.0, -3.0, -6.0}, {1, 2, 2, 2});
  EXPECT_TRUE(identical(apply_to(x, nn::global_mean_pool), Tensor::of({3.0, -3.0}, {1, 2})));
  EXPECT_TRUE(identical(apply_to(x, nn::global_max_pool), Tensor::of({6.0, -1.0}, {1, 2})));
}

TEST(ImageLayers, KeepABatchOfUnknownSizeAndTrain) {
  Graph graph;
  const Value x = input(graph, "x", f64, {"batch", 2, 1, 2});
  const Value y =
      nn::zero_padding(nn::upsample_nearest(x, 3), {.top = 2, .bottom = 1, .left = 4, .right = 0});
  EXPECT_EQ(to_string(y.type()), "f64[batch, 2, 6, 10]");
  Session session(graph);
  Function function =
      session.compile({.inputs = {x}, .outputs = {gradient(sum(square(y)), x)}, .updates = {}});
  const Tensor slope = function({Tensor::of({1.0, 2.0, 3.0, 4.0}, {1, 2, 1, 2})})[0];
  EXPECT_TRUE(identical(slope, Tensor::of({18.0, 36.0, 54.0, 72.0}, {1, 2, 1, 2})));  // 2 x, nine times
}

TEST(ImageLayers, RejectWhatIsNoImage) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 3});
  const auto line = std::to_string(__LINE__ + 1);
  const auto wrong = [&] { nn::upsample_nearest(input(graph, "v", f32, {3}), 2); };
  expect_error(ErrorCode::shape_mismatch, {"layers_test.cpp:" + line, "upsample_nearest", "[3]"}, wrong);
  expect_error(ErrorCode::shape_mismatch, {"zero_padding", "[3]"},
               [&] { nn::zero_padding(input(graph, "w", f32, {3}), {}); });
  expect_error(ErrorCode::shape_mismatch, {"global_max_pool"}, [&] { nn::global_max_pool(x); });
  const Value image = input(graph, "image", f32, {"batch", 3, 4, 4});
  expect_error(ErrorCode::invalid_argument, {"-1"}, [&] { nn::zero_padding(image, {.left = -1}); });
  expect_error(ErrorCode::invalid_argument, {"factor"}, [&] { nn::upsample_nearest(image, 0); });
}

TEST(Layers, LeaveNoParameterBehindWhenTheyCannotBeMade) {
  Graph graph;
  const auto fails = [](const nn::InitializerArgs&) -> Value {
    throw Error(ErrorCode::invalid_argument, "no such initial value");
  };
  const auto unchanged = [&](const auto& make) {
    EXPECT_THROW(make(), Error);
    EXPECT_TRUE(graph.states().empty());
    EXPECT_EQ(graph.size(), 0U);
  };
  unchanged([&] { nn::dense(graph, "dense", 3, 4, f32, {.bias_initializer = fails}); });
  unchanged([&] { nn::conv2d(graph, "conv", 1, 2, {3, 3}, f32, {.bias_initializer = fails}); });
  unchanged([&] { nn::batch_norm(graph, "norm", -3); });
  unchanged([&] { schedules::step_counter(graph, "step", boolean); });
  parameter(graph, "norm/shift", Tensor::scalar(1.0F));
  const std::size_t size = graph.size();
  EXPECT_THROW(nn::layer_norm(graph, "norm", 3), Error);
  EXPECT_THROW(nn::batch_norm(graph, "norm", 3), Error);
  EXPECT_EQ(graph.states().size(), 1U);
  EXPECT_EQ(graph.size(), size);
}

}  // namespace
}  // namespace weft
