#include <gtest/gtest.h>

#include "weft/autodiff/gradients.h"
#include "weft/frontends/nn.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::expect_error;

/// What a function of x gives with these parameters.
Tensor with_parameters(const Value& x, const Value& y, const std::map<std::string, Tensor>& parameters,
                       const Tensor& fed) {
  Session session(x.graph());
  for (const auto& [name, tensor] : parameters) session.set(name, tensor);
  return session.compile({.inputs = {x}, .outputs = {y}, .updates = {}})({fed})[0].clone();
}

TEST(Conv1dLayer, AppliesWeightAndBias) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 1, 3});
  const nn::Conv1dLayer layer = nn::conv1d(graph, "layer", 1, 2, 2);
  EXPECT_EQ(layer.weight.shape(), (Shape{2, 1, 2}));
  const Tensor y = with_parameters(x, layer(x),
                                   {{"layer/weight", Tensor::of({1.0F, 10.0F, -1.0F, 1.0F}, {2, 1, 2})},
                                    {"layer/bias", Tensor::of({0.5F, 100.0F})}},
                                   Tensor::of({1.0F, 2.0F, 4.0F}, {1, 1, 3}));
  EXPECT_TRUE(identical(y, Tensor::of({21.5F, 42.5F, 101.0F, 102.0F}, {1, 2, 2})));
}

TEST(Conv3dLayer, LearnsItsChannelsFromWhatItIsAppliedTo) {
  Graph graph;
  const Value x = input(graph, "x", f64, {"batch", 3, 4, 6, 6});
  const auto layer = nn::conv3d(graph, "layer", 5, {2, 3, 3});
  EXPECT_EQ(layer(x).shape(), (Shape{"batch", 5, 3, 4, 4}));
  EXPECT_EQ(nn::parameters(layer)[0].shape(), (Shape{5, 3, 2, 3, 3}));
  expect_error(ErrorCode::shape_mismatch,
               {"conv3d", "[batch, 3, depth, height, width]", "[batch, 4, 4, 6, 6]"},
               [&] { layer(input(graph, "y", f64, {"batch", 4, 4, 6, 6})); });
  const auto fresh = nn::conv3d(graph, "fresh", 5, 2);
  expect_error(ErrorCode::shape_mismatch, {"volumes", "[batch, channels, depth, height, width]"},
               [&] { fresh(input(graph, "z", f64, {"batch", 4, 6, 6})); });
}

TEST(ConvLayer, KeepsTheSizeWithTheSamePadding) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 2, 7, 8});
  const auto same = [&](const char* name, const Size2d& kernel, const Size2d& stride) {
    return nn::conv2d(graph, name, 2, 3, kernel, f32, {.sliding = {.stride = stride}, .same = true})(x)
        .shape();
  };
  EXPECT_EQ(same("a", {3, 2}, 1), (Shape{"batch", 3, 7, 8}));
  EXPECT_EQ(same("b", 5, 2), (Shape{"batch", 3, 4, 4}));
  const Value any = input(graph, "any", f32, {"batch", 2, "h", "w"});
  const auto strided = nn::conv2d(graph, "c", 2, 3, 3, f32, {.sliding = {.stride = 2}, .same = true});
  expect_error(ErrorCode::shape_mismatch, {"conv2d", "conv_axes_test.cpp", "padding along the height"},
               [&] { strided(any); });
}

TEST(ConvTransposeLayer, SpreadsWithABias) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 2, 2});
  const auto layer = nn::conv_transpose1d(graph, "up", 2, 1, 3, f32, {.sliding = {{.stride = 2}, 1}});
  EXPECT_EQ(layer.weight.shape(), (Shape{2, 1, 3}));
  EXPECT_EQ(layer.parameters().size(), 2U);
  const Tensor weight = Tensor::of({1.0F, 10.0F, 100.0F, 0.0F, 0.0F, 1000.0F}, {2, 1, 3});
  const Tensor y = with_parameters(x, layer(x), {{"up/weight", weight}, {"up/bias", Tensor::of({0.5F})}},
                                   Tensor::of({1.0F, 2.0F, 3.0F, 4.0F}, {1, 2, 2}));
  EXPECT_TRUE(identical(y, Tensor::of({1.5F, 10.5F, 3102.5F, 20.5F, 4200.5F, 0.5F}, {1, 1, 6})));
  const auto volume = nn::conv_transpose3d(graph, "volume", 4, 6, 2, f64, {.sliding = {{.groups = 2}}});
  EXPECT_EQ(volume(input(graph, "v", f64, {1, 4, 2, 2, 2})).shape(), (Shape{1, 6, 3, 3, 3}));
  const auto picture = nn::conv_transpose2d(graph, "picture", 4, 6, {2, 3});
  EXPECT_EQ(picture(input(graph, "p", f32, {"n", 4, "h", 5})).shape(), (Shape{"n", 6, Dim("h") + 1, 7}));
  expect_error(ErrorCode::shape_mismatch, {"conv_transpose2d", "[batch, 4, height, width]"},
               [&] { picture(input(graph, "q", f32, {"n", 3, 5, 5})); });
  expect_error(ErrorCode::invalid_argument, {"conv_transpose1d 'bad'", "divisors of 3 and 4"},
               [&] { nn::conv_transpose1d(graph, "bad", 3, 4, 2, f32, {.sliding = {{.groups = 2}}}); });
}

TEST(SeparableConv2d, JoinsADepthwiseAndAPointwiseConvolution) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 2, 1, 2});
  const auto layer = nn::separable_conv2d(graph, "layer", 2, 1, {1, 2});
  ASSERT_EQ(nn::parameters(layer).size(), 3U);
  const Tensor y =
      with_parameters(x, layer(x),
                      {{"layer/depthwise/weight", Tensor::of({1.0F, 10.0F, 2.0F, 3.0F}, {2, 1, 1, 2})},
                       {"layer/pointwise/weight", Tensor::of({1.0F, 1000.0F}, {1, 2, 1, 1})},
                       {"layer/pointwise/bias", Tensor::of({0.5F})}},
                      Tensor::of({1.0F, 2.0F, 3.0F, 4.0F}, {1, 2, 1, 2}));
  EXPECT_TRUE(identical(y, Tensor::of({18021.5F}, {1, 1, 1, 1})));
  const auto twice = nn::separable_conv2d(graph, "twice", 3, 8, 3, 2, f32, {.same = true});
  EXPECT_EQ(twice.depthwise.weight.shape(), (Shape{6, 1, 3, 3}));
  EXPECT_EQ(twice(input(graph, "p", f32, {"n", 3, 5, 6})).shape(), (Shape{"n", 8, 5, 6}));
}

TEST(Upsample, ResizesByAFactor) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 1, "h", 3});
  const nn::Sequential layers{nn::Upsample{{2, 3}, {.mode = ResizeMode::nearest}}};
  EXPECT_EQ(layers(x).shape(), (Shape{"batch", 1, Dim("h") * 2, 9}));
  expect_error(ErrorCode::invalid_argument, {"upsample", "factors >= 1", "0x1"},
               [&] { nn::Upsample{{0, 1}}(x); });
}

}  // namespace
}  // namespace weft
