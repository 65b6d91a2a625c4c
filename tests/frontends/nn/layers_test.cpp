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
#include "weft/tests/support/gradient_check.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::expect_error;
using testing_support::moments_of;
using testing_support::numbers;
using testing_support::SampleMoments;

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
  const SampleMoments moments = moments_of(numbers(result));
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

TEST(Noise, HasTheSameBitsForAnyNumberOfThreads) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"rows", 16});
  const std::vector<Value> drawn{
      random_gamma(exp(x)),           random_poisson(exp(x)),
      random_categorical(x),          random_bernoulli(0.1 * x),
      nn::gaussian_dropout(x, 0.3),   random_exponential(graph, f32, {500, 3}),
      random_permutation(graph, 700), random_truncated_normal(graph, f32, {999}, 0.0, 1.0, -1.0, 3.0)};
  testing_support::TensorSource source("draws");
  const Tensor fed = source.uniform({400, 16}, -1.0, 4.0, f32);
  Session one(graph, {.seed = 7});
  Session three(graph, {.threads = 3, .exact_threads = true, .seed = 7});
  const FunctionSpec spec{.inputs = {x}, .outputs = drawn, .updates = {}};
  const Outputs serial = one.compile(spec)({fed});
  const Outputs parallel = three.compile(spec)({fed});
  for (std::size_t i = 0; i < drawn.size(); ++i) EXPECT_TRUE(identical(serial[i], parallel[i])) << i;
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

Tensor i32_of(std::initializer_list<std::int32_t> values, std::initializer_list<std::int64_t> sizes) {
  return Tensor::of(std::vector<std::int32_t>(values), sizes);
}

constexpr std::array kBagModes{nn::BagMode::sum, nn::BagMode::mean, nn::BagMode::max};

TEST(EmbeddingBag, JoinsTheRowsOfEachBag) {
  for (std::size_t mode = 0; mode < 3; ++mode) {
    Graph graph;
    const Value indices = input(graph, "indices", i32, {"bags", 2});
    const Value flat = input(graph, "flat", i32, {"n"});
    const Value offsets = input(graph, "offsets", i32, {"some"});
    const nn::EmbeddingBag layer = nn::embedding_bag(graph, "words", 3, 2, kBagModes[mode], f64);
    Session session(graph);
    session.set("words/table", Tensor::of({0.0, -1.0, 10.0, 1.0, 20.0, -21.0}, {3, 2}));
    Function function = session.compile({.inputs = {indices, flat, offsets},
                                         .outputs = {layer(indices), layer(flat, offsets)},
                                         .updates = {}});
    // The bags {2, 0} and {1, 1}, and then {2, 0}, none, {1}.
    const Outputs results =
        function({i32_of({2, 0, 1, 1}, {2, 2}), i32_of({2, 0, 1}, {3}), i32_of({0, 2, 2}, {3})});
    const double first[][2] = {{20.0, -22.0}, {10.0, -11.0}, {20.0, -1.0}};
    const double second[][2] = {{20.0, 2.0}, {10.0, 1.0}, {10.0, 1.0}};
    EXPECT_EQ(numbers(results[0]),
              (std::vector{first[mode][0], first[mode][1], second[mode][0], second[mode][1]}));
    EXPECT_EQ(numbers(results[1]), (std::vector{first[mode][0], first[mode][1], 0.0, 0.0, 10.0, 1.0}));
  }
}

TEST(EmbeddingBag, OfEmptyBagsIsZero) {
  for (const nn::BagMode mode : kBagModes) {
    Graph graph;
    const Value indices = input(graph, "indices", i32, {"bags", "n"});
    const Value y = nn::embedding_bag(graph, "words", 3, 2, mode)(indices);
    Session session(graph);
    Function function = session.compile({.inputs = {indices}, .outputs = {y}, .updates = {}});
    EXPECT_EQ(numbers(function({Tensor::zeros(i32, {1, 0})})[0]), (std::vector{0.0, 0.0}));
  }
}

TEST(EmbeddingBag, HasRightGradients) {
  testing_support::TensorSource source("bags");
  const Tensor table = source.distinct({4, 3});
  for (const nn::BagMode mode : kBagModes) {
    const auto equal_sizes = [&](std::span<const Value> x) {
      return nn::EmbeddingBag{.table = x[0],
                              .mode = mode}(constant(x[0].graph(), i32_of({2, 0, 1, 1, 3, 2}, {2, 3})));
    };
    EXPECT_TRUE(testing_support::gradients_match(equal_sizes, {{table}}));
    const auto any_sizes = [&](std::span<const Value> x) {
      return nn::EmbeddingBag{.table = x[0], .mode = mode}(
          constant(x[0].graph(), i32_of({2, 0, 1, 3, 2}, {5})),
          constant(x[0].graph(), i32_of({0, 3, 3}, {3})));
    };
    EXPECT_TRUE(testing_support::gradients_match(any_sizes, {{table}}));
  }
}

