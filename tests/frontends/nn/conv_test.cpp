#include <gtest/gtest.h>

#include <cmath>

#include "weft/autodiff/gradients.h"
#include "weft/frontends/nn/conv.h"
#include "weft/frontends/optim/optim.h"
#include "weft/ops/activation.h"
#include "weft/ops/layout.h"
#include "weft/ops/loss.h"
#include "weft/ops/matmul.h"
#include "weft/ops/pool.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::expect_error;
using testing_support::Sizes;
using testing_support::TensorSource;

Tensor run(Graph& graph, const Value& input, const Value& output, const Tensor& x) {
  Session session(graph);
  return session.compile({.inputs = {input}, .outputs = {output}, .updates = {}})({x})[0].clone();
}

TEST(Conv2dLayer, AppliesWeightAndBias) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 1, 1, 3});
  const nn::Conv2dLayer layer = nn::conv2d(graph, "layer", 1, 2, {1, 2});
  Session session(graph);
  session.set("layer/weight", Tensor::of({1.0F, 10.0F, -1.0F, 1.0F}, {2, 1, 1, 2}));
  session.set("layer/bias", Tensor::of({0.5F, 100.0F}));
  Function function = session.compile({.inputs = {x}, .outputs = {layer(x)}, .updates = {}});
  const Tensor y = function({Tensor::of({1.0F, 2.0F, 4.0F, 0.0F, 0.0F, 1.0F}, {2, 1, 1, 3})})[0].clone();
  EXPECT_TRUE(
      identical(y, Tensor::of({21.5F, 42.5F, 101.0F, 102.0F, 0.5F, 10.5F, 100.0F, 101.0F}, {2, 2, 1, 2})));
}

TEST(Conv2dLayer, ShapesItsParameters) {
  Graph graph;
  const nn::Conv2dLayer layer = nn::conv2d(graph, "a", 6, 4, {3, 5}, f64, {.sliding = {.groups = 2}});
  EXPECT_EQ(layer.weight.type(), (TensorType{f64, {4, 3, 3, 5}}));
  EXPECT_EQ(layer.bias.type(), (TensorType{f64, {4}}));
  EXPECT_EQ(layer.parameters().size(), 2U);
  const nn::Conv2dLayer bare = nn::conv2d(graph, "b", 6, 4, 3, f32, {.bias = false});
  EXPECT_EQ(bare.parameters(), (std::vector<Value>{bare.weight}));
  EXPECT_EQ(bare(input(graph, "x", f32, {"n", 6, 5, 5})).shape(), (Shape{"n", 4, 3, 3}));
}

TEST(Conv2dLayer, TellsInitializersItsFans) {
  Graph graph;
  std::int64_t fan_in = 0;
  std::int64_t fan_out = 0;
  const nn::Initializer spy = [&](const nn::InitializerArgs& args) {
    fan_in = args.fan_in;
    fan_out = args.fan_out;
    return nn::zeros()(args);
  };
  nn::conv2d(graph, "layer", 6, 4, {3, 5}, f32, {.sliding = {.groups = 2}, .weight_initializer = spy});
  EXPECT_EQ(fan_in, 45);
  EXPECT_EQ(fan_out, 30);
}

TEST(Conv2dLayer, RefusesGroupsThatDoNotDivide) {
  Graph graph;
  expect_error(ErrorCode::invalid_argument, {"conv_test.cpp", "divisors of 6 and 4", "3"},
               [&] { nn::conv2d(graph, "layer", 6, 4, 3, f32, {.sliding = {.groups = 3}}); });
}

TEST(LocalResponseNorm, DividesByThePowerOfItsNeighbours) {
  Graph graph;
  const Sizes sizes{2, 7, 2, 3};
  const Value x = input(graph, "x", f32, {"batch", 7, 2, 3});
  const nn::LocalResponseNormOptions options{.size = 5, .alpha = 0.3, .beta = 0.75, .k = 2.0};
  TensorSource source("lrn");
  const Tensor in = source.uniform(sizes, -3.0, 3.0, f32);
  const Tensor out = run(graph, x, nn::local_response_norm(x, options), in);
  const auto at = [&](const Tensor& tensor, std::int64_t n, std::int64_t c, std::int64_t i) {
    return static_cast<double>(tensor.values<float>()[static_cast<std::size_t>((n * 7 + c) * 6 + i)]);
  };
  for (std::int64_t n = 0; n < 2; ++n) {
    for (std::int64_t c = 0; c < 7; ++c) {
      for (std::int64_t i = 0; i < 6; ++i) {
        double squares = 0.0;
        for (std::int64_t d = std::max<std::int64_t>(c - 2, 0); d <= std::min<std::int64_t>(c + 2, 6); ++d) {
          squares += at(in, n, d, i) * at(in, n, d, i);
        }
        const double expected = at(in, n, c, i) / std::pow(2.0 + 0.3 / 5.0 * squares, 0.75);
        EXPECT_NEAR(at(out, n, c, i), expected, 1e-5);
      }
    }
  }
}

