#include "weft/ops/pool.h"

#include <gtest/gtest.h>

#include <cmath>

#include "weft/ops/source.h"
#include "weft/tests/ops/special_numbers.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::evaluate_value;
using testing_support::evaluate_values;
using testing_support::expect_error;
using testing_support::kInf;
using testing_support::kNaN;
using testing_support::numbers;
using Numbers = std::vector<double>;

struct Pooled {
  Numbers largest;
  Numbers index;
};

Pooled max_pooled(const Tensor& x, const Pool2dOptions& options) {
  Graph graph;
  const auto outputs = evaluate_values(apply_all(MaxPool2d{options}, {constant(graph, x)}));
  return {.largest = numbers(outputs[0]), .index = numbers(outputs[1])};
}

TEST(MaxPool2d, TakesTheLargestOfEachWindow) {
  const Tensor x = Tensor::of<double>({1, 5, 2, 0, 3, 4, 9, 7, -1, -2, -3, -4, -8, -7, -6, -5}, {1, 2, 2, 4});
  const Pooled pooled = max_pooled(x, {.window = 2});
  EXPECT_EQ(pooled.largest, (Numbers{5, 9, -1, -3}));
  EXPECT_EQ(pooled.index, (Numbers{1, 6, 0, 2}));
}

TEST(MaxPool2d, CountsItsIndicesWithinThePlane) {
  const Tensor x = Tensor::of<double>({1, 5, 2, 3, 4, 9, -1, -2, -3, -8, -7, -6}, {2, 1, 2, 3});
  const Pooled overlapping = max_pooled(x, {.window = 2, .stride = 1});
  EXPECT_EQ(overlapping.largest, (Numbers{5, 9, -1, -2}));
  EXPECT_EQ(overlapping.index, (Numbers{1, 5, 0, 1}));
  const Pooled whole = max_pooled(x, {.window = {2, 3}});
  EXPECT_EQ(whole.largest, (Numbers{9, -1}));
  EXPECT_EQ(whole.index, (Numbers{5, 0}));
}

TEST(MaxPool2d, TakesTheFirstOfEquals) {
  EXPECT_EQ(max_pooled(Tensor::of<double>({3, 7, 7, 7}, {1, 1, 2, 2}), {.window = 2}).index, (Numbers{1}));
  const double low = -kInf;
  EXPECT_EQ(max_pooled(Tensor::of<double>({low, low}, {1, 1, 1, 2}), {.window = {1, 2}}).index, (Numbers{0}));
}

TEST(MaxPool2d, LetsNoPaddingWin) {
  const Tensor x = Tensor::of<double>({-1, -2, -3, -4}, {1, 1, 2, 2});
  const Pooled pooled = max_pooled(x, {.window = 2, .padding = 1});
  EXPECT_EQ(pooled.largest, (Numbers{-1, -2, -3, -4}));
  EXPECT_EQ(pooled.index, (Numbers{0, 1, 2, 3}));
}

TEST(MaxPool2d, KeepsTheFirstNaN) {
  const Tensor x = Tensor::of<double>({1, kNaN, kInf, kNaN, 2, 3, 5, 4}, {1, 2, 2, 2});
  const Pooled pooled = max_pooled(x, {.window = 2});
  EXPECT_TRUE(std::isnan(pooled.largest[0]));
  EXPECT_EQ(pooled.largest[1], 5.0);
  EXPECT_EQ(pooled.index, (Numbers{1, 2}));
}

TEST(MaxPool2d, LeavesOutWhatNoWindowReaches) {
  const Tensor x = Tensor::of<double>({1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 1, 3, 3});
  EXPECT_EQ(max_pooled(x, {.window = 2}).largest, (Numbers{5}));
  EXPECT_EQ(max_pooled(x, {.window = 1, .stride = 2}).largest, (Numbers{1, 3, 7, 9}));
}

