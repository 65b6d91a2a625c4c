#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "weft/autodiff/gradients.h"
#include "weft/ops/activation.h"
#include "weft/ops/branch.h"
#include "weft/ops/compare.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/exponential.h"
#include "weft/ops/layout.h"
#include "weft/ops/loop.h"
#include "weft/ops/matmul.h"
#include "weft/ops/random.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"
#include "weft/ops/trigonometry.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/gradient_check.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::evaluate_value;
using testing_support::evaluate_values;
using testing_support::expect_error;
using testing_support::gradients_match;
using testing_support::numbers;
using testing_support::second_gradients_match;
using testing_support::TensorSource;

/// A recurrence over x [steps, 2, 3] with weights of x and of the state, in one of its forms.
testing_support::Function recurrence(const ScanOptions& options) {
  return [options](std::span<const Value> in) {
    const ScanResult made = scan(
        [&](std::span<const Value> h, std::span<const Value> x) {
          const Value next = tanh(matmul(x[0], in[1]) + matmul(h[0], in[2]));
          return ScanStep{.states = {next}, .outputs = {next * h[0]}};
        },
        std::array{in[3]}, std::array{in[0]}, options);
    return sum(square(made.outputs[0])) + sum(made.states[0]);
  };
}

TEST(LoopGradients, OfScansAreTheirDerivatives) {
  TensorSource source("loop gradients");
  for (const std::int64_t steps : {0, 1, 2, 5}) {
    const std::vector<Tensor> inputs{source.uniform({steps, 2, 3}), source.uniform({3, 3}),
                                     source.uniform({3, 3}), source.uniform({2, 3})};
    for (const std::int64_t checkpoint : {0, 1, 2, 3}) {
      for (const bool reverse : {false, true}) {
        SCOPED_TRACE(testing::Message() << steps << " steps, checkpoint " << checkpoint);
        const auto f = recurrence({.reverse = reverse, .checkpoint = checkpoint});
        EXPECT_TRUE(gradients_match(f, inputs));
        EXPECT_TRUE(second_gradients_match(f, inputs));
      }
    }
  }
}

TEST(LoopGradients, OfScansInsideOfScans) {
  TensorSource source("nested loop gradients");
  const testing_support::Function f = [](std::span<const Value> in) {
    const ScanFunction row = [&](std::span<const Value> s, std::span<const Value> x) {
      return ScanStep{.states = {sin(s[0] * in[1] + x[0])}, .outputs = {s[0]}};
    };
    const ScanFunction matrix = [&](std::span<const Value> s, std::span<const Value> x) {
      const ScanResult inner = scan(row, s, x);
      return ScanStep{.states = inner.states, .outputs = {sum(inner.outputs[0])}};
    };
    const ScanResult made = scan(matrix, std::array{in[2]}, std::array{in[0]});
    return sum(square(made.outputs[0])) + made.states[0];
  };
  const std::vector<Tensor> inputs{source.uniform({3, 2}), source.uniform({}), source.uniform({})};
  EXPECT_TRUE(gradients_match(f, inputs));
  EXPECT_TRUE(second_gradients_match(f, inputs));
}

TEST(LoopGradients, OfStatesThatAreNoFloats) {
  TensorSource source("loop counters");
  const testing_support::Function f = [](std::span<const Value> in) {
    const Value none = constant(in[0].graph(), 0, i64);
    const ScanResult made = scan(
        [](std::span<const Value> s, std::span<const Value> x) {
          return ScanStep{.states = {s[0] + 1, s[1] * x[0] + cast(s[0], f64)}, .outputs = {}};
        },
        std::array{none, in[1]}, std::array{in[0]});
    return made.states[1];
  };
  EXPECT_TRUE(gradients_match(f, std::vector{source.uniform({4}), source.uniform({})}));
}

