#include <cmath>

#include "weft/tests/frontends/optim/optim_runs.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::expect_error;
using testing_support::expect_near;
using testing_support::expected;
using testing_support::kRate;
using testing_support::run;

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

TEST(Sgd, AddsItsWeightDecayToTheGradient) {
  const auto actual =
      run([](auto p, auto g) { return optim::sgd(p, g, kRate, {.momentum = 0.8, .weight_decay = 0.3}); });
  expect_near(actual, expected([] {
                return [v = 0.0](double p, double g) mutable {
                  v = 0.8 * v + g + 0.3 * p;
                  return p - kRate * v;
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

TEST(Adam, DividesByTheLargestMomentWithAmsgrad) {
  const auto actual = run([](auto p, auto g) {
    return optim::adam(p, g, kRate, {.beta2 = 0.5, .weight_decay = 0.2, .amsgrad = true});
  });
  expect_near(actual, expected([] {
                return [m = 0.0, v = 0.0, largest = 0.0, t = 0](double p, double g) mutable {
                  ++t;
                  g += 0.2 * p;
                  m = 0.9 * m + 0.1 * g;
                  v = 0.5 * v + 0.5 * g * g;
                  largest = std::max(largest, v);
                  const double denominator = std::sqrt(largest) / std::sqrt(1.0 - std::pow(0.5, t)) + 1e-8;
                  return p - kRate / (1.0 - std::pow(0.9, t)) * m / denominator;
                };
              }));
}

TEST(AdamW, DecaysBesideItsStep) {
  const auto actual = run([](auto p, auto g) { return optim::adamw(p, g, kRate, {.weight_decay = 0.4}); });
  expect_near(actual, expected([] {
                return [m = 0.0, v = 0.0, t = 0](double p, double g) mutable {
                  ++t;
                  p *= 1.0 - kRate * 0.4;
                  m = 0.9 * m + 0.1 * g;
                  v = 0.999 * v + 0.001 * g * g;
                  const double mhat = m / (1.0 - std::pow(0.9, t));
                  const double vhat = v / (1.0 - std::pow(0.999, t));
                  return p - kRate * mhat / (std::sqrt(vhat) + 1e-8);
                };
              }));
}

TEST(Adamax, DividesByTheDecayedMaximum) {
  const auto actual = run([](auto p, auto g) { return optim::adamax(p, g, kRate, {.beta2 = 0.7}); });
  expect_near(actual, expected([] {
                return [m = 0.0, u = 0.0, t = 0](double p, double g) mutable {
                  ++t;
                  m = 0.9 * m + 0.1 * g;
                  u = std::max(0.7 * u, std::abs(g) + 1e-8);
                  return p - kRate / (1.0 - std::pow(0.9, t)) * m / u;
                };
              }));
}

TEST(Nadam, LooksAheadWithAMomentumThatGrows) {
  const auto actual = run([](auto p, auto g) { return optim::nadam(p, g, kRate, {.momentum_decay = 0.5}); });
  expect_near(actual, expected([] {
                return [m = 0.0, v = 0.0, product = 1.0, t = 0](double p, double g) mutable {
                  ++t;
                  const double mu = 0.9 * (1.0 - 0.5 * std::pow(0.96, t * 0.5));
                  const double next_mu = 0.9 * (1.0 - 0.5 * std::pow(0.96, (t + 1) * 0.5));
                  product *= mu;
                  m = 0.9 * m + 0.1 * g;
                  v = 0.999 * v + 0.001 * g * g;
                  const double denominator = std::sqrt(v / (1.0 - std::pow(0.999, t))) + 1e-8;
                  p -= kRate * (1.0 - mu) / (1.0 - product) * g / denominator;
                  return p - kRate * next_mu / (1.0 - product * next_mu) * m / denominator;
                };
              }));
}

TEST(Lion, StepsByTheSignOfItsAverage) {
  constexpr double kLarge = 0.3;  // so that the signs change
  const auto actual =
      run([](auto p,
             auto g) { return optim::lion(p, g, kLarge, {.beta1 = 0.6, .beta2 = 0.8, .weight_decay = 0.3}); },
          20);
  expect_near(actual, expected(
                          [] {
                            return [m = 0.0](double p, double g) mutable {
                              const double c = 0.6 * m + 0.4 * g;
                              m = 0.8 * m + 0.2 * g;
                              return p - kLarge * ((c > 0.0 ? 1.0 : c < 0.0 ? -1.0 : 0.0) + 0.3 * p);
                            };
                          },
                          20));
}

double length_of(const std::vector<double>& x) {
  double total = 0.0;
  for (const double u : x) total += u * u;
  return std::sqrt(total);
}

TEST(Lamb, StepsInProportionToTheParameter) {
  const auto actual =
      run([](auto p, auto g) { return optim::lamb(p, g, kRate, {.beta2 = 0.9, .weight_decay = 0.2}); });
  std::vector<double> p(testing_support::kStarts.begin(), testing_support::kStarts.end());
  std::vector<double> m(2, 0.0);
  std::vector<double> v(2, 0.0);
  for (int t = 1; t <= testing_support::kSteps; ++t) {
    std::vector<double> r(2);
    for (std::size_t i = 0; i < 2; ++i) {
      const double g = testing_support::slope_at(p[i]);
      m[i] = 0.9 * m[i] + 0.1 * g;
      v[i] = 0.9 * v[i] + 0.1 * g * g;
      const double mhat = m[i] / (1.0 - std::pow(0.9, t));
      const double vhat = v[i] / (1.0 - std::pow(0.9, t));
      r[i] = mhat / (std::sqrt(vhat) + 1e-6) + 0.2 * p[i];
    }
    const double trust = length_of(p) / length_of(r);
    for (std::size_t i = 0; i < 2; ++i) p[i] -= kRate * trust * r[i];
  }
  expect_near(actual, p);
}

TEST(Lamb, MovesAParameterOfZeros) {
  Graph graph;
  const std::vector<Value> p{parameter(graph, "p", Tensor::of({0.0, 0.0}))};
  const std::vector<Value> g{constant(graph, Tensor::of({1.0, -2.0}))};
  const std::vector<Value> q{parameter(graph, "q", Tensor::of({0.5, 0.5}))};
  const std::vector<Value> nothing{constant(graph, Tensor::of({0.0, 0.0}))};
  Session session(graph);
  auto updates = optim::lamb(p, g, 0.1);
  const auto others = optim::lamb(q, nothing, 0.1);
  updates.insert(updates.end(), others.begin(), others.end());
  session.compile({.inputs = {}, .outputs = {}, .updates = updates})();
  EXPECT_NEAR(session.value("p").values<double>()[0], -0.1, 1e-6);
  EXPECT_NEAR(session.value("p").values<double>()[1], 0.1, 1e-6);
  EXPECT_TRUE(identical(session.value("q"), Tensor::of({0.5, 0.5})));
}

/// Adafactor's steps of a matrix, where `factored` divides by factors and otherwise by all averages.
std::vector<double> adafactor_by_hand(std::vector<double> p, const std::vector<std::vector<double>>& slopes,
                                      std::size_t rows, std::size_t columns, bool factored) {
  std::vector<double> r(rows, 0.0);
  std::vector<double> c(columns, 0.0);
  std::vector<double> all(p.size(), 0.0);
  const double count = static_cast<double>(p.size());
  for (std::size_t t = 1; t <= slopes.size(); ++t) {
    const auto& g = slopes[t - 1];
    const double b = 1.0 - std::pow(static_cast<double>(t), -0.8);
    for (double& x : r) x *= b;
    for (double& x : c) x *= b;
    for (std::size_t i = 0; i < p.size(); ++i) {
      const double square = g[i] * g[i] + 1e-30;
      r[i / columns] += (1.0 - b) * square / static_cast<double>(columns);
      c[i % columns] += (1.0 - b) * square / static_cast<double>(rows);
      all[i] = b * all[i] + (1.0 - b) * square;
    }
    double mean_row = 0.0;
    for (const double x : r) mean_row += x / static_cast<double>(rows);
    std::vector<double> u(p.size());
    for (std::size_t i = 0; i < p.size(); ++i) {
      u[i] = g[i] / std::sqrt(factored ? r[i / columns] * c[i % columns] / mean_row : all[i]);
    }
    const double rate = std::min(kRate, 1.0 / std::sqrt(static_cast<double>(t))) *
                        std::max(1e-3, length_of(p) / std::sqrt(count));
    const double shrunk = std::max(1.0, length_of(u) / std::sqrt(count) / 0.9);
    for (std::size_t i = 0; i < p.size(); ++i) p[i] -= rate * u[i] / shrunk + kRate * 0.1 * p[i];
  }
  return p;
}

TEST(Adafactor, DividesByFactorsOfTheSecondMoments) {
  const std::vector<double> start{0.5, -1.0, 2.0, 0.25, 1.5, -0.75};
  const std::vector<std::vector<double>> slopes{
      {1.0, 2.0, -3.0, 0.5, -0.1, 4.0}, {0.3, -2.0, 1.0, 0.0, 2.0, -1.0}, {-1.0, 0.2, 0.3, 3.0, 1.0, 0.7}};
  for (const bool factored : {true, false}) {
    const std::vector<std::int64_t> sizes =
        factored ? std::vector<std::int64_t>{2, 3} : std::vector<std::int64_t>{6};
    Graph graph;
    const Value p = parameter(graph, "p", Tensor::of(start, sizes));
    const Value g = input(graph, "g", f64, Shape::of(sizes));
    Session session(graph);
    Function step = session.compile(
        {.inputs = {g},
         .outputs = {},
         .updates = optim::adafactor({{p}}, {{g}}, kRate, {.largest_change = 0.9, .weight_decay = 0.1})});
    for (const auto& slope : slopes) step({Tensor::of(slope, sizes)});
    const Tensor end = session.value(p);
    expect_near({end.values<double>().begin(), end.values<double>().end()},
                adafactor_by_hand(start, slopes, 2, 3, factored));
    EXPECT_EQ(graph.states().contains("p/adafactor_rows"), factored);
  }
}

TEST(Adafactor, StaysFiniteWhereAllGradientsAreZero) {
  Graph graph;
  const Value p = parameter(graph, "p", Tensor::of({1.0F, 2.0F, 3.0F, 4.0F}, {2, 2}));
  const Value g = constant(graph, Tensor::zeros(f32, {2, 2}));
  Session session(graph);
  Function step =
      session.compile({.inputs = {}, .outputs = {}, .updates = optim::adafactor({{p}}, {{g}}, kRate)});
  step();
  step();
  EXPECT_TRUE(identical(session.value(p), Tensor::of({1.0F, 2.0F, 3.0F, 4.0F}, {2, 2})));
}

TEST(Adagrad, DividesByAllGradientsSoFar) {
  const auto actual = run(
      [](auto p, auto g) { return optim::adagrad(p, g, kRate, {.weight_decay = 0.1, .initial_sum = 2.0}); });
  expect_near(actual, expected([] {
                return [s = 2.0](double p, double g) mutable {
                  g += 0.1 * p;
                  s += g * g;
                  return p - kRate * g / (std::sqrt(s) + 1e-10);
                };
              }));
}

TEST(Adadelta, ScalesByItsOwnChanges) {
  const auto actual = run([](auto p, auto g) { return optim::adadelta(p, g, 1.0, {.epsilon = 1e-3}); });
  expect_near(actual, expected([] {
                return [v = 0.0, u = 0.0](double p, double g) mutable {
                  v = 0.9 * v + 0.1 * g * g;
                  const double d = std::sqrt(u + 1e-3) / std::sqrt(v + 1e-3) * g;
                  u = 0.9 * u + 0.1 * d * d;
                  return p - d;
                };
              }));
}

TEST(Rmsprop, DividesByTheRootMeanSquare) {
  const auto actual = run([](auto p, auto g) { return optim::rmsprop(p, g, kRate); });
  expect_near(actual, expected([] {
                return [v = 0.0](double p, double g) mutable {
                  v = 0.99 * v + 0.01 * g * g;
                  return p - kRate * g / (std::sqrt(v) + 1e-8);
                };
              }));
}

TEST(Rmsprop, CanBeCenteredAndKeepMomentum) {
  const auto actual = run([](auto p, auto g) {
    return optim::rmsprop(p, g, kRate,
                          {.alpha = 0.9, .momentum = 0.5, .centered = true, .weight_decay = 0.1});
  });
  expect_near(actual, expected([] {
                return [v = 0.0, m = 0.0, b = 0.0](double p, double g) mutable {
                  g += 0.1 * p;
                  v = 0.9 * v + 0.1 * g * g;
                  m = 0.9 * m + 0.1 * g;
                  b = 0.5 * b + g / (std::sqrt(v - m * m) + 1e-8);
                  return p - kRate * b;
                };
              }));
}

TEST(Rmsprop, StaysFiniteWhereTheGradientIsConstant) {
  constexpr std::int64_t kSize = 200;  // some of them round to a negative variance
  Graph graph;
  const std::vector<Value> p{parameter(graph, "p", Tensor::zeros(f32, {kSize}))};
  Tensor constants = Tensor::zeros(f32, {kSize});
  float next = 0.1F;
  for (float& g : constants.mutable_values<float>()) g = next *= 1.01F;
  const std::vector<Value> g{constant(graph, constants)};
  Session session(graph);
  Function step = session.compile(
      {.inputs = {}, .outputs = {}, .updates = optim::rmsprop(p, g, 1e-9, {.alpha = 0.1, .centered = true})});
  for (int i = 0; i < 50; ++i) step();
  const Tensor end = session.value(p[0]);
  for (const float x : end.values<float>()) EXPECT_TRUE(std::isfinite(x));
}

TEST(Rprop, AdaptsItsStepsToTheSignsOfTheGradient) {
  const auto actual = run([](auto p, auto g) { return optim::rprop(p, g, 0.4, {.largest_step = 0.6}); }, 12);
  expect_near(actual, expected(
                          [] {
                            return [s = 0.4, last = 0.0](double p, double g) mutable {
                              if (g * last > 0.0) s = std::min(1.2 * s, 0.6);
                              if (g * last < 0.0) {
                                s = std::max(0.5 * s, 1e-6);
                                g = 0.0;
                              }
                              last = g;
                              return p - (g > 0.0 ? s : g < 0.0 ? -s : 0.0);
                            };
                          },
                          12));
}

TEST(Ftrl, FollowsTheRegularizedLeader) {
  const auto actual = run([](auto p, auto g) {
    return optim::ftrl(p, g, 0.3, {.l1 = 0.4, .l2 = 0.2, .beta = 0.5, .initial_sum = 0.1});
  });
  const auto wanted = expected([] {
    return [n = 0.1, z = 0.0](double p, double g) mutable {
      const double sigma = (std::sqrt(n + g * g) - std::sqrt(n)) / 0.3;
      z += g - sigma * p;
      n += g * g;
      if (std::abs(z) <= 0.4) return 0.0;
      return -(z - (z > 0.0 ? 0.4 : -0.4)) / ((0.5 + std::sqrt(n)) / 0.3 + 0.2);
    };
  });
  expect_near(actual, wanted);
}

TEST(Ftrl, MakesWeightsThatHardlyMatterZero) {
  Graph graph;
  const std::vector<Value> p{parameter(graph, "p", Tensor::of({0.5, 0.5, 0.5}))};
  const std::vector<Value> g{constant(graph, Tensor::of({0.0, 0.01, 1.0}))};
  Session session(graph);
  Function step = session.compile(
      {.inputs = {}, .outputs = {}, .updates = optim::ftrl(p, g, 0.1, {.l1 = 0.5, .beta = 0.0})});
  step();
  const Tensor end = session.value(p[0]);
  EXPECT_EQ(end.values<double>()[0], 0.0);
  EXPECT_EQ(end.values<double>()[1], 0.0);
  EXPECT_NE(end.values<double>()[2], 0.0);
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
  optim::nadam(p, p, 0.1);
  optim::ftrl(p, p, 0.1);
  for (const char* slot : {"dense1/weight/momentum", "dense1/weight/adam_m", "dense1/weight/adam_v",
                           "adam/step", "nadam/mu_product", "dense1/weight/ftrl_z"}) {
    EXPECT_TRUE(graph.states().contains(slot)) << slot;
  }
}

TEST(Optimizers, CanBeUsedTwiceInScopesOfTheirOwn) {
  Graph graph;
  const std::vector<Value> p{parameter(graph, "p", Tensor::of({1.0F}))};
  for (const char* name : {"first", "second"}) {
    const Scope scope(graph, name);
    optim::adam(p, p, 0.1);
  }
  EXPECT_TRUE(graph.states().contains("first/adam/step"));
  EXPECT_TRUE(graph.states().contains("second/p/adam_m"));
}

TEST(Optimizers, KeepTheirStatesApartFromEarlierCalls) {
  Graph graph;
  const std::vector<Value> p{parameter(graph, "p", Tensor::of({1.0F}))};
  const std::vector<Value> q{parameter(graph, "q", Tensor::of({1.0F}))};
  optim::adam(p, p, 0.1);
  optim::adam(q, q, 0.1);
  optim::adam(p, p, 0.1);
  optim::sgd(p, p, 0.1, {.momentum = 0.9});
  optim::sgd(q, q, 0.1, {.momentum = 0.9});
  optim::sgd(q, q, 0.1, {.momentum = 0.9});
  const auto sgd = [&](std::span<const Value> g) { return optim::sgd(p, g, 0.1); };
  optim::accumulate(p, p, 2, sgd);
  optim::accumulate(p, p, 2, sgd);
  for (const char* slot :
       {"adam/step", "p/adam_m", "adam_2/adam/step", "adam_2/q/adam_m", "adam_3/adam/step", "adam_3/p/adam_v",
        "p/momentum", "q/momentum", "sgd_2/q/momentum", "accumulation/run", "accumulation_2/p/accumulated"}) {
    EXPECT_TRUE(graph.states().contains(slot)) << slot;
  }
}

TEST(Optimizers, OfTwoCallsCountTheirOwnSteps) {
  Graph graph;
  const std::vector<Value> p{parameter(graph, "p", Tensor::of({1.0}))};
  const std::vector<Value> q{parameter(graph, "q", Tensor::of({1.0}))};
  Session session(graph);
  Function first = session.compile({.inputs = {}, .outputs = {}, .updates = optim::adam(p, p, 0.1)});
  Function second = session.compile({.inputs = {}, .outputs = {}, .updates = optim::adam(q, q, 0.1)});
  first();
  first();
  second();
  EXPECT_EQ(session.value("adam/step").item<double>(), 2.0);
  EXPECT_EQ(session.value("adam_2/adam/step").item<double>(), 1.0);
}

TEST(Optimizers, NameTheLineOfAnEmptyValue) {
  Graph graph;
  const std::vector<Value> p{parameter(graph, "p", Tensor::of({1.0F}))};
  const std::vector<Value> none{Value()};
  const auto refuses = [](std::string_view method, const auto& call) {
    expect_error(ErrorCode::invalid_argument, {method, "empty value", "optim_methods_test.cpp:"}, call);
  };
  refuses("sgd", [&] { optim::sgd(p, none, 0.1); });
  refuses("sgd", [&] { optim::sgd(none, p, 0.1); });
  refuses("adam", [&] { optim::adam(none, p, 0.1); });
  refuses("rmsprop", [&] { optim::rmsprop(p, none, 0.1); });
  refuses("accumulate", [&] {
    optim::accumulate(p, none, 2, [](auto g) { return std::vector<Value>(g.begin(), g.end()); });
  });
}

TEST(Optimizers, RejectWhatTheyCannotUpdate) {
  Graph graph;
  const std::vector<Value> p{parameter(graph, "p", Tensor::of({1.0F}))};
  const std::vector<Value> x{input(graph, "x", f32, {1})};
  expect_error(ErrorCode::invalid_argument, {"sgd", "one gradient for each"},
               [&] { optim::sgd(p, {}, 0.1); });
  expect_error(ErrorCode::invalid_argument, {"adam", "one gradient for each"},
               [&] { optim::adam({}, {}, 0.1); });
  expect_error(ErrorCode::invalid_argument, {"parameter"}, [&] { optim::adam(x, x, 0.1); });
  expect_error(ErrorCode::invalid_argument, {"momentum"}, [&] { optim::sgd(p, p, 0.1, {.nesterov = true}); });
  expect_error(ErrorCode::invalid_argument, {"rprop", "number"},
               [&] { optim::rprop(p, p, constant(graph, 0.1)); });
  const auto line = std::to_string(__LINE__ + 1);
  const auto wrong = [&] { optim::sgd(p, {}, 0.1); };
  expect_error(ErrorCode::invalid_argument, {"optim_methods_test.cpp:" + line}, wrong);
}

/// Two parameters after two steps: down a slope that has no square in f32, and then down an ordinary one; and
/// down ordinary ones alone.
std::vector<float> after_a_large_slope(const testing_support::Updates& updates) {
  Graph graph;
  const Value p = parameter(graph, "p", Tensor::of({1.0F, 1.0F}));
  const Value slope = input(graph, "slope", f32, {2});
  Session session(graph);
  Function step = session.compile({.inputs = {slope}, .outputs = {}, .updates = updates({{p}}, {{slope}})});
  step({Tensor::of({1e20F, 1.0F})});
  step({Tensor::of({1.0F, 1.0F})});
  const Tensor end = session.value(p);
  return {end.values<float>().begin(), end.values<float>().end()};
}

TEST(LargeGradients, LeaveParametersWhereTheyAreIfTheirSquaresOverflow) {
  const std::vector<testing_support::Updates> methods{
      [](auto p, auto g) { return optim::adam(p, g, kRate); },
      [](auto p, auto g) { return optim::adamw(p, g, kRate, {.weight_decay = 0.0}); },
      [](auto p, auto g) { return optim::nadam(p, g, kRate); },
      [](auto p, auto g) { return optim::rmsprop(p, g, kRate); },
      [](auto p, auto g) { return optim::adagrad(p, g, kRate); },
      [](auto p, auto g) { return optim::adadelta(p, g, 1.0); }};
  for (std::size_t method = 0; method < methods.size(); ++method) {
    const auto end = after_a_large_slope(methods[method]);
    EXPECT_EQ(end[0], 1.0F) << method;
    EXPECT_LT(end[1], 1.0F) << method;
    const auto clipped = after_a_large_slope(
        [&](auto p, auto g) { return methods[method](p, optim::clip_by_global_norm(g, 1.0)); });
    EXPECT_LT(clipped[0], 1.0F) << method;
  }
}

}  // namespace
}  // namespace weft
