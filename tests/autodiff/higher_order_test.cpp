#include <gtest/gtest.h>

#include <cmath>

#include "weft/autodiff/gradients.h"
#include "weft/graph/verify.h"
#include "weft/ops/activation.h"
#include "weft/ops/layout.h"
#include "weft/ops/loss.h"
#include "weft/ops/matmul.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/gradient_check.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::evaluate_value;
using testing_support::gradient_of;
using testing_support::gradients_match;
using testing_support::numbers;
using testing_support::TensorSource;

TEST(HigherOrder, DerivativesOfTanhMatchTheirFormulas) {
  Graph graph;
  const Value x = input(graph, "x", f64, {});
  const Value first = gradient(tanh(x), x);
  const Value second = gradient(first, x);
  const Value third = gradient(second, x);
  for (const double at : {-1.5, -0.2, 0.0, 0.7, 2.0}) {
    const testing_support::Feeds feeds{{"x", Tensor::scalar(at)}};
    const double t = std::tanh(at);
    const double d = 1.0 - t * t;
    EXPECT_NEAR(evaluate_value(first, feeds).item<double>(), d, 1e-14);
    EXPECT_NEAR(evaluate_value(second, feeds).item<double>(), -2.0 * t * d, 1e-14);
    EXPECT_NEAR(evaluate_value(third, feeds).item<double>(), d * (6.0 * t * t - 2.0), 1e-14);
  }
}

TEST(HigherOrder, DerivativesOfAPowerEndInZero) {
  Graph graph;
  const Value x = input(graph, "x", f64, {});
  const testing_support::Feeds feeds{{"x", Tensor::scalar(2.0)}};
  Value derivative = x * x * x;
  for (const double expected : {12.0, 12.0, 6.0, 0.0}) {
    derivative = gradient(derivative, x, Unconnected::zeros);
    EXPECT_EQ(evaluate_value(derivative, feeds).item<double>(), expected);
  }
}

TEST(HigherOrder, MixedDerivativesAgreeInEitherOrder) {
  Graph graph;
  const Value x = input(graph, "x", f64, {});
  const Value y = input(graph, "y", f64, {});
  const Value f = exp(x * y) + pow(x, 3.0) * y;
  const testing_support::Feeds feeds{{"x", Tensor::scalar(0.5)}, {"y", Tensor::scalar(-0.7)}};
  const double xy = evaluate_value(gradient(gradient(f, x), y), feeds).item<double>();
  const double yx = evaluate_value(gradient(gradient(f, y), x), feeds).item<double>();
  EXPECT_NEAR(xy, yx, 1e-14);
  EXPECT_NEAR(xy, std::exp(-0.35) * (1.0 - 0.35) + 3.0 * 0.25, 1e-14);
}

TEST(HigherOrder, ThirdDerivativesOfSmoothOpsMatchDifferences) {
  const std::vector<std::pair<std::string, Value (*)(const Operand&)>> rows = {
      {"exp", exp}, {"sigmoid", sigmoid}, {"softplus", softplus}, {"erf", erf}, {"log", log}, {"sqrt", sqrt}};
  for (const auto& [name, f] : rows) {
    TensorSource source("third/" + name);
    const auto function = gradient_of([f](std::span<const Value> in) { return f(in[0]); });
    EXPECT_TRUE(gradients_match(gradient_of(function), std::vector{source.uniform({3}, 0.5, 1.5)}, 1e-5))
        << name;
  }
}

/// A small network whose loss is checked with respect to all its inputs.
Value network(std::span<const Value> in) {
  const Value hidden = tanh(matmul(in[0], in[1]) + in[2]);
  const Value logits = matmul(hidden, in[3]);
  return mean(softmax_cross_entropy(logits, in[4])) + 0.1 * sum(square(in[1]));
}

TEST(HigherOrder, GradientsOfANetworkMatchDifferences) {
  TensorSource source("network");
  const std::vector<Tensor> inputs{source.uniform({5, 3}), source.uniform({3, 4}), source.uniform({4}),
                                   source.uniform({4, 3}), source.whole({5}, 3, u8)};
  EXPECT_TRUE(gradients_match(network, inputs, 1e-6));
  EXPECT_TRUE(testing_support::second_gradients_match(network, inputs, 1e-5));
}

TEST(HigherOrder, HessianOfAQuadraticFormIsItsMatrix) {
  Graph graph;
  const Value x = input(graph, "x", f64, {2, 1});
  const Value a = constant(graph, Tensor::of<double>({2, 1, 1, 3}, {2, 2}));
  const Value form = reshape(matmul(x, matmul(a, x), true, false), Shape{}) * 0.5;
  const Value gradient_of_x = gradient(form, x);
  const testing_support::Feeds feeds{{"x", Tensor::of<double>({5, 7}, {2, 1})}};
  EXPECT_EQ(numbers(evaluate_value(gradient_of_x, feeds)), (std::vector<double>{17, 26}));
  for (std::int64_t row = 0; row < 2; ++row) {
    const Value hessian_row = gradient(sum(slice(gradient_of_x, 0, row, row + 1)), x);
    EXPECT_EQ(numbers(evaluate_value(hessian_row, feeds)),
              (row == 0 ? std::vector<double>{2, 1} : std::vector<double>{1, 3}));
  }
  verify_graph(graph);
}

}  // namespace
}  // namespace weft
