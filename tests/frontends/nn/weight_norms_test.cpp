#include "weft/frontends/nn/weight_norms.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "weft/autodiff/gradients.h"
#include "weft/frontends/nn/sequential.h"
#include "weft/frontends/optim/optim.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/linalg.h"
#include "weft/ops/norm.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::expect_error;
using testing_support::numbers;
using testing_support::TensorSource;

double largest_singular_value(const Tensor& matrix) {
  Graph graph;
  const auto values = numbers(testing_support::evaluate_value(svd(constant(graph, matrix)).values));
  return values[0];
}

struct SpectralJob {
  Graph graph;
  Value x = input(graph, "x", f64, {4, 5});
  nn::SpectralNorm<nn::Dense> layer = nn::spectral_norm(nn::dense(graph, "critic", 5, 3, f64));
  Tensor fed = TensorSource("spectral").uniform({4, 5}, -1.0, 1.0, f64);
};

TEST(SpectralNorm, DividesTheWeightByItsLargestSingularValue) {
  SpectralJob job;
  const nn::Trained trained = job.layer.train(job.x);
  Session session(job.graph);
  Function step = session.compile({.inputs = {job.x}, .outputs = {trained.y}, .updates = trained.updates});
  Function predict = session.compile({.inputs = {job.x}, .outputs = {job.layer(job.x)}, .updates = {}});
  Function plain = session.compile({.inputs = {job.x}, .outputs = {job.layer.layer(job.x)}, .updates = {}});
  for (int i = 0; i < 30; ++i) step({job.fed});
  const double sigma = largest_singular_value(session.value("critic/weight"));
  const auto wanted = numbers(plain({job.fed})[0]);
  const auto actual = numbers(predict({job.fed})[0]);
  for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(actual[i], wanted[i] / sigma, 1e-6);
}

TEST(SpectralNorm, MovesItsVectorInTrainingAlone) {
  SpectralJob job;
  const nn::Trained trained = nn::train(nn::Layer(job.layer), job.x);
  ASSERT_EQ(trained.updates.size(), 1U);
  EXPECT_EQ(nn::buffers(job.layer), std::vector{job.layer.u});
  EXPECT_EQ(nn::parameters(job.layer).size(), 2U);
  EXPECT_EQ(nn::Layer(job.layer).name(), "critic");
  Session session(job.graph);
  session.set("critic/spectral_u", Tensor::of<double>({1, 0, 0}));
  Function predict = session.compile({.inputs = {job.x}, .outputs = {job.layer(job.x)}, .updates = {}});
  predict({job.fed});
  EXPECT_EQ(numbers(session.value("critic/spectral_u")), (std::vector<double>{1, 0, 0}));
  Function step = session.compile({.inputs = {job.x}, .outputs = {trained.y}, .updates = trained.updates});
  step({job.fed});
  EXPECT_NE(numbers(session.value("critic/spectral_u")), (std::vector<double>{1, 0, 0}));
}

/// With u and v at the singular vectors, d(W / sigma) = dW / sigma - W <u v^T, dW> / sigma^2: no part of the
/// gradient lengthens the weight.
TEST(SpectralNorm, HasAGradientThatDoesNotScaleTheWeight) {
  SpectralJob job;
  const nn::Trained trained = job.layer.train(job.x);
  const Value slope = gradient(sum(square(trained.y)), job.layer.layer.weight);
  const Value along = sum(slope * job.layer.layer.weight);
  Session session(job.graph);
  Function run =
      session.compile({.inputs = {job.x}, .outputs = {along, norm(slope)}, .updates = trained.updates});
  for (int i = 0; i < 30; ++i) run({job.fed});
  const auto found = run({job.fed});
  EXPECT_NEAR(numbers(found[0])[0], 0.0, 1e-9);
  EXPECT_GT(numbers(found[1])[0], 1e-3);
}

