#include "weft/ops/conv.h"

#include <gtest/gtest.h>

#include "weft/ops/elementwise.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::evaluate_value;
using testing_support::expect_error;
using testing_support::numbers;
using testing_support::replay;
using testing_support::Sizes;
using testing_support::TensorSource;
using Numbers = std::vector<double>;

Tensor counting(const Sizes& sizes) {
  Tensor tensor = Tensor::zeros(f64, sizes);
  double next = 1.0;
  for (double& x : tensor.mutable_values<double>()) x = next++;
  return tensor;
}

TEST(Conv2d, SlidesItsKernelUnflipped) {
  for (const DType dtype : {f32, f64}) {
    Graph graph;
    const Value x = cast(constant(graph, counting({1, 1, 3, 3})), dtype);
    const Value w = cast(constant(graph, Tensor::of<double>({1, 2, 3, 4}, {1, 1, 2, 2})), dtype);
    const Value y = conv2d(x, w);
    EXPECT_EQ(y.type(), (TensorType{dtype, {1, 1, 2, 2}}));
    EXPECT_EQ(numbers(evaluate_value(y)), (Numbers{37, 47, 67, 77}));
  }
}

TEST(Conv2d, PadsWithZeros) {
  Graph graph;
  const Value x = constant(graph, counting({1, 1, 2, 2}));
  const Value ones = constant(graph, Tensor::of<double>({1, 1, 1, 1}, {1, 1, 2, 2}));
  EXPECT_EQ(numbers(evaluate_value(conv2d(x, ones, {.padding = 1}))), (Numbers{1, 3, 2, 4, 10, 6, 3, 7, 4}));
  EXPECT_EQ(numbers(evaluate_value(conv2d(x, ones, {.padding = {1, 0, 0, 1}}))), (Numbers{3, 2, 10, 6}));
}

TEST(Conv2d, StridesAndDilates) {
  Graph graph;
  const Value x = constant(graph, counting({1, 1, 3, 5}));
  const Value pair = constant(graph, Tensor::of<double>({1, 10}, {1, 1, 1, 2}));
  EXPECT_EQ(numbers(evaluate_value(conv2d(x, pair, {.stride = 2}))), (Numbers{21, 43, 131, 153}))
      << "rows 0 and 2, columns 0 and 2";
  EXPECT_EQ(numbers(evaluate_value(conv2d(x, pair, {.stride = {3, 1}, .dilation = {1, 3}}))),
            (Numbers{41, 52}));
}

TEST(Conv2d, SumsOverChannels) {
  Graph graph;
  const Value x = constant(graph, Tensor::of<double>({1, 2, 10, 20, 3, 4, 30, 40}, {2, 2, 1, 2}));
  const Value w = constant(graph, Tensor::of<double>({1, 1, 2, -1, 0, 3}, {3, 2, 1, 1}));
  EXPECT_EQ(numbers(evaluate_value(conv2d(x, w))),
            (Numbers{11, 22, -8, -16, 30, 60, 33, 44, -24, -32, 90, 120}));
}

TEST(Conv2d, KeepsGroupsApart) {
  Graph graph;
  const Value x = constant(graph, Tensor::of<double>({1, 2, 3, 4}, {1, 4, 1, 1}));
  const Value w = constant(graph, Tensor::of<double>({1, 10, 1, 10}, {2, 2, 1, 1}));
  EXPECT_EQ(numbers(evaluate_value(conv2d(x, w, {.groups = 2}))), (Numbers{21, 43}));
  const Value depthwise = constant(graph, Tensor::of<double>({1, 2, 3, 4}, {4, 1, 1, 1}));
  EXPECT_EQ(numbers(evaluate_value(conv2d(x, depthwise, {.groups = 4}))), (Numbers{1, 4, 9, 16}));
}

