// Each optimizer against the same method written as a loop over doubles.

#include "weft/frontends/optim.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "weft/autodiff/gradients.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::expect_error;

constexpr double kRate = 0.05;
constexpr int kSteps = 6;

/// The slope of the loss below, sum((p^2 - 1)^2), at p.
double slope_at(double p) { return 4.0 * p * (p * p - 1.0); }

using Updates = std::function<std::vector<Value>(std::span<const Value>, std::span<const Value>)>;

/// Where kSteps steps lead from 2 and -0.5.
std::vector<double> run(const Updates& updates) {
  Graph graph;
  const Value p = parameter(graph, "p", Tensor::of({2.0, -0.5}));
  const Value loss = sum(square(square(p) - 1.0));
  const Value slope = gradient(loss, p);
  Session session(graph);
  Function step = session.compile({.inputs = {}, .outputs = {}, .updates = updates({{p}}, {{slope}})});
  for (int i = 0; i < kSteps; ++i) step();
  const Tensor end = session.value(p);
  return {end.values<double>().begin(), end.values<double>().end()};
}

/// The same with `step(p, slope)` for each element; a fresh method for each start.
std::vector<double> expected(const std::function<std::function<double(double, double)>()>& method) {
  std::vector<double> ends;
  for (double p : {2.0, -0.5}) {
    const auto step = method();
    for (int i = 0; i < kSteps; ++i) p = step(p, slope_at(p));
    ends.push_back(p);
  }
  return ends;
}

void expect_near(const std::vector<double>& actual, const std::vector<double>& wanted) {
  ASSERT_EQ(actual.size(), wanted.size());
  for (std::size_t i = 0; i < actual.size(); ++i) EXPECT_NEAR(actual[i], wanted[i], 1e-12);
}

TEST(Sgd, GoesDownTheSlope) {
  const auto actual = run([](auto p, auto g) { return optim::sgd(p, g, kRate); });
  expect_near(actual, expected([] { return [](double p, double g) { return p - kRate * g; }; }));
}

TEST(Sgd, KeepsMomentum) {
  const auto actual = run([](auto p, auto g) { return optim::sgd(p, g, kRate, {.momentum = 0.8}); });
  expect_near(actual, expected([] {
                return [v = 0.0](double p, double g) mutable {
                  v = 0.8 * v + g;
                  return p - kRate * v;
                };
              }));
}

TEST(Sgd, LooksAheadWithNesterov) {
  const auto actual =
      run([](auto p, auto g) { return optim::sgd(p, g, kRate, {.momentum = 0.8, .nesterov = true}); });
  expect_near(actual, expected([] {
                return [v = 0.0](double p, double g) mutable {
                  v = 0.8 * v + g;
                  return p - kRate * (g + 0.8 * v);
                };
              }));
}

TEST(Adam, CorrectsItsBias) {
  const auto actual = run([](auto p, auto g) { return optim::adam(p, g, kRate); });
  expect_near(actual, expected([] {
                return [m = 0.0, v = 0.0, t = 0](double p, double g) mutable {
                  ++t;
                  m = 0.9 * m + 0.1 * g;
                  v = 0.999 * v + 0.001 * g * g;
                  const double mhat = m / (1.0 - std::pow(0.9, t));
                  const double vhat = v / (1.0 - std::pow(0.999, t));
                  return p - kRate * mhat / (std::sqrt(vhat) + 1e-8);
                };
              }));
}

TEST(Optimizers, TakeTheRateAsAValue) {
  const auto actual =
      run([](auto p, auto g) { return optim::sgd(p, g, constant(p[0].graph(), kRate, f64)); });
  expect_near(actual, run([](auto p, auto g) { return optim::sgd(p, g, kRate); }));
}

TEST(Optimizers, NameTheirSlotsAfterTheParameter) {
  Graph graph;
  const std::vector<Value> p{parameter(graph, "dense1/weight", Tensor::of({1.0F}))};
  optim::sgd(p, p, 0.1, {.momentum = 0.9});
  optim::adam(p, p, 0.1);
  for (const char* slot :
       {"dense1/weight/momentum", "dense1/weight/adam_m", "dense1/weight/adam_v", "adam/step"}) {
    EXPECT_TRUE(graph.states().contains(slot)) << slot;
  }
}

TEST(Optimizers, RejectWhatTheyCannotUpdate) {
  Graph graph;
  const std::vector<Value> p{parameter(graph, "p", Tensor::of({1.0F}))};
  const std::vector<Value> x{input(graph, "x", f32, {1})};
  expect_error(ErrorCode::invalid_argument, {"sgd", "one gradient for each"},
               [&] { optim::sgd(p, {}, 0.1); });
  expect_error(ErrorCode::invalid_argument, {"parameter"}, [&] { optim::adam(x, x, 0.1); });
  expect_error(ErrorCode::invalid_argument, {"momentum"}, [&] { optim::sgd(p, p, 0.1, {.nesterov = true}); });
}

}  // namespace
}  // namespace weft
