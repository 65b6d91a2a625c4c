#include "weft/ops/softmax.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "weft/ops/layout.h"
#include "weft/ops/loss.h"
#include "weft/ops/source.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/graph_numbers.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::evaluate_value;
using testing_support::evaluate_values;
using testing_support::expect_error;
using testing_support::expect_near;
using testing_support::numbers;
using testing_support::TensorSource;
using Numbers = std::vector<double>;

TEST(Softmax, GivesTheNumbersOfItsFormula) {
  for (const auto& [dtype, tolerance] : {std::pair{f64, 1e-15}, std::pair{f32, 1e-7}}) {
    Graph graph;
    const Value x = cast(constant(graph, Tensor::of<double>({1, 2, 3, 0, 0, 0}, {2, 3})), dtype);
    const Numbers expected{
        0.0900305731703805, 0.244728471054798, 0.665240955774822, 1.0 / 3, 1.0 / 3, 1.0 / 3};
    expect_near(numbers(evaluate_value(softmax(x))), expected, tolerance);
    Numbers logs = expected;
    for (double& p : logs) p = std::log(p);
    expect_near(numbers(evaluate_value(log_softmax(x))), logs, 4 * tolerance);
    EXPECT_EQ(softmax(x).type(), x.type());
  }
}

TEST(Softmax, IsStableForLargeInputs) {
  Graph graph;
  for (const DType dtype : {f32, f64}) {
    const Value x = cast(constant(graph, Tensor::of<double>({1e4, -1e4, 1e4, 1e4 - 1}, {2, 2})), dtype);
    const double p = 1.0 / (1.0 + std::exp(-1.0));
    expect_near(numbers(evaluate_value(softmax(x))), {1, 0, p, 1 - p}, 1e-6);
    expect_near(numbers(evaluate_value(log_softmax(x))), {0, -2e4, std::log(p), std::log(1 - p)}, 3e-3);
    const Value labels = constant(graph, Tensor::of<std::int32_t>({1, 0}));
    expect_near(numbers(evaluate_value(softmax_cross_entropy(x, labels))), {2e4, -std::log(p)}, 3e-3);
  }
}

TEST(Softmax, SumsToOneAlongAnyAxis) {
  TensorSource source("axes");
  SCOPED_TRACE(testing_support::replay());
  const Tensor tensor = source.uniform({2, 3, 4}, -3.0, 3.0);
  for (const std::int64_t axis : {0, 1, 2, -1, -3}) {
    Graph graph;
    const Value x = constant(graph, tensor);
    const auto along = static_cast<std::int64_t>(normalize_axis(axis, 3));
    const Tensor y = evaluate_value(softmax(x, axis));
    const Tensor logs = evaluate_value(log_softmax(x, axis));
    std::vector<std::int64_t> last{0, 1, 2};
    std::swap(last[static_cast<std::size_t>(along)], last[2]);
    const Numbers rows = numbers(evaluate_value(transpose(constant(graph, y), last)));
    const auto length = static_cast<std::ptrdiff_t>(tensor.sizes()[static_cast<std::size_t>(along)]);
    for (auto row = rows.begin(); row != rows.end(); row += length) {
      EXPECT_NEAR(std::accumulate(row, row + length, 0.0), 1.0, 1e-14);
    }
    for (std::size_t i = 0; i < 24; ++i) {
      EXPECT_NEAR(logs.values<double>()[i], std::log(y.values<double>()[i]), 1e-13);
    }
  }
}

TEST(Softmax, AcceptsRowsWithoutElementsAndNoRows) {
  Graph graph;
  for (const auto& sizes : {std::vector<std::int64_t>{2, 0}, {0, 3}, {0}}) {
    const Value x = constant(graph, Tensor::zeros(f32, sizes));
    EXPECT_EQ(evaluate_value(softmax(x)).elements(), 0);
    EXPECT_EQ(evaluate_value(log_softmax(x)).elements(), 0);
  }
}

TEST(Softmax, SpoilsOnlyTheRowWithANaN) {
  Graph graph;
  const Value x = constant(graph, Tensor::of<double>({std::nan(""), 1, 0, 0}, {2, 2}));
  for (const Value& y : {softmax(x), log_softmax(x)}) {
    const Numbers result = numbers(evaluate_value(y));
    EXPECT_TRUE(std::isnan(result[0]) && std::isnan(result[1]));
    EXPECT_FALSE(std::isnan(result[2]) || std::isnan(result[3]));
  }
}

TEST(Softmax, GivesNothingToMinusInfinity) {
  Graph graph;
  const double inf = std::numeric_limits<double>::infinity();
  const Value x = constant(graph, Tensor::of<double>({-inf, 0, 0}));
  EXPECT_EQ(numbers(evaluate_value(softmax(x))), (Numbers{0, 0.5, 0.5}));
}

