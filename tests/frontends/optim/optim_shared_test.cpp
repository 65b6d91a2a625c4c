// What can be combined with every optimizer.

#include <cmath>
#include <limits>

#include "weft/autodiff/gradients.h"
#include "weft/ops/compare.h"
#include "weft/tests/frontends/optim/optim_runs.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::expect_error;
using testing_support::expect_near;
using testing_support::expected;
using testing_support::kRate;
using testing_support::run;

/// The numbers of a value that needs no feeds.
std::vector<double> numbers(const Value& value) {
  Session session(value.graph());
  Function function = session.compile({.inputs = {}, .outputs = {value}, .updates = {}});
  const Tensor result = function()[0];
  return visit_dtype(result.dtype(), [&]<typename T>(T) {
    return std::vector<double>(result.values<T>().begin(), result.values<T>().end());
  });
}

TEST(Gradients, AreClippedByValue) {
  Graph graph;
  const std::vector<Value> g{constant(graph, Tensor::of({-3.0, 0.5, 2.0}))};
  EXPECT_EQ(numbers(optim::clip_by_value(g, 1.0)[0]), (std::vector<double>{-1.0, 0.5, 1.0}));
  expect_error(ErrorCode::invalid_argument, {"clip_by_value", "0"}, [&] { optim::clip_by_value(g, 0.0); });
}

TEST(Gradients, KeepTheirDirectionWhenClippedByGlobalNorm) {
  Graph graph;
  const std::vector<Value> g{constant(graph, Tensor::of({3.0, 0.0})), constant(graph, Tensor::of({4.0}))};
  EXPECT_EQ(numbers(optim::global_norm(g)), std::vector<double>{5.0});
  const auto clipped = optim::clip_by_global_norm(g, 2.0);
  expect_near(numbers(clipped[0]), {1.2, 0.0});
  expect_near(numbers(clipped[1]), {1.6});
  EXPECT_EQ(numbers(optim::clip_by_global_norm(g, 5.5)[0]), (std::vector<double>{3.0, 0.0}));
  expect_error(ErrorCode::invalid_argument, {"clip_by_global_norm"},
               [&] { optim::clip_by_global_norm(g, -1.0); });
}

TEST(Gradients, OfZeroSurviveClipping) {
  Graph graph;
  const std::vector<Value> g{constant(graph, Tensor::of({0.0, 0.0}))};
  EXPECT_EQ(numbers(optim::clip_by_global_norm(g, 1.0)[0]), (std::vector<double>{0.0, 0.0}));
}

TEST(Gradients, OfAnySizeAreClippedToTheSameLength) {
  Graph graph;
  const double half_root = std::sqrt(0.5);
  for (const float size : {2.0F, 1e10F, 1e20F, 1e30F, 3e38F}) {
    const Value huge = constant(graph, Tensor::of({size, size}));
    const std::vector<Value> g{huge};
    for (const Value& y :
         {optim::clip_by_global_norm(g, 1.0)[0], optim::max_norm(1.0)(huge), optim::unit_norm()(huge)}) {
      for (const double x : numbers(y)) EXPECT_NEAR(x, half_root, 1e-6) << size;
    }
    const std::vector<Value> apart{huge, huge};
    for (const double x : numbers(optim::clip_by_global_norm(apart, 1.0)[1]))
      EXPECT_NEAR(x, 0.5, 1e-6) << size;
  }
  for (const float size : {1e-45F, 1e-30F}) {
    const Value tiny = constant(graph, Tensor::of({size, size}));
    for (const double x : numbers(optim::unit_norm()(tiny))) EXPECT_NEAR(x, half_root, 1e-6) << size;
    EXPECT_EQ(numbers(optim::max_norm(1.0)(tiny)), numbers(tiny));
  }
}

TEST(Gradients, HaveANormWithTheSlopeZeroAtZero) {
  Graph graph;
  const Value a = constant(graph, Tensor::of({0.0F, 0.0F}));
  const Value b = constant(graph, Tensor::of({0.0F}));
  const std::vector<Value> g{a, b};
  for (const Value& slope : gradients(optim::global_norm(g), g)) {
    for (const double x : numbers(slope)) EXPECT_EQ(x, 0.0);
  }
}

TEST(Gradients, ShowThatOneOfThemWasInfinite) {
  Graph graph;
  const std::vector<Value> g{constant(graph, Tensor::of({std::numeric_limits<double>::infinity(), 1.0}))};
  const auto clipped = numbers(optim::clip_by_global_norm(g, 1.0)[0]);
  EXPECT_TRUE(std::isnan(clipped[0]));
  EXPECT_EQ(clipped[1], 0.0);
}

TEST(Gradients, TakePenaltiesOfBothNorms) {
  const auto actual = run(
      [](auto p, auto g) { return optim::sgd(p, optim::add_penalty(g, p, {.l1 = 0.3, .l2 = 0.2}), kRate); });
  expect_near(actual, expected([] {
                return [](double p, double g) {
                  return p - kRate * (g + 0.3 * (p > 0.0 ? 1.0 : -1.0) + 0.2 * p);
                };
              }));
}

