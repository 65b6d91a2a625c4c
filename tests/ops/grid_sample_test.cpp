#include "weft/ops/grid_sample.h"

#include <gtest/gtest.h>

#include <limits>

#include "weft/ops/source.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::evaluate_value;
using testing_support::expect_error;
using testing_support::numbers;
using testing_support::TensorSource;
using Numbers = std::vector<double>;

/// A picture of 1 2 above 3 4 at pairs of a column and a row.
Numbers sampled(const Numbers& points, const GridSampleOptions& options) {
  Graph graph;
  Tensor grid = Tensor::zeros(f64, {1, 1, static_cast<std::int64_t>(points.size() / 2), 2});
  std::ranges::copy(points, grid.mutable_values<double>().begin());
  const Value x = constant(graph, Tensor::of<double>({1, 2, 3, 4}, {1, 1, 2, 2}));
  return numbers(evaluate_value(grid_sample(x, constant(graph, grid), options)));
}

TEST(GridSample, DrawsStraightLinesBetweenElements) {
  EXPECT_EQ(sampled({0, 0, -0.5, -0.5, 0.5, -0.5, 0, 0.5}, {}), (Numbers{2.5, 1, 2, 3.5}));
  EXPECT_EQ(sampled({0, 0, -1, -1, 1, -1, 0, 1}, {.align_corners = true}), (Numbers{2.5, 1, 2, 3.5}));
  EXPECT_EQ(sampled({-0.5, 0}, {.align_corners = true}), (Numbers{2.25}));
}

TEST(GridSample, ContinuesBeyondTheBorder) {
  const Numbers outside{-1, -1, 2, -0.5};
  EXPECT_EQ(sampled(outside, {}), (Numbers{0.25, 0})) << "half an element from each side, and a whole one";
  EXPECT_EQ(sampled(outside, {.border = SampleBorder::border}), (Numbers{1, 2}));
  EXPECT_EQ(sampled(outside, {.border = SampleBorder::reflection}), (Numbers{1, 1.5}));
  const GridSampleOptions mirror{.border = SampleBorder::reflection, .align_corners = true};
  EXPECT_EQ(sampled({2, -1, 3, -1, 4, -1, -2, -1}, mirror), (Numbers{1.5, 1, 1.5, 1.5}));
}

TEST(GridSample, TakesTheNearest) {
  EXPECT_EQ(sampled({-0.1, -0.1, 0.1, -0.9, 0.1, 0.1}, {.mode = SampleMode::nearest}), (Numbers{1, 2, 4}));
}

TEST(GridSample, SeesNothingAtPointsThatAreNotFinite) {
  const double infinity = std::numeric_limits<double>::infinity();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Numbers points{infinity, 0, nan, 0, -infinity, nan, 1e300, 0};
  EXPECT_EQ(sampled(points, {}), (Numbers{0, 0, 0, 0}));
  EXPECT_EQ(sampled(points, {.border = SampleBorder::border}), (Numbers{3, 2, 1, 3}));
  const Numbers mirrored = sampled(points, {.border = SampleBorder::reflection});
  EXPECT_EQ(Numbers(mirrored.begin(), mirrored.begin() + 3), (Numbers{0, 0, 0}));
}

TEST(GridSample, SamplesEveryChannelOfItsOwnPicture) {
  Graph graph;
  const Value x = constant(graph, Tensor::of<double>({1, 2, 10, 20, 3, 4, 30, 40}, {2, 2, 1, 2}));
  const Value grid = constant(graph, Tensor::of<double>({-0.5, 0, 0.5, 0, 0.5, 0, 0, 0}, {2, 1, 2, 2}));
  EXPECT_EQ(numbers(evaluate_value(grid_sample(x, grid))), (Numbers{1, 2, 10, 20, 4, 3.5, 40, 35}));
}

TEST(GridSample, RefusesPointsThatDoNotFit) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"n", 1, "h", "w"});
  EXPECT_EQ(to_string(grid_sample(x, input(graph, "g", f32, {"n", "a", "b", 2})).shape()), "[n, 1, a, b]");
  expect_error(ErrorCode::shape_mismatch,
               {"grid_sample", "grid_sample_test.cpp", "[n, rows, columns, 2]", "3"},
               [&] { grid_sample(x, input(graph, "a", f32, {"n", 2, 2, 3})); });
  expect_error(ErrorCode::shape_mismatch, {"[n, rows, columns, 2]", "[5, 2, 2, 2]"},
               [&] { grid_sample(x, input(graph, "b", f32, {5, 2, 2, 2})); });
  expect_error(ErrorCode::dtype_mismatch, {"f32 and f64"},
               [&] { grid_sample(x, input(graph, "c", f64, {"n", 2, 2, 2})); });
}

TEST(AffineGrid, OfTheIdentitySamplesThePictureItself) {
  TensorSource source("affine grid");
  for (const bool align_corners : {false, true}) {
    Graph graph;
    const Value x = constant(graph, source.uniform({2, 3, 4, 8}));
    const Value theta = constant(graph, Tensor::of<double>({1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0}, {2, 2, 3}));
    const Value grid = affine_grid(theta, 4, 8, align_corners);
    const Numbers y = numbers(evaluate_value(grid_sample(x, grid, {.align_corners = align_corners})));
    const Numbers same = numbers(evaluate_value(x));
    for (std::size_t i = 0; i < y.size(); ++i) EXPECT_NEAR(y[i], same[i], 1e-14);
  }
}

TEST(AffineGrid, MapsColumnsAndRows) {
  Graph graph;
  const Value theta = constant(graph, Tensor::of<double>({1, 10, 100, 2, 20, 200}, {1, 2, 3}));
  EXPECT_EQ(numbers(evaluate_value(affine_grid(theta, 1, 2))), (Numbers{99.5, 199, 100.5, 201}));
  EXPECT_EQ(numbers(evaluate_value(affine_grid(theta, 2, 1, true))), (Numbers{90, 180, 110, 220}));
  expect_error(ErrorCode::shape_mismatch, {"affine_grid", "[batch, 2, 3]"},
               [&] { affine_grid(input(graph, "t", f64, {1, 3, 2}), 2, 2); });
  expect_error(ErrorCode::shape_mismatch, {"the height"}, [&] { affine_grid(theta, 0, 2); });
  expect_error(ErrorCode::shape_mismatch, {"affine_grid"}, [&] { affine_grid(theta, 1 << 20, 1 << 20); });
}

}  // namespace
}  // namespace weft
