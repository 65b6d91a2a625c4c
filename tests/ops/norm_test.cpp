#include "weft/ops/norm.h"

#include <gtest/gtest.h>

#include <cmath>

#include "weft/autodiff/gradients.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/gradient_check.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::evaluate_value;
using testing_support::numbers;
using Numbers = std::vector<double>;

TEST(Norm, IsTheRootOfTheSumOfSquaresOverItsAxes) {
  Graph graph;
  const Value x = constant(graph, Tensor::of<double>({3, 4, 0, 5, 12, 0}, {2, 3}));
  EXPECT_EQ(numbers(evaluate_value(norm(x, {1}))), (Numbers{5, 13}));
  EXPECT_EQ(norm(x, {0}, true).shape(), (Shape{1, 3}));
  EXPECT_NEAR(numbers(evaluate_value(norm(x)))[0], std::sqrt(194.0), 1e-15);
  EXPECT_EQ(wide_norm(cast(x, f32)).dtype(), f64);
  EXPECT_EQ(numbers(evaluate_value(norm(constant(graph, Tensor::zeros(f32, {2, 0})), {1}))), (Numbers{0, 0}));
}

TEST(Norm, NeitherOverflowsNorVanishesOnTheWay) {
  Graph graph;
  const auto pair = [&](double size) { return constant(graph, Tensor::of<double>({3 * size, 4 * size})); };
  for (const double size : {1e-300, 1e-170, 1e170, 1e300}) {
    EXPECT_NEAR(numbers(evaluate_value(norm(pair(size))))[0] / (5 * size), 1.0, 1e-15);
  }
  for (const double size : {1e-44, 1e-30, 1e30, 5e37}) {
    const double rounded =
        static_cast<double>(static_cast<float>(numbers(evaluate_value(norm(pair(size))))[0]));
    EXPECT_NEAR(numbers(evaluate_value(norm(cast(pair(size), f32))))[0] / rounded, 1.0, 0.1) << size;
  }
  const Value largest = constant(graph, Tensor::of<float>({3e38F, 3e38F}));
  EXPECT_TRUE(std::isfinite(numbers(evaluate_value(wide_norm(largest)))[0]));
}

TEST(Norm, AndDeviationHaveTheSlopeZeroWhereTheyAreZero) {
  Graph graph;
  const Value zeros = constant(graph, Tensor::zeros(f32, {2}));
  EXPECT_EQ(numbers(evaluate_value(gradient(norm(zeros), zeros))), (Numbers{0, 0}));
  const Value alike = constant(graph, Tensor::of<float>({7, 7}));
  EXPECT_EQ(numbers(evaluate_value(gradient(standard_deviation(alike), alike))), (Numbers{0, 0}));
  const Value huge = constant(graph, Tensor::of<float>({3e30F, 4e30F}));
  EXPECT_NEAR(numbers(evaluate_value(gradient(norm(huge), huge)))[0], 0.6, 1e-6);
  const Value tiny = constant(graph, Tensor::of<float>({3e-30F, 4e-30F}));
  EXPECT_NEAR(numbers(evaluate_value(gradient(norm(tiny), tiny)))[1], 0.8, 1e-6);
}

TEST(Variance, DividesByTheNumberLessTheCorrection) {
  Graph graph;
  const Value x = constant(graph, Tensor::of<double>({1, 2, 3, 6}, {1, 4}));
  EXPECT_EQ(numbers(evaluate_value(variance(x, {1}))), (Numbers{3.5}));
  EXPECT_NEAR(numbers(evaluate_value(variance(x, {1}, true, 1.0)))[0], 14.0 / 3.0, 1e-15);
  EXPECT_NEAR(numbers(evaluate_value(standard_deviation(x)))[0], std::sqrt(3.5), 1e-15);
}

TEST(Variance, OfLargeNumbersAlikeIsZeroAndOfManyHasRoom) {
  Graph graph;
  const Value alike = constant(graph, Tensor::of<float>({3e38F, 3e38F, 3e38F}));
  for (const auto f : {&variance, &standard_deviation}) {
    EXPECT_EQ(numbers(evaluate_value(f(alike, {}, false, 0.0))), Numbers{0});
    EXPECT_EQ(numbers(evaluate_value(gradient(f(alike, {}, false, 1.0), alike))), (Numbers{0, 0, 0}));
  }
  const Value wide = constant(graph, Tensor::of<float>({1e19F, -1e19F, 1e19F, -1e19F}));
  EXPECT_NEAR(numbers(evaluate_value(variance(wide)))[0] / 1e38, 1.0, 1e-6);
  EXPECT_NEAR(numbers(evaluate_value(variance(wide, {}, false, 1.0)))[0] / 1e38, 4.0 / 3, 1e-6);
}

TEST(Norm, BeyondTheLargestNumberHasTheSlopeZeroAndAWideOneHasItsOwn) {
  Graph graph;
  const Value x = constant(graph, Tensor::of<float>({3e38F, 3e38F}));
  EXPECT_EQ(numbers(evaluate_value(norm(x))), (Numbers{std::numeric_limits<double>::infinity()}));
  EXPECT_EQ(numbers(evaluate_value(gradient(norm(x), x))), (Numbers{0, 0}));
  EXPECT_NEAR(numbers(evaluate_value(gradient(cast(wide_norm(x) * 1e-10, f32), x)))[0] * 1e10, std::sqrt(0.5),
              1e-6);
}

TEST(Norm, KernelFollowsTheReferenceOverAnyAxes) {
  testing_support::TensorSource source("norm kernel");
  SCOPED_TRACE(testing_support::replay());
  const Tensor tensor = source.uniform({3, 4, 5, 6}, -1.0, 1.0, f32);
  for (const Axes& axes : std::vector<Axes>{{}, {0}, {1}, {3}, {0, 1}, {2, 3}, {0, 2, 3}, {1, 2}, {0, 2}}) {
    for (const bool keep : {false, true}) {
      Graph graph;
      const Value x = input(graph, "x", f32, {3, 4, 5, 6});
      const Value y = norm(x, axes, keep);
      Session session(graph);
      Function function = session.compile({.inputs = {x}, .outputs = {y}, .updates = {}});
      const auto run = function({tensor});
      const Numbers actual = numbers(run[0]);
      const Numbers expected = numbers(evaluate_value(y, {{"x", tensor}}));
      ASSERT_EQ(actual.size(), expected.size());
      for (std::size_t i = 0; i < actual.size(); ++i) EXPECT_NEAR(actual[i], expected[i], 2e-7 * expected[i]);
    }
  }
}

}  // namespace
}  // namespace weft