TEST(LoopGradients, StopWhereTheBodySaysSo) {
  Graph graph;
  const Value x = input(graph, "x", f64, {});
  const ScanResult made = scan(
      [&](std::span<const Value> s, std::span<const Value>) {
        return ScanStep{.states = {stop_gradient(s[0]) * x}, .outputs = {}};
      },
      std::array{constant(graph, 1.0, f64)}, {}, {.length = 3});
  EXPECT_EQ(numbers(evaluate_value(gradient(made.states[0], x), {{"x", Tensor::scalar(3.0)}})),
            (std::vector<double>{9}))
      << "d(x^2 x) with x^2 held";
}

TEST(LoopGradients, OfLoopsWithAConditionAndAMost) {
  TensorSource source("while gradients");
  const testing_support::Function f = [](std::span<const Value> in) {
    // Newton's method for the square root: 6 steps, of at most 8.
    const WhileResult made = while_loop(
        [&](std::span<const Value> s) { return less(s[1], 6.0); },
        [&](std::span<const Value> s) { return std::vector<Value>{0.5 * (s[0] + in[0] / s[0]), s[1] + 1.0}; },
        std::array{in[1], constant(in[0].graph(), 0.0, f64)}, {.max_steps = 8});
    return sum(made.states[0]);
  };
  const std::vector<Tensor> inputs{source.uniform({3}, 1.0, 3.0), source.uniform({3}, 1.0, 2.0)};
  EXPECT_TRUE(gradients_match(f, inputs));
  EXPECT_TRUE(second_gradients_match(f, inputs));
}

TEST(LoopGradients, OfALoopWithoutAMostAreRefused) {
  Graph graph;
  const Value x = input(graph, "x", f64, {});
  const WhileResult made =
      while_loop([](std::span<const Value> s) { return less(s[0], 10.0); },
                 [](std::span<const Value> s) { return std::vector<Value>{s[0] * 2.0}; }, std::array{x});
  expect_error(ErrorCode::not_differentiable, {"max_steps", "loop_gradients_test.cpp"},
               [&] { gradient(made.states[0], x); });
}

TEST(LoopGradients, OfBranchesAreThoseOfTheBranchThatIsTaken) {
  for (const double threshold : {-1.0, 1.0}) {
    const testing_support::Function f = [threshold](std::span<const Value> in) {
      const Value sign = constant(in[0].graph(), threshold, f64);
      const std::vector<Value> y = cond(
          greater(sign, 0.0), [&] { return std::vector<Value>{sin(in[0]) * in[1]}; },
          [&] { return std::vector<Value>{exp(in[0])}; });
      return sum(y[0]);
    };
    TensorSource source("branch gradients");
    const std::vector<Tensor> inputs{source.uniform({3}), source.uniform({3})};
    EXPECT_TRUE(gradients_match(f, inputs)) << threshold;
    EXPECT_TRUE(second_gradients_match(f, inputs)) << threshold;
  }
}

/// A random function of two states and an element, all [2, 3], with two captured matrices [3, 3].
class RandomBody {
 public:
  explicit RandomBody(TensorSource& source) : source_(source) {
    for (int i = 0; i < 6; ++i) choices_.push_back({source.below(8), source.below(100), source.below(100)});
  }

  ScanStep operator()(std::span<const Value> states, const Value& element,
                      std::span<const Value> captured) const {
    std::vector<Value> known{states[0], states[1], element};
    for (const auto& [kind, first, second] : choices_) {
      const Value& a = known[static_cast<std::size_t>(first) % known.size()];
      const Value& b = known[static_cast<std::size_t>(second) % known.size()];
      known.push_back(step(kind, a, b, captured));
    }
    return {.states = {known[known.size() - 1], known[known.size() - 2]},
            .outputs = {known[known.size() - 3], known[3]}};
  }

 private:
  static Value step(std::int64_t kind, const Value& a, const Value& b, std::span<const Value> captured) {
    switch (kind) {
      case 0:
        return tanh(a);
      case 1:
        return a * sigmoid(b);
      case 2:
        return matmul(a, captured[0]);
      case 3:
        return tanh(matmul(b, captured[1]) + a);
      case 4:
        return sin(a + b);
      case 5:
        return broadcast_to(mean(a, {0}, true), a.shape()) - b * 0.5;
      case 6:
        return where(greater(a, b), a, b * 0.25);
      default:
        return flip(a, {1}) * 0.5;
    }
  }

