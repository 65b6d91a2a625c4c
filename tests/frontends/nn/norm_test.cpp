// Normalization against plain loops over doubles.

#include "weft/frontends/nn/norm.h"

#include <gtest/gtest.h>

#include <cmath>

#include "weft/autodiff/gradients.h"
#include "weft/frontends/verify/derivative_check.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"
#include "weft/tests/frontends/nn/moments.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::expect_error;
using testing_support::moments_of;
using testing_support::SampleMoments;

/// x[sample][channel][pixel] of [2, 3, 2].
const Tensor kImages = Tensor::of({1.0, 2.0, -1.0, 0.5, 4.0, 3.0, 0.0, -2.0, 2.0, 1.5, 4.0, 7.0}, {2, 3, 2});

std::vector<double> channel(const Tensor& images, std::size_t c) {
  const auto x = images.values<double>();
  return {x[2 * c], x[2 * c + 1], x[6 + 2 * c], x[6 + 2 * c + 1]};
}

TEST(LayerNorm, NormalizesTheLastAxisOfEachSample) {
  Graph graph;
  const Value x = input(graph, "x", f64, {"batch", 3});
  const nn::LayerNorm layer = nn::layer_norm(graph, "norm", 3, f64, {.epsilon = 0.01});
  Session session(graph);
  session.set("norm/scale", Tensor::of({1.0, 2.0, -1.0}));
  session.set("norm/shift", Tensor::of({0.0, 0.5, 1.0}));
  Function function = session.compile({.inputs = {x}, .outputs = {layer(x)}, .updates = {}});
  const Tensor y = function({Tensor::of({1.0, 4.0, 2.5, -3.0, 0.0, 0.25}, {2, 3})})[0];
  const double scale[] = {1.0, 2.0, -1.0};
  const double shift[] = {0.0, 0.5, 1.0};
  const std::vector<std::vector<double>> rows{{1.0, 4.0, 2.5}, {-3.0, 0.0, 0.25}};
  for (std::size_t i = 0; i < 2; ++i) {
    const SampleMoments moments = moments_of(rows[i]);
    for (std::size_t j = 0; j < 3; ++j) {
      const double wanted =
          (rows[i][j] - moments.mean) / std::sqrt(moments.variance + 0.01) * scale[j] + shift[j];
      EXPECT_NEAR(y.values<double>()[3 * i + j], wanted, 1e-12);
    }
  }
}

struct Normalized {
  Graph graph;
  Value x = input(graph, "x", f64, {"batch", 3, 2});
  nn::BatchNorm layer = nn::batch_norm(graph, "norm", 3, f64, {.axis = 1, .momentum = 0.25, .epsilon = 0.01});
  nn::Trained trained = layer.train(x);
  Session session{graph};
  Function train = session.compile({.inputs = {x}, .outputs = {trained.y}, .updates = trained.updates});
};

TEST(BatchNorm, TrainsOnTheMomentsOfTheBatch) {
  Normalized norm;
  norm.session.set("norm/scale", Tensor::of({1.0, 2.0, -1.0}));
  norm.session.set("norm/shift", Tensor::of({0.0, 0.5, 1.0}));
  const std::vector<double> y0 = channel(norm.train({kImages})[0], 1);
  const std::vector<double> x = channel(kImages, 1);
  const SampleMoments moments = moments_of(x);
  for (std::size_t i = 0; i < x.size(); ++i) {
    EXPECT_NEAR(y0[i], (x[i] - moments.mean) / std::sqrt(moments.variance + 0.01) * 2.0 + 0.5, 1e-12);
  }
}