TEST(AvgPool2d, DividesByTheAreaOrByWhatIsThere) {
  Graph graph;
  const Value x = constant(graph, Tensor::of<double>({4, 8, 12, 16}, {1, 1, 2, 2}));
  EXPECT_EQ(numbers(evaluate_value(avg_pool2d(x, {.window = 2}))), (Numbers{10}));
  EXPECT_EQ(numbers(evaluate_value(avg_pool2d(x, {.window = 2, .padding = 1}))), (Numbers{1, 2, 3, 4}));
  EXPECT_EQ(numbers(evaluate_value(avg_pool2d(x, {.window = 2, .padding = 1}, false))),
            (Numbers{4, 8, 12, 16}));
  EXPECT_EQ(
      numbers(evaluate_value(avg_pool2d(x, {.window = {1, 2}, .stride = 1, .padding = {0, 0, 0, 1}}, false))),
      (Numbers{6, 8, 14, 16}));
}

TEST(AvgPool2d, KeepsNaN) {
  Graph graph;
  const Value x = constant(graph, Tensor::of<double>({1, 2, kNaN, 4}, {1, 1, 1, 4}));
  const Numbers y = numbers(evaluate_value(avg_pool2d(x, {.window = {1, 2}})));
  EXPECT_EQ(y[0], 1.5);
  EXPECT_TRUE(std::isnan(y[1]));
}

TEST(Pools, InferTheirShapes) {
  const auto shape = [](const Shape& x, const Pool2dOptions& options) {
    const Shape pooled = MaxPool2d{options}.infer({f32, x})[0].shape;
    EXPECT_EQ((AvgPool2d{options, false}.infer({f32, x}).shape), pooled);
    EXPECT_EQ(MaxPool2d{options}.infer({f32, x})[1], (TensorType{i32, pooled}));
    return pooled;
  };
  EXPECT_EQ(shape({"batch", 20, 24, 24}, {.window = 2}), (Shape{"batch", 20, 12, 12}));
  EXPECT_EQ(shape({1, 96, 55, 55}, {.window = 3, .stride = 2}), (Shape{1, 96, 27, 27}));
  EXPECT_EQ(shape({0, 1, 5, 7}, {.window = {2, 3}, .stride = {1, 4}, .padding = {1, 0, 2, 1}}),
            (Shape{0, 1, 5, 2}));
}

TEST(Pools, TakePicturesOfAnySize) {
  Graph graph;
  const Value x = input(graph, "x", f64, {"n", "c", "h", "w"});
  const Value largest = max_pool2d(x, {.window = 2});
  const Value mean = avg_pool2d(x, {.window = 2, .stride = 1});
  EXPECT_EQ(to_string(largest.shape()), "[n, c, h//2, w//2]");
  EXPECT_EQ(to_string(mean.shape()), "[n, c, h - 1, w - 1]");
  const Tensor picture = Tensor::of<double>({1, 2, 3, 4, 5, 6}, {1, 1, 2, 3});
  const Bindings sizes{{"n", 1}, {"c", 1}, {"h", 2}, {"w", 3}};
  EXPECT_EQ(numbers(evaluate_value(largest, {{"x", picture}}, sizes)), std::vector<double>{5});
  EXPECT_EQ(numbers(evaluate_value(mean, {{"x", picture}}, sizes)), (std::vector<double>{3, 4}));
}