TEST(Conv2d, InfersItsShape) {
  const auto shape = [](const Shape& x, const Shape& w, const Conv2dOptions& options) {
    return Conv2d{options}.infer({f32, x}, {f32, w}).shape;
  };
  EXPECT_EQ(shape({"batch", 1, 28, 28}, {20, 1, 5, 5}, {}), (Shape{"batch", 20, 24, 24}));
  EXPECT_EQ(shape({7, 3, 227, 227}, {96, 3, 11, 11}, {.stride = 4}), (Shape{7, 96, 55, 55}));
  EXPECT_EQ(shape({"n", 96, 27, 27}, {256, 48, 5, 5}, {.padding = 2, .groups = 2}),
            (Shape{"n", 256, 27, 27}));
  EXPECT_EQ(shape({1, 1, 9, 6}, {1, 1, 3, 2}, {.stride = 2, .padding = {1, 0, 0, 3}, .dilation = {2, 4}}),
            (Shape{1, 1, 3, 3}));
  EXPECT_EQ(shape({0, 2, 3, 3}, {0, 2, 3, 3}, {}), (Shape{0, 0, 1, 1}));
}

TEST(Conv2d, CompanionsAreItsAdjoints) {
  TensorSource source("conv adjoints");
  for (int round = 0; round < 20; ++round) {
    SCOPED_TRACE(testing::Message() << "round " << round << "; " << replay());
    const Conv2dOptions options{
        .stride = {1 + source.below(2), 1 + source.below(3)},
        .padding = {source.below(2), source.below(3), source.below(2), source.below(3)},
        .dilation = {1 + source.below(2), 1 + source.below(2)},
        .groups = 1 + source.below(2)};
    const Sizes kernel = source.sizes(2, 2);
    Graph graph;
    const Value x = constant(graph, source.uniform({2, 2 * options.groups, 4, 5}));
    const Value w = constant(graph, source.uniform({3 * options.groups, 2, kernel[0], kernel[1]}));
    const Value y = conv2d(x, w, options);
    const Value dy = constant(graph, source.uniform(y.shape().sizes()));
    const double product = evaluate_value(sum(y * dy)).item<double>();
    const Value dx = conv2d_input_gradient(dy, w, x.shape(), options);
    const Value dw = conv2d_weight_gradient(x, dy, w.shape(), options);
    EXPECT_NEAR(evaluate_value(sum(x * dx)).item<double>(), product, 1e-9);
    EXPECT_NEAR(evaluate_value(sum(w * dw)).item<double>(), product, 1e-9);
  }
}

TEST(Conv2d, CompanionsKeepASymbolicBatch) {
  Graph graph;
  const Value x = input(graph, "x", f64, {"batch", 1, 3, 3});
  const Value w = input(graph, "w", f64, {2, 1, 2, 2});
  const Value dy = input(graph, "dy", f64, {"batch", 2, 2, 2});
  EXPECT_EQ(conv2d_input_gradient(dy, w, x.shape()).shape(), x.shape());
  EXPECT_EQ(conv2d_weight_gradient(x, dy, w.shape()).shape(), w.shape());
  const Tensor dx =
      evaluate_value(conv2d_input_gradient(dy, w, x.shape()),
                     {{"dy", counting({3, 2, 2, 2})}, {"w", counting({2, 1, 2, 2})}}, {{"batch", 3}});
  EXPECT_EQ(dx.sizes()[0], 3);
}

TEST(Conv2d, TakesPicturesOfAnySize) {
  Graph graph;
  const Value x = input(graph, "x", f64, {"n", 1, "h", "w"});
  const Value w = constant(graph, Tensor::of<double>({1, 1, 1, 1}, {1, 1, 2, 2}));
  const Value y = conv2d(x, w, {.stride = 2, .padding = {1, 0}});
  EXPECT_EQ(to_string(y.shape()), "[n, 1, h//2 + 1, w//2]");
  const Tensor ones = Tensor::of<double>({1, 1, 1, 1, 1, 1}, {1, 1, 3, 2});
  EXPECT_EQ(numbers(evaluate_value(y, {{"x", ones}}, {{"n", 1}, {"h", 3}, {"w", 2}})),
            (std::vector<double>{2, 4}));
  expect_error(
      ErrorCode::shape_mismatch,
      {"conv2d", "conv_test.cpp", "does not fit into the width", "f64[n, 1, h, w]", "h = 3, n = 1, w = 1"},
      [&] { extract(graph, {{y}}, {{"n", 1}, {"h", 3}, {"w", 1}}); });
}