TEST(LocalResponseNorm, HoldsForNumbersWhoseSquaresDoNotFit) {
  for (const auto& [alpha, k] :
       std::vector<std::pair<double, double>>{{1e-4, 1.0}, {1.0, 2.0}, {1e-4, 0.0}}) {
    for (const double size : {1e-20, 1e-3, 1.0, 1e10, 1e20, 1e30, 1e35}) {
      if (k == 0.0 && std::abs(std::log10(size)) > 16) continue;
      Graph graph;
      const Value x = input(graph, "x", f32, {1, 3, 1, 1});
      const Value y = nn::local_response_norm(x, {.size = 3, .alpha = alpha, .k = k});
      const auto large = static_cast<float>(size);
      const Tensor in = Tensor::of(std::span<const float>(std::array{large, 2 * large, -large}),
                                   std::vector<std::int64_t>{1, 3, 1, 1});
      Session session(graph);
      const auto out = session.compile({.inputs = {x}, .outputs = {y, gradient(sum(y), x)}})({in});
      const auto of_last = [&](double last) {
        const auto first = static_cast<double>(2 * large);
        return last / std::pow(k + alpha / 3 * (first * first + last * last), 0.75);
      };
      EXPECT_NEAR(static_cast<double>(out[0].values<float>()[2]) / of_last(-static_cast<double>(large)), 1.0,
                  1e-5)
          << "size " << size << ", k " << k;
      EXPECT_TRUE(std::isfinite(out[1].values<float>()[2])) << "size " << size << ", k " << k;
    }
  }
}

TEST(LocalResponseNorm, ExplainsWhatItRefuses) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 7, 2, 3});
  expect_error(ErrorCode::invalid_argument, {"conv_test.cpp", "odd", "4"},
               [&] { nn::local_response_norm(x, {.size = 4}); });
  expect_error(ErrorCode::invalid_argument, {"conv_test.cpp", "alpha >= 0 and k >= 0", "k=-1"},
               [&] { nn::local_response_norm(x, {.k = -1.0}); });
  expect_error(ErrorCode::shape_mismatch, {"conv_test.cpp", "[batch, channels, height, width]", "[7, 2]"},
               [&] { nn::local_response_norm(input(graph, "flat", f32, {7, 2})); });
}

/// A small network that learns whether a bar stands or lies.
TEST(ConvNet, LearnsTheDirectionOfABar) {
  constexpr std::int64_t kPictures = 64;
  TensorSource source("bars");
  Tensor pictures = Tensor::zeros(f32, Sizes{kPictures, 1, 8, 8});
  Tensor labels = Tensor::zeros(u8, Sizes{kPictures});
  for (std::int64_t n = 0; n < kPictures; ++n) {
    const bool stands = source.coin();
    const std::int64_t at = source.below(8);
    labels.mutable_values<std::uint8_t>()[n] = stands ? 1 : 0;
    for (std::int64_t i = 0; i < 8; ++i) {
      pictures
          .mutable_values<float>()[static_cast<std::size_t>(n * 64 + (stands ? i * 8 + at : at * 8 + i))] =
          1.0F;
    }
  }
  std::vector<float> losses[2];
  for (const int threads : {1, 2}) {
    Graph graph;
    const Value x = input(graph, "x", f32, {"batch", 1, 8, 8});
    const Value y = input(graph, "y", u8, {"batch"});
    const nn::Conv2dLayer layer = nn::conv2d(graph, "conv", 1, 4, 3, f32, {.sliding = {.padding = 1}});
    const Value features = mean(max_pool2d(relu(layer(x)), {.window = 2}), {2, 3});
    const Value w =
        parameter(graph, "w", Tensor::of({1.0F, -1.0F, -1.0F, 1.0F, 0.5F, 0.0F, 0.0F, 0.5F}, {4, 2}));
    const Value loss = mean(softmax_cross_entropy(matmul(features, w), y));
    const std::vector<Value> weights{layer.weight, layer.bias, w};
    Session session(graph, {.threads = threads, .exact_threads = true, .seed = 5});
    Function step = session.compile({.inputs = {x, y},
                                     .outputs = {loss},
                                     .updates = optim::adam(weights, gradients(loss, weights), 0.03)});
    for (int i = 0; i < 120; ++i) losses[threads - 1].push_back(step({pictures, labels})[0].item<float>());
    EXPECT_GT(losses[threads - 1].front(), 0.3F);
    EXPECT_LT(losses[threads - 1].back(), 0.05F);
  }
  EXPECT_NEAR(losses[0].front(), losses[1].front(), 1e-5F);
}

}  // namespace
}  // namespace weft
