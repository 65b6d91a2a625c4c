// Containers, layers with random numbers, local normalization, pooling, fillers and pictures changed at
// random.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "weft/autodiff/gradients.h"
#include "weft/frontends/nn.h"
#include "weft/ops/builtin.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::evaluate_value;
using testing_support::expect_error;
using testing_support::numbers;
using Numbers = std::vector<double>;

void expect_made(const Numbers& actual, const Numbers& wanted, double tolerance = 1e-14) {
  ASSERT_EQ(actual.size(), wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(actual[i], wanted[i], tolerance) << i;
}

/// What a run draws for values without inputs.
Numbers made_by(const Value& value, std::uint64_t seed = 1) {
  Session session(value.graph(), {.seed = seed});
  return numbers(session.compile({.outputs = {value}})()[0]);
}

Value pictures_of_numbers(Graph& graph, const Numbers& values, const SizeList& sizes) {
  return constant(graph, Tensor::of(std::span<const double>(values), sizes));
}

Numbers numbers_up_to(std::size_t count) {
  Numbers all(count);
  for (std::size_t i = 0; i < count; ++i) all[i] = static_cast<double>(i);
  return all;
}

TEST(Concat, PutsBranchesSideBySideAndPassesTrainingOn) {
  Graph graph;
  const Value x = constant(graph, Tensor::of({1.0F, -2.0F, 3.0F, 4.0F}, {2, 2}));
  const nn::Concat both{relu, nn::batch_norm(graph, "norm", 2), nn::dense(graph, "a", 2, 3)};
  EXPECT_EQ(both(x).shape(), (Shape{2, 7}));
  const nn::Trained trained = nn::train(both, x);
  EXPECT_EQ(trained.updates.size(), 2U);
  EXPECT_EQ(nn::parameters(both).size(), 4U);
  EXPECT_EQ(nn::buffers(both).size(), 2U);
  const Numbers y = made_by(trained.y);
  EXPECT_NEAR(y[0], 1.0, 1e-6);
  EXPECT_NEAR(y[2], -1.0, 1e-4);  // of the batch's moments
  const nn::Sequential model{both, nn::dense(graph, "b", 7, 1)};
  EXPECT_EQ(model.parameters().size(), 6U);
  expect_error(ErrorCode::invalid_argument, {}, [&] { nn::Concat(std::vector<nn::Layer>{})(x); });
}

TEST(Residual, AddsWhatItTakes) {
  Graph graph;
  const Value x = constant(graph, Tensor::of({1.0, -2.0}, {1, 2}));
  EXPECT_EQ(made_by(nn::Residual(nn::Layer(relu))(x)), (Numbers{2, -2}));
  const nn::Residual trained{nn::Sequential{nn::Dropout{0.5}, relu}};
  EXPECT_EQ(made_by(trained(x)), (Numbers{2, -2}));
  std::set<double> first;
  for (std::uint64_t seed = 1; seed < 20; ++seed) first.insert(made_by(nn::train(trained, x).y, seed)[0]);
  EXPECT_EQ(first, (std::set<double>{1, 3}));
}

TEST(Highway, GoesBetweenItsLayerAndItsInput) {
  Graph graph;
  const Value x = constant(graph, Tensor::of({1.0, -2.0}, {1, 2}));
  const auto half = [](const Value& v) { return v * 0.0; };  // a gate of sigmoid(0)
  const nn::Highway layer{relu, nn::Layer(half)};
  EXPECT_EQ(made_by(layer(x)), (Numbers{1, -1}));
  EXPECT_EQ(made_by(nn::train(layer, x).y), (Numbers{1, -1}));
}

TEST(Mixture, WeighsExperts) {
  Graph graph;
  const Value gates = constant(graph, Tensor::of({0.25, 0.75, 1.0, 0.0}, {2, 2}));
  const Value a = constant(graph, Tensor::of({4.0, 8.0, 1.0, 2.0}, {2, 2}));
  const Value b = constant(graph, Tensor::of({0.0, 4.0, 5.0, 6.0}, {2, 2}));
  EXPECT_EQ(made_by(nn::mixture(gates, std::vector{a, b})), (Numbers{1, 5, 1, 2}));
  expect_error(ErrorCode::shape_mismatch, {"mixture", "[batch, 1]", "more_layers_test.cpp"},
               [&] { nn::mixture(gates, std::vector{a}); });
}

TEST(RandomRelu, DrawsItsSlopes) {
  Graph graph;
  const Value x = broadcast_to(constant(graph, Tensor::of({-1.0, 2.0}, {2, 1})), {2, 4000});
  const nn::RandomRelu layer{.lower = 0.2, .upper = 0.4};
  const Numbers fixed = made_by(layer(x));
  EXPECT_NEAR(fixed[0], -0.3, 1e-12);
  EXPECT_EQ(fixed[4000], 2.0);
  const Numbers drawn = made_by(layer.train(x));
  double total = 0.0;
  for (std::size_t i = 0; i < 4000; ++i) {
    EXPECT_GE(drawn[i], -0.4);
    EXPECT_LE(drawn[i], -0.2);
    EXPECT_EQ(drawn[4000 + i], 2.0);
    total += drawn[i] / 4000.0;
  }
  EXPECT_NEAR(total, -0.3, 0.005);
  expect_error(ErrorCode::invalid_argument, {"random_relu", "more_layers_test.cpp"},
               [&] { nn::RandomRelu{.lower = 1.0, .upper = 0.0}.train(x); });
}

TEST(StochasticDepth, LeavesOutWholeSamples) {
  Graph graph;
  const Value x = broadcast_to(constant(graph, 1.0, f64), {2000, 2});
  const nn::StochasticDepth layer(nn::Layer(relu), 0.25);
  EXPECT_EQ(made_by(layer(x))[0], 1.0);
  const Numbers drawn = made_by(layer.train(x).y);
  double kept = 0.0;
  for (std::size_t row = 0; row < 2000; ++row) {
    EXPECT_EQ(drawn[2 * row], drawn[2 * row + 1]);
    kept += drawn[2 * row] > 0.0 ? 1.0 / 2000.0 : 0.0;
  }
  EXPECT_NEAR(kept, 0.75, 0.03);
  EXPECT_NEAR(*std::ranges::max_element(drawn), 4.0 / 3.0, 1e-12);
  expect_error(ErrorCode::invalid_argument, {"stochastic_depth", "[0, 1)", "more_layers_test.cpp"},
               [&] { nn::StochasticDepth(nn::Layer(relu), 1.0).train(x); });
}

TEST(DropConnect, DropsWeightsAndNotUnits) {
  Graph graph;
  const nn::DropConnect layer{nn::dense(graph, "a", 2, 500, f32, {.weight_initializer = nn::ones()}), 0.5};
  const Value x = constant(graph, Tensor::of({1.0F, 1.0F}, {1, 2}));
  EXPECT_EQ(made_by(layer(x))[0], 2.0);
  const Numbers drawn = made_by(layer.train(x).y);
  EXPECT_EQ(std::set<double>(drawn.begin(), drawn.end()), (std::set<double>{0, 2, 4}));
  EXPECT_EQ(nn::parameters(layer).size(), 2U);
  const Value slope = gradient(sum(layer.train(x).y), layer.layer.weight);
  EXPECT_EQ(slope.shape(), (Shape{2, 500}));
  expect_error(ErrorCode::invalid_argument, {"drop_connect"},
               [&] { nn::DropConnect{layer.layer, 1.5}.train(x); });
}

TEST(LocalNorms, FollowTheirFormulas) {
  Graph graph;
  const Value x = pictures_of_numbers(graph, {1, 2, 3, 4, 3, 0, 1, 0}, {1, 2, 2, 2});
  // A window of 3 has all pixels of a picture of 2 x 2 inside: the mean of all 8 numbers is 1.75.
  const Numbers wanted{-0.75, 0.25, 1.25, 2.25, 1.25, -1.75, -0.75, -1.75};
  expect_made(made_by(nn::subtractive_norm(x, 3)), wanted);
  const double root = std::sqrt((1.0 + 4 + 9 + 16 + 9 + 0 + 1 + 0) / 8.0);
  const Numbers divided = made_by(nn::divisive_norm(x, 3));
  EXPECT_NEAR(divided[3], 4.0 / root, 1e-12);
  EXPECT_NEAR(made_by(nn::divisive_norm(x, 3, 100.0))[3], 0.04, 1e-12);
  double square_sum = 0.0;
  for (const double w : wanted) square_sum += w * w / 8.0;
  EXPECT_NEAR(made_by(nn::contrastive_norm(x, 3))[0], -0.75 / std::sqrt(square_sum), 1e-12);
  const Numbers within = made_by(nn::local_response_norm_within(x, {.window = 3, .alpha = 0.9, .beta = 0.5}));
  EXPECT_NEAR(within[1], 2.0 / std::sqrt(1.0 + 0.1 * 30.0), 1e-12);
  EXPECT_NEAR(within[4], 3.0 / std::sqrt(1.0 + 0.1 * 10.0), 1e-12);
  const Value zeros = pictures_of_numbers(graph, Numbers(8, 0.0), {1, 2, 2, 2});
  const Numbers slopes = made_by(gradient(sum(nn::divisive_norm(zeros, 3, 0.5)), zeros));
  EXPECT_EQ(slopes[0], 2.0);
  expect_error(ErrorCode::invalid_argument, {"subtractive_norm", "odd", "4", "more_layers_test.cpp"},
               [&] { nn::subtractive_norm(x, 4); });
}

TEST(LocalNorms, CountOnlyWhatIsInside) {
  Graph graph;
  const Value x = pictures_of_numbers(graph, numbers_up_to(9), {1, 1, 3, 3});
  const Numbers y = made_by(nn::subtractive_norm(x, 3));
  EXPECT_NEAR(y[0], 0.0 - (0 + 1 + 3 + 4) / 4.0, 1e-12);
  EXPECT_NEAR(y[1], 1.0 - (0 + 1 + 2 + 3 + 4 + 5) / 6.0, 1e-12);
  EXPECT_NEAR(y[4], 0.0, 1e-12);
}

TEST(SpatialPyramidPool, HasOneSizeForAllPictures) {
  Graph graph;
  const Value x = pictures_of_numbers(graph, numbers_up_to(16), {1, 1, 4, 4});
  EXPECT_EQ(made_by(nn::spatial_pyramid_pool(x, {1, 2})), (Numbers{15, 5, 7, 13, 15}));
  EXPECT_EQ(nn::spatial_pyramid_pool(pictures_of_numbers(graph, Numbers(210, 0.0), {2, 3, 7, 5})).shape(),
            (Shape{2, 3 * 21}));
}

TEST(StochasticPool, DrawsByHowLargeElementsAre) {
  Graph graph;
  const Value one = pictures_of_numbers(graph, {1, 3, 0, 0, 0, 0, 0, 0}, {1, 1, 2, 4});
  const nn::StochasticPool2d layer;
  EXPECT_EQ(made_by(layer(one)), (Numbers{2.5, 0}));
  const Value many = broadcast_to(one, {2000, 1, 2, 4});
  const Numbers drawn = made_by(layer.train(many));
  double of_three = 0.0;
  for (std::size_t i = 0; i < 2000; ++i) {
    EXPECT_TRUE(drawn[2 * i] == 1.0 || drawn[2 * i] == 3.0);
    EXPECT_EQ(drawn[2 * i + 1], 0.0);
    of_three += drawn[2 * i] == 3.0 ? 1.0 / 2000.0 : 0.0;
  }
  EXPECT_NEAR(of_three, 0.75, 0.03);
  expect_error(ErrorCode::shape_mismatch, {"stochastic_pool2d", "more_layers_test.cpp"},
               [&] { layer(constant(graph, Tensor::of({1.0}))); });
}

TEST(FractionalMaxPool, HasTheAskedForSize) {
  Graph graph;
  const Value x = pictures_of_numbers(graph, numbers_up_to(49), {1, 1, 7, 7});
  const Value y = nn::fractional_max_pool2d(x, 2, {4, 5});
  EXPECT_EQ(y.shape(), (Shape{1, 1, 4, 5}));
  std::set<Numbers> seen;
  for (std::uint64_t seed = 1; seed < 30; ++seed) {
    const Numbers drawn = made_by(y, seed);
    seen.insert(drawn);
    EXPECT_EQ(drawn.back(), 48.0);  // the last window ends where the picture does
    EXPECT_EQ(drawn[0], 8.0);       // the first one begins where it does
    EXPECT_TRUE(std::ranges::is_sorted(drawn.begin(), drawn.begin() + 5));
  }
  EXPECT_GT(seen.size(), 1U);
  expect_error(ErrorCode::invalid_argument, {"fractional_max_pool2d", "1 to 6", "more_layers_test.cpp"},
               [&] { nn::fractional_max_pool2d(x, 2, 7); });
}

TEST(Fillers, FillFilters) {
  Graph graph;
  const auto filled = [&](const nn::Initializer& filler, const Shape& shape) {
    return made_by(filler({.graph = graph, .dtype = f64, .shape = shape, .where = {}}));
  };
  const Numbers ball = filled(nn::positive_unit_ball(), {3, 2});
  EXPECT_NEAR(ball[0] + ball[2] + ball[4], 1.0, 1e-12);
  const Numbers filters = filled(nn::positive_unit_ball(), {2, 3, 2, 2});
  EXPECT_NEAR(std::accumulate(filters.begin(), filters.begin() + 12, 0.0), 1.0, 1e-12);
  EXPECT_EQ(filled(nn::bilinear_filter(), {1, 1, 3, 3}),
            (Numbers{0.25, 0.5, 0.25, 0.5, 1, 0.5, 0.25, 0.5, 0.25}));
  expect_error(ErrorCode::shape_mismatch, {"bilinear_filter", "[1, 1, 3, 2]"},
               [&] { filled(nn::bilinear_filter(), {1, 1, 3, 2}); });
  // Of stride 2, kernel 4 and padding 1, it enlarges a plane of equal numbers to equal numbers, but at the
  // border.
  const Value plane = pictures_of_numbers(graph, Numbers(9, 1.0), {1, 1, 3, 3});
  nn::ConvTransposeLayerOptions<2> options{.bias = false, .weight_initializer = nn::bilinear_filter()};
  options.sliding.stride = 2;
  options.sliding.padding = 1;
  const nn::ConvTransposeLayer<2> up = nn::conv_transpose2d(graph, "up", 1, 1, 4, f64, options);
  const Numbers large = made_by(up(plane));
  ASSERT_EQ(large.size(), 36U);
  EXPECT_NEAR(large[14], 1.0, 1e-12);
}

TEST(RandomFlip, TurnsSomeSamples) {
  Graph graph;
  const Value x = broadcast_to(pictures_of_numbers(graph, {1, 2, 3, 4}, {1, 1, 2, 2}), {400, 1, 2, 2});
  const Numbers drawn = made_by(nn::random_flip(x, 0.25));
  int turned = 0;
  for (std::size_t i = 0; i < 400; ++i) {
    const Numbers one(drawn.begin() + static_cast<std::ptrdiff_t>(4 * i),
                      drawn.begin() + static_cast<std::ptrdiff_t>(4 * i + 4));
    EXPECT_TRUE(one == (Numbers{1, 2, 3, 4}) || one == (Numbers{2, 1, 4, 3}));
    turned += one[0] == 2.0 ? 1 : 0;
  }
  EXPECT_NEAR(turned, 100, 35);
  EXPECT_EQ(made_by(nn::random_flip(x, 1.0, -2))[0], 3.0);
  expect_error(ErrorCode::invalid_argument, {"random_flip", "2", "more_layers_test.cpp"},
               [&] { nn::random_flip(x, 2.0); });
}

TEST(RandomCrop, TakesPartsFromAnywhere) {
  Graph graph;
  const Value x = broadcast_to(pictures_of_numbers(graph, numbers_up_to(12), {1, 1, 3, 4}), {300, 2, 3, 4});
  const Value y = nn::random_crop(x, 2, 3);
  EXPECT_EQ(y.shape(), (Shape{300, 2, 2, 3}));
  const Numbers drawn = made_by(y);
  std::set<double> firsts;
  for (std::size_t i = 0; i < 300; ++i) {
    const double first = drawn[12 * i];
    firsts.insert(first);
    EXPECT_EQ(drawn[12 * i + 4], first + 5.0);  // the next row and column
    EXPECT_EQ(drawn[12 * i + 6], first);        // the other channel has the same place
  }
  EXPECT_EQ(firsts, (std::set<double>{0, 1, 4, 5}));
  expect_error(ErrorCode::invalid_argument, {"random_crop", "1 to 3", "4"},
               [&] { nn::random_crop(x, 4, 3); });
}

TEST(RandomAffine, TurnsAndMovesPictures) {
  Graph graph;
  const Value x = pictures_of_numbers(graph, numbers_up_to(25), {1, 1, 5, 5});
  expect_made(made_by(nn::random_affine(x, {})), numbers_up_to(25), 1e-9);
  EXPECT_NE(made_by(nn::random_affine(x, {.degrees = 20.0})), numbers_up_to(25));
  EXPECT_NEAR(made_by(nn::random_affine(x, {.degrees = 20.0}))[12], 12.0, 1e-9);  // the middle stays
  EXPECT_NEAR(made_by(nn::random_affine(x, {.zoom = 0.3}))[12], 12.0, 1e-9);
  EXPECT_NEAR(made_by(nn::random_affine(x, {.shear = 0.3}))[12], 12.0, 1e-9);
  EXPECT_GT(std::abs(made_by(nn::random_affine(x, {.shift = 0.4}))[12] - 12.0), 1e-3);
  EXPECT_NE(made_by(nn::random_affine(x, {.shift = 0.4}), 1),
            made_by(nn::random_affine(x, {.shift = 0.4}), 2));
  expect_error(ErrorCode::invalid_argument, {"random_affine", "zoom in [0, 1)"},
               [&] { nn::random_affine(x, {.zoom = 1.0}); });
}

TEST(Colours, AreChanged) {
  Graph graph;
  const Value x = pictures_of_numbers(graph, {1, 0, 0, 1, 0, 0}, {1, 3, 1, 2});  // red and green
  expect_made(made_by(nn::grayscale(x)), {0.299, 0.587}, 1e-12);
  expect_made(made_by(nn::adjust_saturation(x, 0.0)), {0.299, 0.587, 0.299, 0.587, 0.299, 0.587}, 1e-12);
  expect_made(made_by(nn::adjust_saturation(x, 1.0)), {1, 0, 0, 1, 0, 0}, 1e-12);
  expect_made(made_by(nn::adjust_contrast(x, 2.0)), {1.5, -0.5, -0.5, 1.5, 0, 0}, 1e-12);
  const Numbers bright = made_by(nn::random_brightness(x, 0.2));
  EXPECT_NE(bright[0], 1.0);
  EXPECT_NEAR(bright[0] - 1.0, bright[1], 1e-12);
  EXPECT_LE(std::abs(bright[1]), 0.2);
  const Numbers strong = made_by(nn::random_contrast(x, 0.5));
  EXPECT_NEAR(strong[0] + strong[1] + strong[2] + strong[3] + strong[4] + strong[5], 2.0, 1e-12);
  EXPECT_NE(strong[0], 1.0);
  expect_error(ErrorCode::shape_mismatch, {"grayscale", "3, height", "more_layers_test.cpp"},
               [&] { nn::grayscale(pictures_of_numbers(graph, {1, 2}, {1, 2, 1, 1})); });
}

}  // namespace
}  // namespace weft