TEST(Conv2d, ExplainsShapesThatDoNotFit) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 4, 6, 5});
  int inputs = 0;
  const auto filters = [&](const Shape& shape) {
    return input(graph, "w" + std::to_string(++inputs), f32, shape);
  };
  const auto refuse = [&](std::initializer_list<std::string_view> parts, const auto& action) {
    expect_error(ErrorCode::shape_mismatch, parts, action);
  };
  refuse({"conv2d", "channels differ", "weights of 4", "3"}, [&] { conv2d(x, filters({2, 3, 1, 1})); });
  refuse({"conv2d", "weights of 2", "4"}, [&] { conv2d(x, filters({2, 4, 1, 1}), {.groups = 2}); });
  refuse({"multiples of 3", "4 channels and 2 filters"},
         [&] { conv2d(x, filters({2, 1, 1, 1}), {.groups = 3}); });
  refuse({"does not fit into the height", "at least 7", "0 + 6 + 0"},
         [&] { conv2d(x, filters({2, 4, 4, 1}), {.dilation = 2}); });
  refuse({"does not fit into the width", "at least 7", "0 + 5 + 1"},
         [&] { conv2d(x, filters({2, 4, 1, 7}), {.padding = {0, 0, 0, 1}}); });
  refuse({"[batch, channels, height, width]", "[8, 4, 6]"},
         [&] { conv2d(input(graph, "flat", f32, {8, 4, 6}), filters({1, 4, 2, 2})); });
  refuse({"the channels are a number", "[batch, c, 4, 5]"},
         [&] { conv2d(input(graph, "deep", f32, {"batch", "c", 4, 5}), filters({1, 4, 2, 1})); });
  refuse({"all of them numbers", "[out, 4, 1, 1]"}, [&] { conv2d(x, filters({"out", 4, 1, 1})); });
  const Value dy = input(graph, "dy", f32, {"batch", 2, 6, 4});
  refuse({"conv2d_input_gradient", "f32[batch, 2, 6, 5]", "f32[batch, 2, 6, 4]"}, [&] {
    conv2d_input_gradient(dy,
                          filters({
                              2,
                              4,
                              1,
                              1,
                          }),
                          x.shape());
  });
  refuse({"conv2d_weight_gradient", "f32[batch, 2, 5, 4]", "f32[batch, 2, 6, 4]"},
         [&] { conv2d_weight_gradient(x, dy, {2, 4, 2, 2}); });
}

TEST(Conv2d, ExplainsOptionsAndDTypesThatNoRuleAllows) {
  Graph graph;
  const Value x = input(graph, "x", f32, {1, 2, 4, 4});
  const Value w = input(graph, "w", f32, {2, 2, 2, 2});
  const auto refuse = [&](std::initializer_list<std::string_view> parts, const Conv2dOptions& options) {
    expect_error(ErrorCode::invalid_argument, parts, [&] { conv2d(x, w, options); });
  };
  refuse({"stride along the height", "1 to 2147483647", "0"}, {.stride = {0, 1}});
  refuse({"stride along the width", "2147483648"}, {.stride = {1, std::int64_t{1} << 31}});
  refuse({"dilation along the width", "-1"}, {.dilation = {1, -1}});
  refuse({"padding along the height", "-2"}, {.padding = {0, -2, 0, 0}});
  refuse({"groups >= 1", "0"}, {.groups = 0});
  expect_error(ErrorCode::dtype_mismatch, {"f32 and f64"},
               [&] { conv2d(x, input(graph, "v", f64, {2, 2, 2, 2})); });
  expect_error(ErrorCode::dtype_mismatch, {"i32 and i32"},
               [&] { conv2d(input(graph, "i", i32, {1, 1, 2, 2}), input(graph, "j", i32, {1, 1, 1, 1})); });
}

TEST(Conv2d, PrintsItsOptions) {
  EXPECT_EQ(to_string(Op(Conv2d{{.stride = {2, 1}, .padding = {0, 1, 2, 3}, .groups = 4}})),
            "conv2d(stride=2x1, padding=0,1,2,3, dilation=1x1, groups=4)");
  EXPECT_NE(Op(Conv2d{{.stride = {2, 1}}}), Op(Conv2d{{.stride = {1, 2}}}));
}

}  // namespace
}  // namespace weft
