#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "weft/autodiff/gradients.h"
#include "weft/graph/passes/standard.h"
#include "weft/graph/print.h"
#include "weft/ops/activation.h"
#include "weft/ops/compare.h"
#include "weft/ops/exponential.h"
#include "weft/ops/layout.h"
#include "weft/ops/softmax.h"
#include "weft/ops/source.h"
#include "weft/tests/support/evaluate_values.h"

namespace weft {
namespace {

using testing_support::evaluate_program;
using testing_support::numbers;
using Floats = std::vector<float>;

/// A formula of x f32[1, n] as a textbook has it, and what it and the gradient of its sum are.
struct Formula {
  std::string name;
  std::function<Value(const Value&)> build;
  Floats x;
  std::vector<double> y;
  std::vector<double> dx;
};

const std::vector<Formula>& formulas() {
  constexpr float kTiny = 1e-10F;
  const auto total = [](const Value& x) { return sum(exp(x), {1}, true); };
  static const std::vector<Formula> table = {
      {"LogOfSoftmax", [](const Value& x) { return log(softmax(x)); }, {1000, 0}, {0, -1000}, {-1, 1}},
      {"LogOfSoftmaxOfAnotherAxis",
       [](const Value& x) { return log(softmax(transpose(x), 0)); },
       {1000, 0},
       {0, -1000},
       {-1, 1}},
      {"NegativeMeanOfLogOfSoftmax",
       [](const Value& x) { return neg(mean(log(softmax(x)), {1}, true)); },
       {1000, 0},
       {500},
       {0.5, -0.5}},
      {"LogOfScaledSoftmax",
       [](const Value& x) { return log(softmax(x) * 2.0); },
       {1000, 0},
       {std::log(2.0), std::log(2.0) - 1000},
       {-1, 1}},
      {"LogOfPartOfSoftmax",
       [](const Value& x) { return log(slice(softmax(x), 1, 1, 2)); },
       {1000, 0},
       {-1000},
       {-1, 1}},
      {"LogOfOnePlusExp", [](const Value& x) { return log(exp(x) + 1.0); }, {200, -200}, {200, 0}, {1, 0}},
      {"LogOfOnePlusExpTheOtherWay", [](const Value& x) { return log(1.0 + exp(-x)); }, {-200}, {200}, {-1}},
      {"LogOfSigmoid", [](const Value& x) { return log(sigmoid(x)); }, {-200}, {-200}, {1}},
      {"LogOfOneLessSigmoid", [](const Value& x) { return log(1.0 - sigmoid(x)); }, {200}, {-200}, {-1}},
      {"LogOfSigmoidByHand", [](const Value& x) { return log(1.0 / (1.0 + exp(-x))); }, {-200}, {-200}, {1}},
      {"LogOfOnePlus", [](const Value& x) { return log(x + 1.0); }, {kTiny}, {1e-10}, {1}},
      {"LogOfOneLess", [](const Value& x) { return log(1.0 - x); }, {kTiny}, {-1e-10}, {-1}},
      {"LogOfOneLessExp",
       [](const Value& x) { return log(1.0 - exp(x)); },
       {-kTiny, -30},
       {std::log(1e-10), -std::exp(-30.0)},
       {-1e10, -std::exp(-30.0)}},
      {"LogOfExp", [](const Value& x) { return log(exp(x)); }, {-200, 200}, {-200, 200}, {1, 1}},
      {"LogOfSquare",
       [](const Value& x) { return log(square(x)); },
       {-1e30F},
       {2 * std::log(1e30)},
       {-2e-30}},
      {"ExpLessOne", [](const Value& x) { return exp(x) - 1.0; }, {kTiny}, {1e-10}, {1}},
      {"ExpPlusMinusOne", [](const Value& x) { return -1.0 + exp(x); }, {kTiny}, {1e-10}, {1}},
      {"OneLessExp", [](const Value& x) { return 1.0 - exp(x); }, {kTiny}, {-1e-10}, {-1}},
      {"SoftmaxByHand", [=](const Value& x) { return exp(x) / total(x); }, {0, 1000}, {0, 1}, {0, 0}},
      {"SoftmaxByHandOfOneExp",
       [](const Value& x) {
         const Value e = exp(x);
         return e / sum(e, {-1}, true);
       },
       {0, 1000},
       {0, 1},
       {0, 0}},
      {"SoftmaxByHandOfAll",
       [](const Value& x) { return exp(x) / reshape(sum(exp(x)), {1, 1}); },
       {0, 1000},
       {0, 1},
       {0, 0}},
      {"LogOfSoftmaxByHand",
       [=](const Value& x) { return log(exp(x) / total(x)); },
       {1000, 0},
       {0, -1000},
       {-1, 1}},
      {"LogOfSumOfExp", [=](const Value& x) { return log(total(x)); }, {0, 1000}, {1000}, {0, 1}},
      {"LogOfSumOfExpOfAll", [](const Value& x) { return log(sum(exp(x))); }, {0, 1000}, {1000}, {0, 1}},
      {"LogOfMeanOfExp",
       [](const Value& x) { return log(mean(exp(x), {1}, true)); },
       {-1000, -1000},
       {-1000},
       {0.5, 0.5}},
      {"LogSoftmaxByHand", [=](const Value& x) { return x - log(total(x)); }, {1000, 0}, {0, -1000}, {-1, 1}},
      {"SigmoidByHand", [](const Value& x) { return 1.0 / (1.0 + exp(-x)); }, {-200, 200}, {0, 1}, {0, 0}},
      {"SigmoidByHandTheOtherWay",
       [](const Value& x) { return exp(x) / (1.0 + exp(x)); },
       {-200, 200},
       {0, 1},
       {0, 0}},
      {"SwishByHand", [](const Value& x) { return x / (1.0 + exp(-x)); }, {-200, 200}, {0, 200}, {0, 1}},
      {"TanhByHand",
       [](const Value& x) { return (exp(x) - exp(-x)) / (exp(x) + exp(-x)); },
       {-200, 200},
       {-1, 1},
       {0, 0}},
      {"TanhByHandOfTwice",
       [](const Value& x) { return (exp(x * 2.0) - 1.0) / (exp(x * 2.0) + 1.0); },
       {-200, 200},
       {-1, 1},
       {0, 0}},
      {"QuotientOfExps",
       [](const Value& x) { return exp(x) / exp(x * 0.5); },
       {2, 160},
       {std::exp(1.0), std::exp(80.0)},
       {std::exp(1.0) / 2, std::exp(80.0) / 2}},
      {"OverExp", [](const Value& x) { return 3.0 / exp(x); }, {200}, {0}, {0}},
      {"RootOfSquare",
       [](const Value& x) { return sqrt(square(x)); },
       {-1e30F, 0, 2},
       {1e30, 0, 2},
       {-1, 0, 1}},
      {"RootOfProductWithItself",
       [](const Value& x) { return sqrt(x * x); },
       {-1e30F, 0},
       {1e30, 0},
       {-1, 0}},
      {"PowerOfMinusOne", [](const Value& x) { return pow(x, -1.0); }, {4, -0.5F}, {0.25, -2}, {-0.0625, -4}},
      {"PowerThatIsARoot",
       [](const Value& x) { return pow(exp(x), 0.5); },
       {2},
       {std::exp(1.0)},
       {std::exp(1.0) / 2}},
      {"RootOfSquareAsPower",
       [](const Value& x) { return pow(square(x), 0.5); },
       {-1e30F, 2},
       {1e30, 2},
       {-1, 1}},
      {"FactorsThatOverflow",
       [](const Value& x) { return x * 0x1p60 * 0x1p-50; },
       {0x1p100F},
       {0x1p110},
       {1024}},
      {"FactorsThatUnderflow",
       [](const Value& x) { return 0x1p50 * (0x1p-60 * x); },
       {3},
       {3.0 / 1024},
       {1.0 / 1024}},
      {"TermsThatOverflow",
       [](const Value& x) { return sum(x * 16.0, {1}, true); },
       {0x1p125F, -0x1p125F, 3},
       {48},
       {16, 16, 16}},
  };
  return table;
}

void expect_near(const Tensor& actual, const std::vector<double>& expected, const std::string& what) {
  const auto a = numbers(actual);
  ASSERT_EQ(a.size(), expected.size()) << what;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] == expected[i]) continue;
    EXPECT_NEAR(a[i], expected[i], 2e-6 * std::abs(expected[i]) + 1e-37) << what << ", element " << i;
  }
}