TEST(Softmax, RejectsScalarsIntegersAndAxesThatDoNotExist) {
  for (const auto f : {softmax, log_softmax}) {
    Graph graph;
    expect_error(ErrorCode::shape_mismatch,
                 {"softmax", "no axis to normalize over", "f32[]", "softmax_test.cpp"},
                 [&] { f(input(graph, "s", f32, {}), -1); });
    expect_error(ErrorCode::dtype_mismatch, {"softmax", "floating point", "i32[2]"},
                 [&] { f(input(graph, "i", i32, {2}), -1); });
    expect_error(ErrorCode::invalid_argument, {"axis", "got 2"},
                 [&] { f(input(graph, "x", f32, {2, 3}), 2); });
  }
}

TEST(SoftmaxCrossEntropy, GivesTheLossOfEachRowAndTheProbabilities) {
  for (const DType labels_dtype : {i32, i64, u8}) {
    for (const auto& [dtype, tolerance] : {std::pair{f64, 1e-14}, std::pair{f32, 3e-7}}) {
      Graph graph;
      const Value logits = cast(constant(graph, Tensor::of<double>({1, 2, 3, 0, 0, 0}, {2, 3})), dtype);
      const Value labels = cast(constant(graph, Tensor::of<double>({2, 0})), labels_dtype);
      const auto results = evaluate_values(apply_all(SoftmaxCrossEntropy{}, {logits, labels}));
      expect_near(numbers(results[0]), {0.407605964444380, std::log(3.0)}, tolerance);
      expect_near(numbers(results[1]), numbers(evaluate_value(softmax(logits))), tolerance);
      EXPECT_EQ(softmax_cross_entropy(logits, labels).type(), (TensorType{dtype, {2}}));
    }
  }
}

TEST(SoftmaxCrossEntropy, TakesAnyNumberOfLeadingAxes) {
  Graph graph;
  const auto loss_shape = [&](const Shape& logits, const Shape& labels) {
    return softmax_cross_entropy(input(graph, "x" + std::to_string(graph.size()), f32, logits),
                                 input(graph, "l" + std::to_string(graph.size()), i64, labels))
        .shape();
  };
  EXPECT_EQ(loss_shape({5}, {}), Shape{});
  EXPECT_EQ(loss_shape({"batch", 5}, {"batch"}), (Shape{"batch"}));
  EXPECT_EQ(loss_shape({2, 3, 5}, {2, 3}), (Shape{2, 3}));
  EXPECT_EQ(loss_shape({0, 5}, {0}), (Shape{0}));
}

TEST(SoftmaxCrossEntropy, RejectsLabelsOutsideAndNamesThem) {
  Graph graph;
  const Value logits = constant(graph, Tensor::zeros(f32, {2, 3}));
  for (const std::int32_t bad :
       {-1, 3, std::numeric_limits<std::int32_t>::lowest(), std::numeric_limits<std::int32_t>::max()}) {
    const Value loss = softmax_cross_entropy(logits, constant(graph, Tensor::of<std::int32_t>({0, bad})));
    expect_error(ErrorCode::out_of_range, {"label " + std::to_string(bad) + " at position 1", "[0, 3)"},
                 [&] { evaluate_value(loss); });
  }
  const Value classless = constant(graph, Tensor::zeros(f32, {1, 0}));
  expect_error(ErrorCode::out_of_range, {"label 0", "[0, 0)"}, [&] {
    evaluate_value(softmax_cross_entropy(classless, constant(graph, Tensor::of<std::int32_t>({0}))));
  });
}

TEST(SoftmaxCrossEntropy, RejectsLabelsAndLogitsThatDoNotFit) {
  Graph graph;
  const Value logits = input(graph, "x", f32, {2, 3});
  const auto labels = [&](DType dtype, const Shape& shape) {
    return input(graph, "l" + std::to_string(graph.size()), dtype, shape);
  };
  expect_error(ErrorCode::dtype_mismatch,
               {"softmax_cross_entropy", "labels must be integers", "got f32[2]", "softmax_test.cpp"},
               [&] { softmax_cross_entropy(logits, labels(f32, {2})); });
  expect_error(ErrorCode::shape_mismatch, {"one label for each row", "expected labels [2], got [3]"},
               [&] { softmax_cross_entropy(logits, labels(i64, {3})); });
  expect_error(ErrorCode::shape_mismatch, {"one label for each row"},
               [&] { softmax_cross_entropy(logits, labels(i64, {2, 3})); });
  expect_error(ErrorCode::dtype_mismatch, {"floating point"},
               [&] { softmax_cross_entropy(labels(i64, {2, 3}), labels(i64, {2})); });
  expect_error(ErrorCode::shape_mismatch, {"no axis"},
               [&] { softmax_cross_entropy(labels(f32, {}), labels(i64, {})); });
}

}  // namespace
}  // namespace weft
