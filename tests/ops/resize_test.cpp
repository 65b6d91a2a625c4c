#include "weft/ops/resize.h"

#include <gtest/gtest.h>

#include <limits>

#include "weft/ops/elementwise.h"
#include "weft/ops/pool.h"
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

Tensor count_up(const Sizes& sizes) {
  Tensor tensor = Tensor::zeros(f64, sizes);
  double next = 1.0;
  for (double& x : tensor.mutable_values<double>()) x = next++;
  return tensor;
}

Numbers resized(const Tensor& x, const std::vector<Dim>& sizes, const ResizeOptions& options) {
  Graph graph;
  return numbers(evaluate_value(resize(constant(graph, x), sizes, options)));
}

void expect_all_near(const Numbers& actual, const Numbers& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) EXPECT_NEAR(actual[i], expected[i], 1e-6) << i;
}

// The expected numbers of these tests are those of the examples in ONNX's documentation of Resize.
TEST(Resize, DrawsStraightLines) {
  const Tensor x = count_up({1, 1, 2, 2});
  expect_all_near(resized(x, {4, 4}, {}),
                  {1, 1.25, 1.75, 2, 1.5, 1.75, 2.25, 2.5, 2.5, 2.75, 3.25, 3.5, 3, 3.25, 3.75, 4});
  const double third = 1.0 / 3.0;
  expect_all_near(resized(x, {4, 4}, {.coordinates = ResizeCoordinates::align_corners}),
                  {1, 1 + third, 2 - third, 2, 2 - third, 2, 2 + third, 3 - third, 2 + third, 3 - third, 3,
                   3 + third, 3, 3 + third, 4 - third, 4});
  expect_all_near(
      resized(count_up({1, 1, 4, 4}), {3, 1}, {.coordinates = ResizeCoordinates::pytorch_half_pixel}),
      {1 + 2 * third, 7, 12 + third});
}

TEST(Resize, DrawsCubics) {
  const Numbers all = resized(count_up({1, 1, 4, 4}), {8, 8}, {.mode = ResizeMode::cubic});
  expect_all_near(Numbers(all.begin(), all.begin() + 8),
                  {0.47265625, 0.76953125, 1.24609375, 1.875, 2.28125, 2.91015625, 3.38671875, 3.68359375});
}

TEST(Resize, TakesTheNearest) {
  const auto first_row = [](ResizeCoordinates coordinates, ResizeRounding rounding) {
    const Numbers all =
        resized(count_up({1, 1, 4, 4}), {8, 8},
                {.mode = ResizeMode::nearest, .coordinates = coordinates, .rounding = rounding});
    return Numbers(all.begin(), all.begin() + 8);
  };
  EXPECT_EQ(first_row(ResizeCoordinates::align_corners, ResizeRounding::floor),
            (Numbers{1, 1, 1, 2, 2, 3, 3, 4}));
  EXPECT_EQ(first_row(ResizeCoordinates::half_pixel, ResizeRounding::ceil),
            (Numbers{1, 2, 2, 3, 3, 4, 4, 4}));
  EXPECT_EQ(first_row(ResizeCoordinates::asymmetric, ResizeRounding::prefer_ceil),
            (Numbers{1, 2, 2, 3, 3, 4, 4, 4}));
  EXPECT_EQ(first_row(ResizeCoordinates::asymmetric, ResizeRounding::prefer_floor),
            (Numbers{1, 1, 2, 2, 3, 3, 4, 4}));
}

TEST(Resize, AveragesWhatItCovers) {
  const Tensor x = Tensor::of<double>({1, 2, 4, 8, 16}, {1, 5});
  expect_all_near(resized(x, {3}, {.mode = ResizeMode::area}), {1.5, 14.0 / 3.0, 12});
  Graph graph;
  const Value picture = constant(graph, count_up({1, 2, 4, 6}));
  EXPECT_EQ(numbers(evaluate_value(adaptive_avg_pool(picture, {2, 3}))),
            numbers(evaluate_value(avg_pool2d(picture, {.window = 2}))));
}

TEST(Resize, LeavesAxesAloneThatKeepTheirSize) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"n", 3, "h", 7});
  EXPECT_EQ(resize(x, {"h", 7}), x);
  const Value y = resize(x, {Dim("h") * 2, 9});
  EXPECT_EQ(to_string(y.shape()), "[n, 3, h*2, 9]");
}

TEST(Resize, KeepsNumbersBesideInfinity) {
  const double infinity = std::numeric_limits<double>::infinity();
  const Tensor x = Tensor::of<double>({1, infinity, 3}, {1, 3});
  EXPECT_EQ(resized(x, {5}, {.coordinates = ResizeCoordinates::align_corners}),
            (Numbers{1, infinity, infinity, infinity, 3}));
}

TEST(Resize, IsWithinOneRoundingOfTheSum) {
  TensorSource source("resize");
  for (const ResizeMode mode : {ResizeMode::linear, ResizeMode::cubic, ResizeMode::area}) {
    Graph graph;
    const Tensor wide = source.uniform({3, 17, 4}, 1000.0, 1001.0);
    const Value x = constant(graph, wide);
    const ResizeAxis op{{.mode = mode}, 1, 11};
    const Value single = cast(apply(op, cast(x, f32)), f64);
    const Value exact = apply(op, cast(cast(x, f32), f64));
    EXPECT_LT(evaluate_value(max(abs(single - exact) / abs(exact))).item<double>(), 1.1 * 0x1p-24)
        << replay();
  }
}

TEST(Resize, RefusesWhatItCannotResize) {
  Graph graph;
  const Value x = input(graph, "x", f32, {2, 3, 4});
  expect_error(ErrorCode::shape_mismatch, {"resize", "resize_test.cpp", "at most 2 sizes", "3"},
               [&] { resize(x, {2, 3, 4}); });
  expect_error(ErrorCode::shape_mismatch, {"axis 2 of the result"}, [&] { resize(x, {0}); });
  expect_error(ErrorCode::dtype_mismatch, {"f32 or f64", "i32"},
               [&] { resize(input(graph, "i", i32, {2, 3}), {4}); });
}

TEST(DepthToSpace, ArrangesChannelsAsBlocks) {
  Graph graph;
  const Value x = constant(graph, count_up({1, 8, 1, 2}));
  // The first channel is made of channels 0, 2, 4 and 6 of x in one order, and of 0 to 3 in the other.
  EXPECT_EQ(numbers(evaluate_value(depth_to_space(x, 2))),
            (Numbers{1, 5, 2, 6, 9, 13, 10, 14, 3, 7, 4, 8, 11, 15, 12, 16}));
  EXPECT_EQ(numbers(evaluate_value(depth_to_space(x, 2, true))),
            (Numbers{1, 3, 2, 4, 5, 7, 6, 8, 9, 11, 10, 12, 13, 15, 14, 16}));
  for (const bool channels_first : {false, true}) {
    const Value back = space_to_depth(depth_to_space(x, 2, channels_first), 2, channels_first);
    EXPECT_EQ(numbers(evaluate_value(back)), numbers(evaluate_value(x)));
  }
  expect_error(ErrorCode::shape_mismatch, {"depth_to_space", "channels", "a multiple of 9", "8"},
               [&] { depth_to_space(x, 3); });
  expect_error(ErrorCode::shape_mismatch, {"space_to_depth", "height", "1"}, [&] { space_to_depth(x, 2); });
  expect_error(ErrorCode::invalid_argument, {"a block"}, [&] { depth_to_space(x, 0); });
}

}  // namespace
}  // namespace weft