/// Away from the singular vectors the gradient is still that with u and v as constants:
/// C / sigma - <C, W> / sigma^2 v u^T for the gradient C of the normalized weight, which is [others, units]
/// here.
TEST(SpectralNorm, TakesItsVectorsForConstants) {
  Graph graph;
  const Value weight = parameter(graph, "weight", TensorSource("weight").uniform({2, 2}, 0.5, 1.5, f64));
  const Value u = parameter(graph, "u", Tensor::of<double>({1, 0}));
  const Tensor c = TensorSource("c").uniform({2, 2}, -1.0, 1.0, f64);
  const nn::detail::SpectralWeight now = nn::detail::spectral_weight(weight, u, 1, 1, 1e-12);
  const Value slope = gradient(sum(now.weight * constant(graph, c)), weight);
  Session session(graph);
  const auto found = numbers(session.compile({.outputs = {slope}})()[0]);
  const auto w = numbers(session.value(weight));
  const auto cs = numbers(c);
  // From u = (1, 0): v is the first column of W, and u is W^T v, both of length 1.
  const double v_length = std::hypot(w[0], w[2]);
  const std::array v{w[0] / v_length, w[2] / v_length};
  const std::array product{w[0] * v[0] + w[2] * v[1], w[1] * v[0] + w[3] * v[1]};
  const double sigma = std::hypot(product[0], product[1]);
  double inner = 0.0;
  for (std::size_t i = 0; i < 4; ++i) inner += cs[i] * w[i];
  for (std::size_t i = 0; i < 4; ++i) {
    const double outer = v[i / 2] * product[i % 2] / sigma;
    EXPECT_NEAR(found[i], cs[i] / sigma - inner / (sigma * sigma) * outer, 1e-12);
  }
}

TEST(SpectralNorm, TakesConvolutions) {
  Graph graph;
  const auto layer = nn::spectral_norm(nn::conv2d(graph, "conv", 2, 4, {3, 3}, f64), {.iterations = 3});
  EXPECT_EQ(layer.u.shape(), Shape{4});
  const auto back = nn::spectral_norm(nn::conv_transpose2d(graph, "back", 2, 4, {3, 3}, f64));
  EXPECT_EQ(back.u.shape(), Shape{4});
  const Value x = input(graph, "x", f64, {1, 2, 5, 5});
  EXPECT_EQ(layer(x).shape(), (Shape{1, 4, 3, 3}));
  EXPECT_EQ(back.train(x).y.shape(), (Shape{1, 4, 7, 7}));
}

TEST(SpectralNorm, RefusesWhatItCannotNormalize) {
  Graph graph;
  const nn::Dense layer = nn::dense(graph, "layer", 2, 3);
  expect_error(ErrorCode::invalid_argument, {"spectral_norm", "at least one step"},
               [&] { nn::spectral_norm(layer, {.iterations = 0}); });
  expect_error(ErrorCode::invalid_argument, {"spectral_norm", "axis"},
               [&] { nn::spectral_norm(layer, {.axis = 2}); });
  nn::Dense computed = layer;
  computed.weight = layer.weight * 2.0;
  expect_error(ErrorCode::invalid_argument, {"weight_norm", "a parameter"},
               [&] { nn::weight_norm(computed); });
}

TEST(WeightNorm, StartsAsTheLayerAndKeepsLengthsInItsGain) {
  Graph graph;
  const auto layer = nn::weight_norm(nn::dense(graph, "layer", 5, 3, f64));
  EXPECT_EQ(layer.gain.shape(), Shape{3});
  EXPECT_EQ(nn::parameters(layer).size(), 3U);
  const Value x = input(graph, "x", f64, {4, 5});
  Session session(graph);
  Function both = session.compile({.inputs = {x}, .outputs = {layer(x), layer.layer(x)}, .updates = {}});
  const Tensor fed = TensorSource("weight_norm").uniform({4, 5}, -1.0, 1.0, f64);
  auto found = both({fed});
  for (std::size_t i = 0; i < 12; ++i) EXPECT_NEAR(numbers(found[0])[i], numbers(found[1])[i], 1e-14);
  // Twice the weight is the same direction; twice the gain is twice the product.
  const auto before = numbers(found[0]);
  Tensor weight = session.value("layer/weight");
  for (double& w : weight.mutable_values<double>()) w *= 2.0;
  session.set("layer/weight", weight);
  found = both({fed});
  for (std::size_t i = 0; i < 12; ++i) EXPECT_NEAR(numbers(found[0])[i], before[i], 1e-14);
  Tensor gain = session.value("layer/gain");
  for (double& g : gain.mutable_values<double>()) g *= 2.0;
  session.set("layer/gain", gain);
  found = both({fed});
  for (std::size_t i = 0; i < 12; ++i) EXPECT_NEAR(numbers(found[0])[i], 2.0 * before[i], 1e-13);
}

}  // namespace
}  // namespace weft
