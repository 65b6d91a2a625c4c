// Proximal methods, FTML, schedule-free steps and Muon, against loops over doubles.

#include <cmath>

#include "weft/ops/layout.h"
#include "weft/ops/linalg.h"
#include "weft/ops/matmul.h"
#include "weft/tests/frontends/optim/optim_runs.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::evaluate_value;
using testing_support::expect_error;
using testing_support::expect_near;
using testing_support::expected;
using testing_support::kRate;
using testing_support::kSteps;
using testing_support::numbers;
using testing_support::run;

double shrunk_by(double q, double least) { return std::copysign(std::max(std::abs(q) - least, 0.0), q); }

TEST(ProximalSgd, TakesTheExactStepOfItsPenalty) {
  const auto actual =
      run([](auto p, auto g) { return optim::proximal_sgd(p, g, kRate, {.l1 = 0.7, .l2 = 0.3}); });
  expect_near(actual, expected([] {
                return [](double p, double g) {
                  return shrunk_by(p - kRate * g, kRate * 0.7) / (1.0 + kRate * 0.3);
                };
              }));
  const auto plain = run([](auto p, auto g) { return optim::proximal_sgd(p, g, kRate); });
  expect_near(plain, run([](auto p, auto g) { return optim::sgd(p, g, kRate); }));
  // A penalty above the slope leaves exact zeros.
  const auto sparse = run([](auto p, auto g) { return optim::proximal_sgd(p, g, kRate, {.l1 = 1e4}); });
  EXPECT_EQ(sparse, (std::vector<double>{0.0, 0.0}));
}

TEST(ProximalAdagrad, ShrinksByItsOwnSteps) {
  const auto actual = run([](auto p, auto g) {
    return optim::proximal_adagrad(p, g, kRate, {.l1 = 0.5, .l2 = 0.2, .initial_sum = 0.4});
  });
  expect_near(actual, expected([] {
                return [s = 0.4](double p, double g) mutable {
                  s += g * g;
                  const double lr = kRate / std::sqrt(s);
                  return shrunk_by(p - lr * g, lr * 0.5) / (1.0 + lr * 0.2);
                };
              }));
  expect_error(ErrorCode::invalid_argument, {"proximal_adagrad", "> 0", "more_methods_test.cpp"}, [] {
    run([](auto p, auto g) { return optim::proximal_adagrad(p, g, kRate, {.initial_sum = 0.0}); });
  });
}

TEST(AdagradDa, TakesAllStepsAtOnce) {
  const auto actual = run([](auto p, auto g) {
    return optim::adagrad_da(p, g, kRate, {.l1 = 0.3, .l2 = 0.2, .initial_sum = 0.1});
  });
  expect_near(actual, expected([] {
                return [z = 0.0, s = 0.1, t = 0.0](double, double g) mutable {
                  t += 1.0;
                  z += g;
                  s += g * g;
                  return -kRate * shrunk_by(z, 0.3 * t) / (0.2 * t * kRate + std::sqrt(s));
                };
              }));
}

TEST(Ftml, FollowsTheMovingLeader) {
  const auto actual = run([](auto p, auto g) {
    return optim::ftml(p, g, kRate, {.beta1 = 0.6, .beta2 = 0.9, .epsilon = 1e-3, .weight_decay = 0.1});
  });
  expect_near(actual, expected([] {
                return [v = 0.0, z = 0.0, d = 0.0, t = 0](double p, double g) mutable {
                  ++t;
                  g += 0.1 * p;
                  v = 0.9 * v + 0.1 * g * g;
                  const double e =
                      (1.0 - std::pow(0.6, t)) / kRate * (std::sqrt(v / (1.0 - std::pow(0.9, t))) + 1e-3);
                  z = 0.6 * z + 0.4 * g - (e - 0.6 * d) * p;
                  d = e;
                  return -z / d;
                };
              }));
}

TEST(ScheduleFree, MovesBetweenItsStepsAndTheirAverage) {
  Graph graph;
  const Value p = parameter(graph, "p", Tensor::of({2.0, -0.5}));
  const Value slope = gradient(sum(square(square(p) - 1.0)), p);
  const auto free = optim::schedule_free_sgd(std::vector{p}, std::vector{slope}, kRate,
                                             {.beta = 0.8, .weight_decay = 0.1, .warm_up = 4});
  Session session(graph);
  const Function step = session.compile({.updates = free.updates});
  for (int i = 0; i < kSteps; ++i) step();
  const std::vector<double> starts{2.0, -0.5};
  for (std::size_t i = 0; i < 2; ++i) {
    double x = starts[i];
    double z = x;
    double y = x;
    double total = 0.0;
    for (int t = 1; t <= kSteps; ++t) {
      const double share = std::min(t / 4.0, 1.0);
      const double g = testing_support::slope_at(y) + 0.1 * y;
      z -= kRate * share * g;
      const double weight = kRate * share * kRate * share;
      total += weight;
      x += weight / total * (z - x);
      y = 0.2 * z + 0.8 * x;
    }
    EXPECT_NEAR(session.value(p).values<double>()[i], y, 1e-11);
    EXPECT_NEAR(session.value(free.averages[0]).values<double>()[i], x, 1e-11);
  }
  expect_error(ErrorCode::invalid_argument, {"schedule_free_sgd", "beta in [0, 1)", "more_methods_test.cpp"},
               [&] { optim::schedule_free_sgd(std::vector{p}, std::vector{slope}, kRate, {.beta = 1.0}); });
}