TEST(Pools, ExplainWhatDoesNotFit) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 2, 4, 5});
  expect_error(ErrorCode::shape_mismatch,
               {"max_pool2d", "does not fit into the height", "at least 5", "0 + 4 + 0"},
               [&] { max_pool2d(x, {.window = 5}); });
  expect_error(ErrorCode::invalid_argument,
               {"avg_pool2d", "smaller than the window", "less than 2", "2 and 0"},
               [&] { avg_pool2d(x, {.window = 2, .padding = {2, 0, 0, 0}}); });
  expect_error(ErrorCode::invalid_argument, {"window along the width", "0"},
               [&] { max_pool2d(x, {.window = {1, 0}}); });
  expect_error(ErrorCode::invalid_argument, {"stride along the height", "-1"},
               [&] { max_pool2d(x, {.window = 2, .stride = {-1, 1}}); });
  expect_error(ErrorCode::shape_mismatch, {"four axes", "[1, 4, 4]"},
               [&] { max_pool2d(input(graph, "c", f32, {1, 4, 4}), {.window = 2}); });
  expect_error(ErrorCode::dtype_mismatch, {"floating-point", "i32[1, 1, 2, 2]"},
               [&] { max_pool2d(input(graph, "i", i32, {1, 1, 2, 2}), {.window = 2}); });
  const Value dy = input(graph, "dy", f32, {"batch", 2, 2, 3});
  expect_error(ErrorCode::shape_mismatch,
               {"avg_pool2d_gradient", "f32[batch, 2, 2, 2]", "f32[batch, 2, 2, 3]"},
               [&] { apply(AvgPool2dGradient{{.window = 2}, true, x.shape()}, dy); });
}

TEST(PlaneGather, AndItsReverseCountWithinPlanes) {
  Graph graph;
  const Value x = constant(graph, Tensor::of<double>({1, 2, 3, 4, 10, 20, 30, 40}, {1, 2, 2, 2}));
  const Value index = constant(graph, Tensor::of<std::int32_t>({3, 0, 0, 1, 1, 1}, {1, 2, 1, 3}));
  const Value y = plane_gather(x, index);
  EXPECT_EQ(numbers(evaluate_value(y)), (Numbers{4, 1, 1, 20, 20, 20}));
  EXPECT_EQ(numbers(evaluate_value(plane_scatter_add(y, index, x.shape()))),
            (Numbers{2, 0, 0, 4, 0, 60, 0, 0}));
}

TEST(PlaneGather, AndItsReverseCheckEveryIndex) {
  Graph graph;
  const Value x = constant(graph, Tensor::zeros(f32, {1, 1, 2, 2}));
  for (const std::int32_t bad : {-1, 4}) {
    const Value index = constant(graph, Tensor::of<std::int32_t>({0, bad, 0, 0}, {1, 1, 2, 2}));
    const std::string text = "index " + std::to_string(bad) + " at position 1";
    expect_error(ErrorCode::out_of_range, {text, "[0, 4)"}, [&] { evaluate_value(plane_gather(x, index)); });
    expect_error(ErrorCode::out_of_range, {text, "[0, 4)"},
                 [&] { evaluate_value(plane_scatter_add(x, index, {1, 1, 2, 2})); });
  }
}

TEST(PlaneGather, AndItsReverseExplainWhatDoesNotFit) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 2, 4, 5});
  const Value index = input(graph, "index", i32, {"batch", 3, 1, 1});
  expect_error(ErrorCode::shape_mismatch, {"plane_gather", "i32[batch, 2, 1, 1]", "i32[batch, 3, 1, 1]"},
               [&] { plane_gather(x, index); });
  expect_error(ErrorCode::dtype_mismatch, {"i32[batch, 2, 1, 1]", "i64[batch, 2, 1, 1]"},
               [&] { plane_gather(x, input(graph, "wide", i64, {"batch", 2, 1, 1})); });
  expect_error(ErrorCode::shape_mismatch, {"plane_scatter_add", "[batch, 2, 4, 5]", "[batch, 2, 1, 1]"}, [&] {
    plane_scatter_add(x, input(graph, "few", i32, {"batch", 2, 1, 1}), {"batch", 2, 9, 9});
  });
  expect_error(ErrorCode::shape_mismatch, {"an i32 can count"},
               [&] { max_pool2d(input(graph, "huge", f32, {1, 1, 65536, 65536}), {.window = 2}); });
}

}  // namespace
}  // namespace weft
