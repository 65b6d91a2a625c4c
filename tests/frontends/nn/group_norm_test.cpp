// Normalization within samples against plain loops over doubles.

#include "weft/frontends/nn/group_norm.h"

#include <gtest/gtest.h>

#include <cmath>

#include "weft/autodiff/gradients.h"
#include "weft/frontends/verify/derivative_check.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"
#include "weft/tests/frontends/nn/moments.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::expect_error;
using testing_support::moments_of;
using testing_support::numbers;
using testing_support::TensorSource;

constexpr double kGroupEpsilon = 0.01;

/// y of x [batch, channels, pixels] where `groups` neighbouring channels have their moments in common.
std::vector<double> group_normalized(const Tensor& x, std::size_t groups, const std::vector<double>& scale,
                                     const std::vector<double>& shift) {
  const std::vector<double> all = numbers(x);
  const auto channels = static_cast<std::size_t>(x.sizes()[1]);
  const auto pixels = static_cast<std::size_t>(x.sizes()[2]);
  const std::size_t size = channels / groups * pixels;
  std::vector<double> y;
  for (std::size_t start = 0; start < all.size(); start += size) {
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(start);
    const std::vector<double> group(begin, begin + static_cast<std::ptrdiff_t>(size));
    const auto moments = moments_of(group);
    for (std::size_t i = 0; i < size; ++i) {
      const std::size_t channel = (start + i) / pixels % channels;
      y.push_back((group[i] - moments.mean) / std::sqrt(moments.variance + kGroupEpsilon) * scale[channel] +
                  shift[channel]);
    }
  }
  return y;
}

const std::vector<double> kScales{1.0, 2.0, -1.0, 0.5};
const std::vector<double> kShifts{0.0, 0.5, 1.0, -2.0};

/// What a layer "norm" with these scales and shifts makes of x.
template <typename Layer>
std::vector<double> normalized_by(Graph& graph, const Layer& layer, const Tensor& tensor) {
  const Value x = input(graph, "x", f64, {"batch", tensor.sizes()[1], "pixels"});
  const Value y = layer(x);
  EXPECT_EQ(y.type(), x.type());
  Session session(graph);
  session.set("norm/scale", Tensor::of(kScales, {4}));
  session.set("norm/shift", Tensor::of(kShifts, {4}));
  Function function = session.compile({.inputs = {x}, .outputs = {y}, .updates = {}});
  return numbers(function({tensor})[0]);
}

void expect_all_near(const std::vector<double>& actual, const std::vector<double>& wanted, double bound) {
  ASSERT_EQ(actual.size(), wanted.size());
  for (std::size_t i = 0; i < actual.size(); ++i) EXPECT_NEAR(actual[i], wanted[i], bound) << i;
}

TEST(GroupNorm, NormalizesNeighbouringChannelsOfEachSample) {
  TensorSource source("group norm");
  const Tensor x = source.distinct({3, 4, 5});
  for (const std::int64_t groups : {1, 2, 4}) {
    Graph graph;
    const auto layer = nn::group_norm(graph, "norm", groups, 4, f64, {.epsilon = kGroupEpsilon});
    expect_all_near(normalized_by(graph, layer, x),
                    group_normalized(x, static_cast<std::size_t>(groups), kScales, kShifts), 1e-12);
  }
}

TEST(InstanceNorm, NormalizesEachChannelOfEachSample) {
  TensorSource source("instance norm");
  const Tensor x = source.distinct({3, 4, 5});
  Graph graph;
  const auto layer = nn::instance_norm(graph, "norm", 4, f64, {.epsilon = kGroupEpsilon});
  expect_all_near(normalized_by(graph, layer, x), group_normalized(x, 4, kScales, kShifts), 1e-12);
}

TEST(RmsNorm, DividesByTheRootOfTheMeanSquare) {
  Graph graph;
  const Value x = input(graph, "x", f64, {"batch", 3});
  const nn::RmsNorm layer = nn::rms_norm(graph, "norm", 3, f64, {.epsilon = kGroupEpsilon});
  Session session(graph);
  session.set("norm/scale", Tensor::of({1.0, 2.0, -1.0}));
  Function function = session.compile({.inputs = {x}, .outputs = {layer(x)}, .updates = {}});
  const std::vector<double> in{1.0, 4.0, 2.5, -3.0, 0.0, 0.25};
  const auto y = numbers(function({Tensor::of(in, {2, 3})})[0]);
  for (std::size_t i = 0; i < 6; ++i) {
    const std::size_t row = i / 3 * 3;
    const double square = in[row] * in[row] + in[row + 1] * in[row + 1] + in[row + 2] * in[row + 2];
    const double scale[] = {1.0, 2.0, -1.0};
    EXPECT_NEAR(y[i], in[i] / std::sqrt(square / 3.0 + kGroupEpsilon) * scale[i % 3], 1e-12);
  }
}