  struct Choice {
    std::int64_t kind;
    std::int64_t first;
    std::int64_t second;
  };
  TensorSource& source_;
  std::vector<Choice> choices_;
};

TEST(LoopGradients, OfRandomBodiesAreThoseOfTheUnrolledGraph) {
  TensorSource source("random loop bodies");
  for (int trial = 0; trial < 1000; ++trial) {
    const std::int64_t steps = source.below(4);
    const bool reverse = source.coin();
    const RandomBody body(source);
    Graph graph;
    const Value x = constant(graph, source.uniform({steps, 2, 3}));
    const std::vector<Value> captured{constant(graph, source.uniform({3, 3})),
                                      constant(graph, source.uniform({3, 3}))};
    const std::vector<Value> first{constant(graph, source.uniform({2, 3})),
                                   constant(graph, source.uniform({2, 3}))};
    const ScanResult made =
        scan([&](std::span<const Value> s, std::span<const Value> e) { return body(s, e[0], captured); },
             first, std::array{x}, {.reverse = reverse});
    std::vector<Value> states = first;
    std::vector<std::vector<Value>> outputs(static_cast<std::size_t>(steps));
    for (std::int64_t step = 0; step < steps; ++step) {
      const std::int64_t t = reverse ? steps - 1 - step : step;
      const ScanStep next = body(states, squeeze(slice(x, 0, t, t + 1), 0), captured);
      states = next.states;
      outputs[static_cast<std::size_t>(t)] = next.outputs;
    }
    Value loss = sum(square(made.states[0])) + sum(made.states[1]);
    Value expected = sum(square(states[0])) + sum(states[1]);
    for (std::size_t i = 0; i < 2; ++i) {
      loss = loss + sum(sin(made.outputs[i]));
      for (const auto& each : outputs) expected = expected + sum(sin(each[i]));
    }
    const std::vector<Value> wrt{x, captured[0], captured[1], first[0], first[1]};
    std::vector<Value> all = gradients(loss, wrt, Unconnected::zeros);
    const std::vector<Value> unrolled = gradients(expected, wrt, Unconnected::zeros);
    all.push_back(loss);
    all.insert(all.end(), unrolled.begin(), unrolled.end());
    all.push_back(expected);
    const std::vector<Tensor> found = evaluate_values(all);
    for (std::size_t i = 0; i <= wrt.size(); ++i) {
      const auto a = numbers(found[i]);
      const auto b = numbers(found[i + wrt.size() + 1]);
      for (std::size_t k = 0; k < b.size(); ++k)
        EXPECT_NEAR(a[k], b[k], 1e-12 * std::max(1.0, std::abs(b[k]))) << trial << ", value " << i;
    }
    if (testing::Test::HasFailure()) break;
  }
}

TEST(LoopGradients, RecomputingDrawsTheSameRandomNumbers) {
  Graph graph;
  const Value x = input(graph, "x", f64, {});
  const auto loss = [&](std::int64_t checkpoint) {
    const ScanResult made = scan(
        [&](std::span<const Value> s, std::span<const Value>) {
          const Value noise = random_uniform(graph, f64, {4});
          return ScanStep{.states = {sin(s[0] + noise * x)}, .outputs = {}};
        },
        std::array{constant(graph, Tensor::zeros(f64, {4}))}, {}, {.length = 3, .checkpoint = checkpoint});
    return sum(made.states[0]);
  };
  const Value kept = loss(0);
  const Value again = loss(1);
  for (const Value& value : {kept, again}) {
    const auto at = [&](double point) {
      return numbers(evaluate_value(value, {{"x", Tensor::scalar(point)}}))[0];
    };
    const double slope = numbers(evaluate_value(gradient(value, x), {{"x", Tensor::scalar(0.5)}}))[0];
    EXPECT_NEAR(slope, (at(0.5 + 1e-6) - at(0.5 - 1e-6)) / 2e-6, 1e-7);
  }
}

}  // namespace
}  // namespace weft