TEST(Rates, CanDifferBetweenParameters) {
  Graph graph;
  const std::vector<Value> p{parameter(graph, "a", Tensor::of({1.0})),
                             parameter(graph, "b", Tensor::of({1.0})),
                             parameter(graph, "c", Tensor::of({1.0}))};
  const std::vector<Value> g(3, constant(graph, Tensor::of({1.0})));
  const Value base = constant(graph, 0.5, f64);
  for (const optim::Rate& rate :
       {optim::Rate(Operand(0.5), {1.0, 0.5, 0.0}), optim::Rate(base, {1.0, 0.5, 0.0})}) {
    Session session(graph);
    Function step = session.compile({.inputs = {}, .outputs = {}, .updates = optim::sgd(p, g, rate)});
    step();
    EXPECT_EQ(session.value("a").item<double>(), 0.5);
    EXPECT_EQ(session.value("b").item<double>(), 0.75);
    EXPECT_EQ(session.value("c").item<double>(), 1.0);
  }
  expect_error(ErrorCode::invalid_argument, {"multiplier", "3", "2"},
               [&] { optim::sgd(p, g, optim::Rate(Operand(0.5), {1.0, 2.0})); });
}

TEST(Rates, TakeTheDtypeOfEachParameter) {
  Graph graph;
  const std::vector<Value> p{parameter(graph, "single", Tensor::of({1.0F})),
                             parameter(graph, "double", Tensor::of({1.0}))};
  const std::vector<Value> g{constant(graph, Tensor::of({1.0F})), constant(graph, Tensor::of({1.0}))};
  const Value rate = constant(graph, 0.5, f32);
  Session session(graph);
  const auto updates = optim::decay_weights(optim::sgd(p, g, rate), p, rate, 0.5);
  Function step = session.compile({.inputs = {}, .outputs = {}, .updates = updates});
  step();
  EXPECT_EQ(session.value("single").item<float>(), 0.25F);
  EXPECT_EQ(session.value("double").item<double>(), 0.25);
}

TEST(Updates, DecayWeightsBesideTheStep) {
  const auto actual = run([](auto p, auto g) {
    return optim::decay_weights(optim::sgd(p, g, kRate, {.momentum = 0.5}), p, kRate, 0.6);
  });
  expect_near(actual, expected([] {
                return [v = 0.0](double p, double g) mutable {
                  v = 0.5 * v + g;
                  return p - kRate * v - kRate * 0.6 * p;
                };
              }));
}

/// The value of a parameter after a step of SGD with rate 1 along `gradient`, under a constraint.
std::vector<double> constrained(const Tensor& start, const Tensor& gradient,
                                const optim::Constraint& constraint) {
  Graph graph;
  const std::vector<Value> p{parameter(graph, "p", start)};
  const std::vector<Value> g{constant(graph, gradient)};
  Session session(graph);
  Function step = session.compile(
      {.inputs = {}, .outputs = {}, .updates = optim::constrain(optim::sgd(p, g, 1.0), p, constraint)});
  step();
  const Tensor end = session.value(p[0]);
  return {end.values<double>().begin(), end.values<double>().end()};
}

TEST(Constraints, HoldAfterTheUpdate) {
  const Tensor start = Tensor::of({3.0, 1.0, 0.0, 3.0, 1.0, 0.0}, {2, 3});
  const Tensor step = Tensor::of({0.0, 0.5, 0.0, -1.0, 0.5, 0.0}, {2, 3});
  // The step leads to the columns (3, 4), (0.5, 0.5) and (0, 0).
  expect_near(constrained(start, step, optim::max_norm(2.5)), {1.5, 0.5, 0.0, 2.0, 0.5, 0.0});
  const double half_root = std::sqrt(0.5);
  expect_near(constrained(start, step, optim::unit_norm()), {0.6, half_root, 0.0, 0.8, half_root, 0.0});
  expect_near(constrained(Tensor::of({1.0, 1.0}), Tensor::of({2.0, 0.5}), optim::non_negative()), {0.0, 0.5});
}

TEST(Constraints, NeedAnUpdateOfTheParameter) {
  Graph graph;
  const std::vector<Value> p{parameter(graph, "p", Tensor::of({1.0}))};
  const std::vector<Value> q{parameter(graph, "q", Tensor::of({1.0}))};
  const std::vector<Value> updates = optim::sgd(p, p, 0.1);
  expect_error(ErrorCode::invalid_argument, {"q", "none of the updates"},
               [&] { optim::constrain(updates, q, optim::non_negative()); });
  expect_error(ErrorCode::invalid_argument, {"assign"}, [&] { optim::only_if(p[0] > 0.0, p); });
}

TEST(Accumulation, StepsOnceWithTheMeanOfSeveralRuns) {
  Graph graph;
  const std::vector<Value> p{parameter(graph, "p", Tensor::of({1.0}))};
  const Value x = input(graph, "x", f64, {1});
  Session session(graph);
  Function step =
      session.compile({.inputs = {x}, .outputs = {}, .updates = optim::accumulate(p, {{x}}, 3, [&](auto g) {
                                                       return optim::adam(p, g, 0.1);
                                                     })});
  Graph plain;
  const std::vector<Value> q{parameter(plain, "p", Tensor::of({1.0}))};
  const Value y = input(plain, "y", f64, {1});
  Session single(plain);
  Function large = single.compile({.inputs = {y}, .outputs = {}, .updates = optim::adam(q, {{y}}, 0.1)});
  for (const double start : {1.0, -4.0}) {
    const double before = session.value("p").item<double>();
    step({Tensor::of({start})});
    step({Tensor::of({start + 1.0})});
    EXPECT_EQ(session.value("p").item<double>(), before);
    step({Tensor::of({start + 5.0})});
    large({Tensor::of({start + 2.0})});
    EXPECT_NEAR(session.value("p").item<double>(), single.value("p").item<double>(), 1e-12);
    EXPECT_EQ(session.value("adam/step").item<double>(), single.value("adam/step").item<double>());
  }
  expect_error(ErrorCode::invalid_argument, {"accumulate", "runs = 0"}, [&] {
    optim::accumulate(p, p, 0, [](auto g) { return std::vector<Value>(g.begin(), g.end()); });
  });
}

}  // namespace
}  // namespace weft