class Stabilize : public testing::TestWithParam<Formula> {
 protected:
  Program stabilized(const std::vector<Value>& roots) const {
    const Pass pass = stabilize();
    return run_passes(extract(roots[0].graph(), roots), {&pass, 1});
  }
};

TEST_P(Stabilize, GivesWhatTheFormulaMeansAndItsGradient) {
  const Formula& formula = GetParam();
  Graph graph;
  const auto n = static_cast<std::int64_t>(formula.x.size());
  const Value x = input(graph, "x", f32, {1, n});
  const Value y = formula.build(x);
  const Program program = stabilized({y, gradient(sum(y), x)});
  const Tensor fed = Tensor::of<float>(std::span<const float>(formula.x), std::vector<std::int64_t>{1, n});
  const auto results = evaluate_program(program, {{"x", fed}});
  expect_near(results[0], formula.y, "y of\n" + to_text(program));
  expect_near(results[1], formula.dx, "dx of\n" + to_text(program));
}

TEST_P(Stabilize, ChangesNoResultWhereTheFormulaIsHarmless) {
  Graph graph;
  const Value x = input(graph, "x", f64, {1, 3});
  const Value y = GetParam().build(x);
  const Program program = stabilized({y});
  for (const auto& values : {std::vector{-0.5, -1.25, -0.125}, std::vector{-2.0, -0.75, -1.0}}) {
    const testing_support::Feeds feeds{
        {"x", Tensor::of<double>(std::span<const double>(values), std::vector<std::int64_t>{1, 3})}};
    const auto expected = numbers(testing_support::evaluate_value(y, feeds));
    const auto actual = numbers(evaluate_program(program, feeds)[0]);
    ASSERT_EQ(actual.size(), expected.size());
    for (std::size_t i = 0; i < actual.size(); ++i) {
      if (actual[i] == expected[i] || (std::isnan(actual[i]) && std::isnan(expected[i]))) continue;
      EXPECT_NEAR(actual[i], expected[i], 1e-13 * std::max(1.0, std::abs(expected[i])));
    }
  }
}

