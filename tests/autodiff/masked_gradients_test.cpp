// What a function does not choose has the gradient 0, also where the derivative of it is infinite.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "weft/autodiff/forward_mode.h"
#include "weft/autodiff/gradients.h"
#include "weft/ops/activation.h"
#include "weft/ops/compare.h"
#include "weft/ops/exponential.h"
#include "weft/ops/folds.h"
#include "weft/ops/layout.h"
#include "weft/ops/loss.h"
#include "weft/ops/norm.h"
#include "weft/ops/reduce.h"
#include "weft/ops/softmax.h"
#include "weft/ops/source.h"
#include "weft/tests/support/evaluate_values.h"

namespace weft::mask_tests {
namespace {

using testing_support::evaluate_value;
using testing_support::numbers;
using Numbers = std::vector<double>;
using Function = std::function<Value(const Value&)>;

constexpr double kInf = std::numeric_limits<double>::infinity();

Numbers slopes(const Function& f, const Numbers& x) {
  Graph graph;
  const Value in = constant(
      graph, Tensor::of(std::span<const double>(x), std::vector{static_cast<std::int64_t>(x.size())}));
  return numbers(evaluate_value(gradient(sum(f(in)), in)));
}

TEST(MaskedGradients, AreZeroWhereTheBranchWasNotChosen) {
  EXPECT_EQ(slopes([](auto& x) { return where(x > 0.0, log(x), 0.0); }, {0, -1, 2}), (Numbers{0, 0, 0.5}));
  EXPECT_EQ(slopes([](auto& x) { return where(x <= 0.0, exp(x), 1.0 + x); }, {1000, 0}), (Numbers{1, 1}));
  EXPECT_EQ(slopes([](auto& x) { return where(x > 0.0, sqrt(x), 0.0); }, {0, -4, 4}), (Numbers{0, 0, 0.25}));
  EXPECT_EQ(slopes([](auto& x) { return where(x <= 0.0, 0.0, pow(x, 0.5)); }, {0, 4}), (Numbers{0, 0.25}));
  EXPECT_EQ(slopes([](auto& x) { return where(equal(x, 0.0), 1.0, 1.0 / x); }, {0, 2}), (Numbers{0, -0.25}));
  EXPECT_EQ(slopes([](auto& x) { return where(x > 0.0, x * log(x), 0.0); }, {0, 1}), (Numbers{0, 1}));
  EXPECT_EQ(slopes([](auto& x) { return where(equal(x, 0.0), 1.0, (exp(x) - 1.0) / x); }, {0}), (Numbers{0}));
}

TEST(MaskedGradients, AreZeroAlsoDeepInTheBranch) {
  EXPECT_EQ(slopes([](auto& x) { return where(x > 0.0, tanh(square(log(sqrt(x)))), 0.0); }, {0, 1}),
            (Numbers{0, 0}));
  // Through sums, reshapes and broadcasts, row by row.
  const auto rows = [](const Value& x) {
    const Value table = reshape(x, {2, 2});
    const Value used = max(table, {1}) > 0.0;
    return where(used, sum(log(table), {1}), 0.0);
  };
  EXPECT_EQ(slopes(rows, {0, 0, 2, 4}), (Numbers{0, 0, 0.5, 0.25}));
  const auto columns = [](const Value& x) { return where(broadcast_to(x, {3, 2}) > 0.0, log(x), 0.0); };
  EXPECT_EQ(slopes(columns, {0, 3}), (Numbers{0, 1}));
}

TEST(MaskedGradients, AreZeroBeyondLimitsAndRectifiers) {
  EXPECT_EQ(slopes([](auto& x) { return relu(log(x)); }, {0, 2}), (Numbers{0, 0.5}));
  EXPECT_EQ(slopes([](auto& x) { return maximum(log(x), -5.0); }, {0, 2}), (Numbers{0, 0.5}));
  EXPECT_EQ(slopes([](auto& x) { return minimum(exp(x), 5.0); }, {1000, 0}), (Numbers{0, 1}));
  EXPECT_EQ(slopes([](auto& x) { return clip(exp(x), 0.0, 5.0); }, {1000, 0}), (Numbers{0, 1}));
}

/// The gradient of the sum of f(t, w) with respect to w, all of whose elements are 2, where t is fed.
Numbers slopes_of_fed(const std::function<Value(const Value& t, const Value& w)>& f, const Numbers& t) {
  Graph graph;
  const std::vector size{static_cast<std::int64_t>(t.size())};
  const Numbers twos(t.size(), 2.0);
  const Tensor start = Tensor::of(std::span<const double>(twos), size);
  const Value fed = input(graph, "t", f64, Shape::of(size));
  const Value w = parameter(graph, "w", start);
  const Value slope = gradient(sum(f(fed, w)), w);
  return numbers(evaluate_value(slope, {{"t", Tensor::of(std::span<const double>(t), size)}, {"w", start}}));
}

TEST(MaskedGradients, AreZeroWhereDataAreMissing) {
  const double missing = std::nan("");
  const auto known = [](const Value& t, const Value& y) { return where(equal(t, t), y, 0.0); };
  EXPECT_EQ(slopes_of_fed([&](auto& t, auto& w) { return known(t, square(w - t)); }, {missing, 1}),
            (Numbers{0, 2}));
  EXPECT_EQ(slopes_of_fed([&](auto& t, auto& w) { return known(t, w * t); }, {missing, 3}), (Numbers{0, 3}));
  EXPECT_EQ(slopes_of_fed([&](auto& t, auto& w) { return known(t, w * tanh(t)); }, {missing, 0}),
            (Numbers{0, 0}));
}

/// Of a table [2, 2] whose second row is missing: y = f(w t), [2], is taken where the row is known.
Numbers slopes_of_rows(const Function& f) {
  const double missing = std::nan("");
  const auto loss = [&](const Value& t, const Value& w) {
    const Value rows = reshape(t, {2, 2});
    return where(all(equal(rows, rows), {1}), f(reshape(w, {2, 2}) * rows), 0.0);
  };
  return slopes_of_fed(loss, {3, 4, missing, 1});
}

TEST(MaskedGradients, AreZeroWhereMissingDataWereReduced) {
  const auto expect_slopes = [](const Function& f, const Numbers& expected) {
    const Numbers slopes = slopes_of_rows(f);
    for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(slopes[i], i < 2 ? expected[i] : 0.0, 1e-14) << i;
  };
  expect_slopes([](auto& v) { return norm(v, {1}); }, {1.8, 3.2});
  expect_slopes([](auto& v) { return max(v, {1}); }, {0, 4});
  expect_slopes([](auto& v) { return min(v, {1}); }, {3, 0});
  expect_slopes([](auto& v) { return prod(v, {1}); }, {24, 24});
  expect_slopes([](auto& v) { return mean(square(v), {1}); }, {18, 32});
  expect_slopes([](auto& v) { return standard_deviation(v, {1}); }, {-1.5, 2});
  const double second = 1.0 / (1.0 + std::exp(-2.0));
  expect_slopes([](auto& v) { return logsumexp(v, {1}); }, {3 * (1 - second), 4 * second});
  const Numbers slope{-3 * second * (1 - second), 4 * second * (1 - second)};
  expect_slopes([](auto& v) { return reshape(slice(softmax(v), 1, 1, 2), {2}); }, slope);
  expect_slopes([](auto& v) { return reshape(slice(log_softmax(v), 1, 1, 2), {2}); },
                {-3 * (1 - second), 4 * (1 - second)});
  const auto cross_entropy = [](const Value& v) {
    return softmax_cross_entropy(v, constant(v.graph(), Tensor::of<std::int64_t>({1, 1})));
  };
  expect_slopes(cross_entropy, {3 * (1 - second), -4 * (1 - second)});
}

TEST(MaskedGradients, AreZeroWhereTheBranchOverflows) {
  const auto cubes = [](const Value& x) { return where(abs(x) < 1e5, x * square(x), x); };
  EXPECT_EQ(slopes(cubes, {1e200, 2}), (Numbers{1, 12}));
  const auto ratios = [](const Value& x) { return where(abs(x) < 1e5, 1.0 / (1.0 / square(x)), 2.0 * x); };
  EXPECT_EQ(slopes(ratios, {1e200, 2}), (Numbers{2, 4}));
}

TEST(MaskedGradients, CountWhereAnyUserChose) {
  // Both branches read one logarithm: nothing of it is masked, for one chooses it everywhere.
  const auto both = [](const Value& x) {
    const Value y = log(x);
    return where(x > 1.0, y, 2.0 * y);
  };
  EXPECT_EQ(slopes(both, {0.5, 2}), (Numbers{4, 0.5}));
  const auto two = [](const Value& x) {
    const Value y = log(x);
    return where(x > 1.0, y, 0.0) + where(x > 2.0, y, 0.0);
  };
  EXPECT_EQ(slopes(two, {0, 2, 4}), (Numbers{0, 0.5, 0.5}));
  EXPECT_EQ(slopes([](auto& x) { return where(x > 0.0, log(x), 0.0) + 3.0 * x; }, {0}), (Numbers{3}));
}

TEST(MaskedGradients, StayWhatTheyAreWhereTheBranchWasChosen) {
  EXPECT_TRUE(
      std::isnan(slopes([](auto& x) { return where(x <= 0.0, 0.0, log(x) * x); }, {std::nan("")})[0]));
  EXPECT_TRUE(std::isinf(slopes([](auto& x) { return where(x >= 0.0, log(x), 0.0); }, {0})[0]));
}

TEST(MaskedGradients, HoldForSecondDerivativesAndForwardMode) {
  Graph graph;
  const Value x = constant(graph, Tensor::of<double>({0, 2, -1}));
  const Value y = where(x > 0.0, log(x), square(x));
  const Value first = gradient(sum(y), x);
  EXPECT_EQ(numbers(evaluate_value(gradient(sum(first), x))), (Numbers{2, -0.25, 2}));
  const Value tangent = constant(graph, Tensor::of<double>({1, 1, 1}));
  const std::vector<Value> ys{y};
  const std::vector<Value> xs{x};
  const std::vector<Value> tangents{tangent};
  EXPECT_EQ(numbers(evaluate_value(jvp(ys, xs, tangents)[0])), (Numbers{0, 0.5, -2}));
}

TEST(MaskedGradients, AddNothingToNetworksWithFiniteSlopes) {
  Graph graph;
  const Value x = parameter(graph, "x", Tensor::zeros(f32, {4, 3}));
  const Value w = parameter(graph, "w", Tensor::zeros(f32, {3}));
  const auto selections = [&](const Function& activation) {
    const std::size_t before = graph.size();
    gradient(sum(activation(activation(x * w) + w)), w);
    std::size_t count = 0;
    for (std::size_t id = before; id < graph.size(); ++id)
      count += graph.node(static_cast<NodeId>(id)).op.is<Select>() ? 1 : 0;
    return count;
  };
  EXPECT_EQ(selections([](auto& v) { return tanh(v); }), 0U);
  EXPECT_EQ(selections([](auto& v) { return sigmoid(v); }), 0U);
  EXPECT_EQ(selections([](auto& v) { return relu(v); }), 2U + 1U);  // its own, and both together
}

TEST(RootOfSquares, HasTheSlopeZeroAtZero) {
  EXPECT_EQ(slopes([](auto& x) { return sqrt(sum(square(x))); }, {0, 0}), (Numbers{0, 0}));
  EXPECT_EQ(slopes([](auto& x) { return sqrt(sum(x * x)); }, {0, 0}), (Numbers{0, 0}));
  EXPECT_EQ(slopes([](auto& x) { return pow(sum(square(x)), 0.5); }, {0, 0}), (Numbers{0, 0}));
  EXPECT_EQ(slopes([](auto& x) { return sqrt(mean(square(x - mean(x)))); }, {3, 3}), (Numbers{0, 0}));
  EXPECT_EQ(slopes([](auto& x) { return sqrt(variance(x, {}, false, 1.0)); }, {3, 3}), (Numbers{0, 0}));
  EXPECT_EQ(slopes([](auto& x) { return sqrt(0.5 * sum(pow(x, 2.0)) + sum(square(x))); }, {0, 0}),
            (Numbers{0, 0}));
  const Numbers unit = slopes([](auto& x) { return sqrt(sum(square(x))); }, {3, 4});
  EXPECT_NEAR(unit[0], 0.6, 1e-15);
  EXPECT_NEAR(unit[1], 0.8, 1e-15);
  // A root of anything else is infinitely steep at 0.
  EXPECT_EQ(slopes([](auto& x) { return sqrt(x); }, {0}), (Numbers{kInf}));
}

}  // namespace
}  // namespace weft::mask_tests