TEST(BatchNorm, KeepsRunningMomentsAndPredictsWithThem) {
  Normalized norm;
  Function predict =
      norm.session.compile({.inputs = {norm.x}, .outputs = {norm.layer(norm.x)}, .updates = {}});
  std::vector<double> mean(3, 0.0);
  std::vector<double> variance(3, 1.0);
  for (int run = 0; run < 3; ++run) {
    norm.train({kImages});
    for (std::size_t c = 0; c < 3; ++c) {
      const SampleMoments moments = moments_of(channel(kImages, c));
      mean[c] = 0.75 * mean[c] + 0.25 * moments.mean;
      variance[c] = 0.75 * variance[c] + 0.25 * moments.variance * 4.0 / 3.0;  // unbiased, of 4 numbers
    }
  }
  const Tensor y = predict({kImages})[0];
  for (std::size_t c = 0; c < 3; ++c) {
    EXPECT_NEAR(norm.session.value("norm/running_mean").values<double>()[c], mean[c], 1e-12);
    EXPECT_NEAR(norm.session.value("norm/running_variance").values<double>()[c], variance[c], 1e-12);
    for (std::size_t i = 0; i < 4; ++i) {
      const double wanted = (channel(kImages, c)[i] - mean[c]) / std::sqrt(variance[c] + 0.01);
      EXPECT_NEAR(channel(y, c)[i], wanted, 1e-12);
    }
  }
}

TEST(BatchNorm, LearnsNothingFromAnEmptyBatch) {
  Normalized norm;
  norm.train({Tensor::zeros(f64, {0, 3, 2})});
  for (std::size_t c = 0; c < 3; ++c) {
    EXPECT_EQ(norm.session.value("norm/running_mean").values<double>()[c], 0.0);
    EXPECT_EQ(norm.session.value("norm/running_variance").values<double>()[c], 1.0);
  }
  norm.train({kImages});
  EXPECT_NEAR(norm.session.value("norm/running_mean").values<double>()[0],
              0.25 * moments_of(channel(kImages, 0)).mean, 1e-12);
}

TEST(BatchNorm, ServesDenseLayersToo) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 2});
  const nn::BatchNorm layer = nn::batch_norm(graph, "norm", 2);
  const auto trained = layer.train(x);
  Session session(graph);
  Function train = session.compile({.inputs = {x}, .outputs = {trained.y}, .updates = trained.updates});
  const Tensor y = train({Tensor::of({1.0F, 5.0F, 3.0F, 5.0F}, {2, 2})})[0];
  EXPECT_NEAR(y.values<float>()[0], -1.0F, 1e-4F);
  EXPECT_NEAR(y.values<float>()[2], 1.0F, 1e-4F);
  EXPECT_EQ(y.values<float>()[1], 0.0F);  // a channel without variance
  const Tensor single = train({Tensor::of({4.0F, 4.0F}, {1, 2})})[0];
  EXPECT_EQ(single.values<float>()[0], 0.0F);
  EXPECT_TRUE(std::isfinite(session.value("norm/running_variance").values<float>()[0]));
}

TEST(BatchNorm, HasTheSlopeOfItsFormula) {
  Normalized norm;
  const Value weights = constant(norm.graph, Tensor::of({0.3, -1.0, 2.0, 0.5, 1.5, -0.7}, {3, 2}));
  const Value loss = sum(square(norm.trained.y * weights));
  Function function =
      norm.session.compile({.inputs = {norm.x}, .outputs = {loss, gradient(loss, norm.x)}, .updates = {}});
  const Tensor slope = function({kImages})[1].clone();
  constexpr double kStep = 1e-6;
  for (std::size_t i = 0; i < 12; ++i) {
    Tensor moved = kImages.clone();
    moved.mutable_values<double>()[i] += kStep;
    const double up = function({moved})[0].item<double>();
    moved.mutable_values<double>()[i] -= 2.0 * kStep;
    const double down = function({moved})[0].item<double>();
    EXPECT_NEAR(slope.values<double>()[i], (up - down) / (2.0 * kStep), 1e-6) << i;
  }
}

/// Checks first and second gradients of a layer with respect to x, its scale and its shift, and forward mode.
void expect_right_gradients(const verify::GraphFunction& layer, const std::vector<Tensor>& inputs) {
  testing_support::TensorSource source("normalization");
  EXPECT_LT(verify::gradient_error(layer, inputs, source).error, verify::kGradientBound);
  EXPECT_LT(verify::second_gradient_error(layer, inputs, source).error, verify::kSecondBound);
  EXPECT_LT(verify::forward_error(layer, inputs, source).error, verify::kForwardBound);
}