TEST(RmsNorm, TakesNumbersWhoseSquaresDoNotFit) {
  Graph graph;
  const Value x = input(graph, "x", f32, {1, 4});
  const Value y = nn::rms_norm(graph, "norm", 4)(x);
  const Value weights = constant(graph, Tensor::of({1.0F, -2.0F, 3.0F, 0.5F}, {1, 4}));
  Session session(graph);
  Function function =
      session.compile({.inputs = {x}, .outputs = {y, gradient(sum(y * weights), x) * 1e30}, .updates = {}});
  const Outputs large = function({Tensor::of({1e30F, 3e30F, -2e30F, 2e30F}, {1, 4})});
  const Outputs small = function({Tensor::of({1.0F, 3.0F, -2.0F, 2.0F}, {1, 4})});
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(large[0].values<float>()[i], small[0].values<float>()[i], 1e-5F);
    EXPECT_NEAR(large[1].values<float>()[i], small[1].values<float>()[i] * 1e-30F, 1e-4F);
  }
}

void expect_right_slopes(const verify::GraphFunction& layer, const std::vector<Tensor>& inputs) {
  TensorSource source("normalization within samples");
  EXPECT_LT(verify::gradient_error(layer, inputs, source).error, verify::kGradientBound);
  EXPECT_LT(verify::second_gradient_error(layer, inputs, source).error, verify::kSecondBound);
  EXPECT_LT(verify::forward_error(layer, inputs, source).error, verify::kForwardBound);
}

TEST(NormsWithinSamples, HaveRightGradientsOfAnyOrder) {
  TensorSource source("norms within samples");
  const std::vector inputs{source.distinct({2, 4, 3}), source.uniform({4}), source.uniform({4})};
  expect_right_slopes(
      [](std::span<const Value> x) -> std::vector<Value> {
        return {nn::GroupNorm{.scale = x[1], .shift = x[2], .groups = 2, .epsilon = 0.01}(x[0])};
      },
      inputs);
  expect_right_slopes(
      [](std::span<const Value> x) -> std::vector<Value> {
        return {nn::InstanceNorm{.scale = x[1], .shift = x[2], .epsilon = 0.01}(x[0])};
      },
      inputs);
  expect_right_slopes(
      [](std::span<const Value> x) -> std::vector<Value> {
        return {nn::RmsNorm{.scale = x[1], .epsilon = 0.01}(x[0])};
      },
      {source.distinct({2, 3, 4}), source.uniform({4})});
}

TEST(NormsWithinSamples, TakeTheirSizeFromTheirInput) {
  Graph graph;
  const Value x = input(graph, "x", f64, {"batch", 6, 4, 4});
  const auto group = nn::group_norm(graph, "group", 3);
  const auto instance = nn::instance_norm(graph, "instance");
  const auto rms = nn::rms_norm(graph, "rms");
  EXPECT_EQ(rms(instance(group(x))).type(), x.type());
  EXPECT_EQ(to_string(group->scale.type()), "f64[6]");
  EXPECT_EQ(nn::parameters(group, instance, rms).size(), 5U);
  EXPECT_EQ(to_string(rms->scale.type()), "f64[4]");
}

TEST(NormsWithinSamples, RejectWhatDoesNotFit) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 3, 4, 4});
  const auto line = testing_support::at_line(__LINE__ + 1);
  const auto wrong = [&] { nn::group_norm(graph, "g", 2, 4)(x); };
  expect_error(ErrorCode::shape_mismatch, {line, "group_norm", "[batch, 4, ...]", "[batch, 3, 4, 4]"}, wrong);
  expect_error(ErrorCode::invalid_argument, {"group_norm", "2 groups, 3 channels"},
               [&] { nn::group_norm(graph, "h", 2, 3); });
  expect_error(ErrorCode::shape_mismatch, {"instance_norm", "[batch, 5, size, ...]"},
               [&] { nn::instance_norm(graph, "i", 5)(input(graph, "v", f32, {"batch", 5})); });
  expect_error(ErrorCode::dtype_mismatch, {"instance_norm", "f64"},
               [&] { nn::instance_norm(graph, "j", 3, f64)(x); });
  expect_error(ErrorCode::shape_mismatch, {"rms_norm", "[..., 5]"}, [&] { nn::rms_norm(graph, "r", 5)(x); });
}

}  // namespace
}  // namespace weft