TEST(NewtonSchulz, BringsSingularValuesNearOne) {
  Graph graph;
  const Value wide = constant(graph, Tensor::of({3.0, 1.0, -2.0, 0.5, 4.0, 1.0}, {2, 3}));
  for (const Value& matrix :
       {wide, transpose(wide), constant(graph, Tensor::of({5.0, 0.1, 0.0, 0.3}, {2, 2}))}) {
    const SvdFactors before = svd(matrix);
    const Value made = optim::newton_schulz(matrix);
    for (const double s : numbers(evaluate_value(svd(made).values))) {
      EXPECT_GT(s, 0.6);
      EXPECT_LT(s, 1.3);
    }
    // The directions stay: U^T made V is diagonal.
    const Value core = matmul(matmul(before.u, made, true), before.vt, false, true);
    const auto of_core = numbers(evaluate_value(core));
    EXPECT_NEAR(of_core[1], 0.0, 1e-9);
    EXPECT_NEAR(of_core[2], 0.0, 1e-9);
  }
  expect_error(ErrorCode::invalid_argument, {"newton_schulz", "more_methods_test.cpp"},
               [&] { optim::newton_schulz(wide, 0); });
}

TEST(Muon, StepsAlongTheOrthogonalPart) {
  Graph graph;
  const Value w = parameter(graph, "w", Tensor::of({1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0}, {2, 4}));
  const Value g = constant(graph, Tensor::of({3.0, 1.0, -2.0, 0.5, 4.0, 1.0, 0.0, -1.0}, {2, 4}));
  const auto updates =
      optim::muon(std::vector{w}, std::vector{g}, 0.1, {.momentum = 0.5, .weight_decay = 0.2});
  Session session(graph);
  const auto direction = numbers(evaluate_value(optim::newton_schulz(g)));
  const Function step = session.compile({.updates = updates});
  std::vector<double> wanted{1, 2, 3, 4, 5, 6, 7, 8};
  for (int t = 0; t < 2; ++t) {  // with a constant gradient every step has its direction
    step();
    for (std::size_t i = 0; i < 8; ++i) wanted[i] -= 0.1 * (std::sqrt(2.0) * direction[i] + 0.2 * wanted[i]);
  }
  const Tensor made = session.value(w);
  for (std::size_t i = 0; i < 8; ++i) EXPECT_NEAR(made.values<double>()[i], wanted[i], 1e-6) << i;
  EXPECT_NEAR(session.value("w/muon_m").values<double>()[0], 4.5, 1e-12);
  const Value bias = parameter(graph, "b", Tensor::of({1.0}));
  expect_error(ErrorCode::shape_mismatch, {"muon", "two axes", "f64[1]", "more_methods_test.cpp"},
               [&] { optim::muon(std::vector{bias}, std::vector{bias}, 0.1); });
}

TEST(Gradients, AreClippedOneByOne) {
  Graph graph;
  const std::vector<Value> g{constant(graph, Tensor::of({3.0, 4.0})), constant(graph, Tensor::of({0.5, 0.0})),
                             constant(graph, Tensor::of({0.0}))};
  const auto all = [](const std::vector<Value>& values) {
    std::vector<double> found;
    for (const Value& value : values) {
      for (const double x : numbers(evaluate_value(value))) found.push_back(x);
    }
    return found;
  };
  expect_near(all(optim::clip_by_norm(g, 1.0)), {0.6, 0.8, 0.5, 0.0, 0.0});
  expect_near(all(optim::clip_by_average_norm(g, 1.0)), {1.2, 1.6, 0.5, 0.0, 0.0});
  expect_near(all(optim::normalize_each(g)), {0.6, 0.8, 1.0, 0.0, 0.0});
  const double whole = std::sqrt(25.25);
  expect_near(all(optim::normalize_together(g)), {3 / whole, 4 / whole, 0.5 / whole, 0.0, 0.0});
  expect_near(all(optim::normalize_together(std::vector{g[2]})), {0.0});
  expect_error(ErrorCode::invalid_argument, {"clip_by_norm", "0"}, [&] { optim::clip_by_norm(g, 0.0); });
}

TEST(Gradients, TakeAPenaltyEach) {
  Graph graph;
  const std::vector<Value> p{parameter(graph, "a", Tensor::of({2.0, -1.0})),
                             parameter(graph, "b", Tensor::of({3.0}))};
  const std::vector<Value> g{constant(graph, Tensor::of({0.0, 0.0})), constant(graph, Tensor::of({1.0}))};
  const std::vector<optim::Penalty> penalties{{.l1 = 0.5, .l2 = 0.1}, {}};
  const auto made = optim::add_penalties(g, p, penalties);
  Session session(graph);
  const Outputs found = session.compile({.outputs = made})();
  expect_near(numbers(found[0]), {0.7, -0.6});
  expect_near(numbers(found[1]), {1.0});
  expect_error(ErrorCode::invalid_argument, {"one penalty", "2", "1"},
               [&] { optim::add_penalties(g, p, std::span(penalties).first(1)); });
}

}  // namespace
}  // namespace weft