TEST(LayerNorm, HasRightGradientsOfAnyOrder) {
  testing_support::TensorSource source("layer norm");
  expect_right_gradients(
      [](std::span<const Value> x) -> std::vector<Value> {
        return {nn::LayerNorm{.scale = x[1], .shift = x[2], .epsilon = 0.01}(x[0])};
      },
      {source.distinct({2, 3, 5}), source.uniform({5}), source.uniform({5})});
}

TEST(BatchNorm, HasRightGradientsOfAnyOrder) {
  testing_support::TensorSource source("batch norm");
  for (const std::int64_t axis : {1, -1}) {
    expect_right_gradients(
        [axis](std::span<const Value> x) -> std::vector<Value> {
          Graph& graph = x[0].graph();
          const auto running = [&](const char* name) {
            return parameter(graph, name, Tensor::zeros(f64, {3}));
          };
          const nn::BatchNorm layer{.scale = x[1],
                                    .shift = x[2],
                                    .running_mean = running("mean"),
                                    .running_variance = running("variance"),
                                    .options = {.axis = axis, .epsilon = 0.01}};
          return {layer.train(x[0]).y};
        },
        {source.distinct(axis == 1 ? verify::Sizes{4, 3, 2} : verify::Sizes{4, 2, 3}), source.uniform({3}),
         source.uniform({3})});
  }
}

TEST(BatchNorm, TakesNumbersWhoseSquaresDoNotFit) {
  Graph graph;
  const Value x = input(graph, "x", f32, {4, 1});
  const nn::BatchNorm layer = nn::batch_norm(graph, "norm", 1);
  const Value y = layer.train(x).y;
  const Value loss = sum(y * constant(graph, Tensor::of({1.0F, -2.0F, 3.0F, 0.5F}, {4, 1})));
  Session session(graph);
  Function function =
      session.compile({.inputs = {x}, .outputs = {y, gradient(loss, x) * 1e30}, .updates = {}});
  const Outputs large = function({Tensor::of({1e30F, 3e30F, -2e30F, 2e30F}, {4, 1})});
  const Outputs small = function({Tensor::of({1.0F, 3.0F, -2.0F, 2.0F}, {4, 1})});
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(large[0].values<float>()[i], small[0].values<float>()[i], 1e-5F);
    EXPECT_NEAR(large[1].values<float>()[i], small[1].values<float>()[i] * 1e-30F, 1e-4F);
  }
}

TEST(BatchNorm, PredictsItsShiftWhereTheVarianceDoesNotFit) {
  Graph graph;
  const Value x = input(graph, "x", f32, {4, 1});
  const nn::BatchNorm layer = nn::batch_norm(graph, "norm", 1, f32, {.momentum = 1.0});
  const auto trained = layer.train(x);
  Session session(graph);
  const Tensor large = Tensor::of({1e25F, 3e25F, -2e25F, 2e25F}, {4, 1});
  session.compile({.inputs = {x}, .outputs = {trained.y}, .updates = trained.updates})({large});
  EXPECT_TRUE(std::isinf(session.value("norm/running_variance").values<float>()[0]));
  const auto predict = session.compile({.inputs = {x}, .outputs = {layer(x)}})({large});
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(predict[0].values<float>()[i], 0.0F);
}

TEST(BatchNorm, RejectsAnotherNumberOfChannels) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 3, 4, 4});
  const nn::BatchNorm last = nn::batch_norm(graph, "norm", 3);
  const auto line = std::to_string(__LINE__ + 1);
  const auto wrong = [&] { last.train(x); };
  expect_error(ErrorCode::shape_mismatch, {"norm_test.cpp:" + line, "3 along axis 3", "[batch, 3, 4, 4]"},
               wrong);
}

}  // namespace
}  // namespace weft