void PrintTo(const Formula& formula, std::ostream* out) { *out << formula.name; }

INSTANTIATE_TEST_SUITE_P(Table, Stabilize, testing::ValuesIn(formulas()),
                         [](const auto& row) { return row.param.name; });

TEST(StabilizePass, LeavesFormulasThatOnlyLookAlike) {
  Graph graph;
  const Value x = input(graph, "x", f64, {2, 3});
  const Value z = input(graph, "z", f64, {2, 3});
  const Value column = constant(graph, Tensor::of<double>({1, 1}, {2, 1, 1}));
  const Pass pass = stabilize();
  for (const Value& y :
       {log(x + 2.0), exp(x) - 2.0, exp(x) / sum(exp(z), {1}, true), exp(x) / sum(exp(x), {0, 1}) * 0.5,
        sqrt(x * z), pow(x, 0.5), x * 0.1 * 0.3, sum(x * 0.5), sum(x * z), sum(x * column), exp(z) - column,
        log(x + column), (exp(x) - exp(-z)) / (exp(x) + exp(-z))}) {
    const Program before = extract(graph, {&y, 1});
    const Program after = run_passes(extract(graph, {&y, 1}), {&pass, 1});
    EXPECT_EQ(to_text(after), to_text(before));
  }
}

TEST(StableGradients, ReachAValueBetweenTheStepsOfAFormula) {
  Graph graph;
  const Value x = input(graph, "x", f64, {1, 2});
  const Value p = softmax(x);
  const auto found = gradients(sum(log(p)), {p, x});
  const testing_support::Feeds feeds{{"x", Tensor::of<double>({0, 0}, {1, 2})}};
  EXPECT_EQ(numbers(testing_support::evaluate_value(found[0], feeds)), (std::vector<double>{2, 2}));
  EXPECT_EQ(numbers(testing_support::evaluate_value(found[1], feeds)), (std::vector<double>{0, 0}));
}

TEST(StableGradients, ReachOneOfTwoValuesThatAreComputedAlike) {
  Graph graph;
  const Value x = input(graph, "x", f64, {});
  const Value u = x * 2.0;
  const Value v = x * 2.0;
  const auto found = gradients(exp(u) / (1.0 + exp(v)), {u, x});
  const testing_support::Feeds feeds{{"x", Tensor::scalar(0.0)}};
  EXPECT_EQ(testing_support::evaluate_value(found[0], feeds).item<double>(), 0.5);
  EXPECT_EQ(testing_support::evaluate_value(found[1], feeds).item<double>(), 0.5);
}

TEST(StableGradients, MayBeDifferentiatedAgain) {
  Graph graph;
  const Value x = input(graph, "x", f64, {});
  const Value slope = gradient(log(exp(x) + 1.0), x);
  const Value curvature = gradient(slope, x);
  const testing_support::Feeds feeds{{"x", Tensor::scalar(0.0)}};
  EXPECT_NEAR(testing_support::evaluate_value(curvature, feeds).item<double>(), 0.25, 1e-15);
}

TEST(LogSumExpOp, KnowsEmptySumsAndInfinities) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const auto of = [](std::initializer_list<double> values) {
    const auto n = static_cast<std::int64_t>(values.size());
    return evaluate(LogSumExp{}, {{Tensor::of<double>(values, {n})}})[0].item<double>();
  };
  EXPECT_EQ(of({}), -kInfinity);
  EXPECT_EQ(of({-kInfinity, -kInfinity}), -kInfinity);
  EXPECT_EQ(of({-kInfinity, 3.0}), 3.0);
  EXPECT_EQ(of({kInfinity, 3.0}), kInfinity);
  EXPECT_TRUE(std::isnan(of({std::nan(""), kInfinity})));
}

TEST(LogSumExpOp, GivesMaskedElementsNoGradient) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  Graph graph;
  const Value x = input(graph, "x", f64, {2, 2});
  const Value dx = gradient(sum(where(greater(logsumexp(x, {1}), -kInfinity), logsumexp(x, {1}), 0.0)), x);
  const testing_support::Feeds feeds{
      {"x", Tensor::of<double>({-kInfinity, -kInfinity, -kInfinity, 5}, {2, 2})}};
  EXPECT_EQ(numbers(testing_support::evaluate_value(dx, feeds)), (std::vector<double>{0, 0, 0, 1}));
}

}  // namespace
}  // namespace weft