TEST(EmbeddingBag, WeighsSums) {
  const auto bag = [](std::span<const Value> x) {
    return nn::EmbeddingBag{.table = x[0], .mode = nn::BagMode::sum}.weighted(
        constant(x[0].graph(), i32_of({2, 0, 1, 1}, {2, 2})), x[1]);
  };
  const Tensor table = Tensor::of({0.0, 1.0, 10.0, 11.0, 20.0, 21.0}, {3, 2});
  const Tensor weights = Tensor::of({0.5, 2.0, -1.0, 3.0}, {2, 2});
  Graph graph;
  const Value y = bag(std::vector{constant(graph, table), constant(graph, weights)});
  EXPECT_EQ(numbers(testing_support::evaluate_value(y)), (std::vector{10.0, 12.5, 20.0, 22.0}));
  EXPECT_TRUE(testing_support::gradients_match(bag, {{table, weights}}));
}

TEST(EmbeddingBag, RejectsWhatDoesNotFit) {
  Graph graph;
  const auto layer = nn::embedding_bag(graph, "words", 3, 2);
  const Value flat = input(graph, "flat", i32, {"n"});
  const auto line = testing_support::at_line(__LINE__ + 1);
  const auto wrong = [&] { layer(flat); };
  expect_error(ErrorCode::shape_mismatch, {line, "embedding_bag", "[bags, n]", "i32[n]"}, wrong);
  const Value bags = input(graph, "bags", i32, {"bags", 2});
  expect_error(ErrorCode::invalid_argument, {"mode sum", "mean"},
               [&] { layer.weighted(bags, input(graph, "w", f32, {"bags", 2})); });
  const auto sums = nn::embedding_bag(graph, "sums", 3, 2, nn::BagMode::sum);
  expect_error(ErrorCode::shape_mismatch, {"[bags, 2] of weights", "f32[bags, 3]"},
               [&] { sums.weighted(bags, input(graph, "v", f32, {"bags", 3})); });
  const Value offsets = input(graph, "offsets", i32, {"some"});
  Session session(graph);
  Function function =
      session.compile({.inputs = {flat, offsets}, .outputs = {layer(flat, offsets)}, .updates = {}});
  expect_error(ErrorCode::out_of_range, {"-1"}, [&] { function({i32_of({2, 0}, {2}), i32_of({1}, {1})}); });
}

TEST(Bilinear, MultipliesAMatrixFromBothSides) {
  testing_support::TensorSource source("bilinear");
  const std::vector inputs{source.uniform({5, 2}), source.uniform({5, 3}), source.uniform({4, 2, 3}),
                           source.uniform({4})};
  const auto layer = [](std::span<const Value> x) {
    return nn::Bilinear{.weight = x[2], .bias = x[3]}(x[0], x[1]);
  };
  Graph graph;
  std::vector<Value> values;
  for (const Tensor& tensor : inputs) values.push_back(constant(graph, tensor));
  const auto y = numbers(testing_support::evaluate_value(layer(values)));
  ASSERT_EQ(y.size(), 20U);
  for (std::size_t row = 0; row < 5; ++row) {
    for (std::size_t unit = 0; unit < 4; ++unit) {
      double wanted = inputs[3].values<double>()[unit];
      for (std::size_t i = 0; i < 2; ++i) {
        for (std::size_t j = 0; j < 3; ++j) {
          wanted += inputs[0].values<double>()[2 * row + i] * inputs[1].values<double>()[3 * row + j] *
                    inputs[2].values<double>()[6 * unit + 3 * i + j];
        }
      }
      EXPECT_NEAR(y[4 * row + unit], wanted, 1e-14);
    }
  }
  EXPECT_TRUE(testing_support::gradients_match(layer, inputs));
}

TEST(Bilinear, TakesAnyLeadingAxesAndRejectsOtherSizes) {
  Graph graph;
  const auto layer = nn::bilinear(graph, "b", 2, 3, 4);
  EXPECT_EQ(nn::parameters(layer).size(), 2U);
  const Value a = input(graph, "a", f32, {"batch", "length", 2});
  const Value b = input(graph, "b", f32, {"batch", "length", 3});
  EXPECT_EQ(to_string(layer(a, b).type()), "f32[batch, length, 4]");
  const auto line = testing_support::at_line(__LINE__ + 1);
  const auto wrong = [&] { layer(a, a); };
  expect_error(ErrorCode::shape_mismatch, {line, "bilinear", "[..., 3]", "f32[batch, length, 2]"}, wrong);
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
