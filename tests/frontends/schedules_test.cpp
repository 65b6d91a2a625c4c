#include "weft/frontends/schedules.h"

#include <gtest/gtest.h>

#include <cmath>

#include "weft/autodiff/gradients.h"
#include "weft/frontends/optim/optim.h"
#include "weft/frontends/plateau.h"
#include "weft/ops/source.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::expect_error;

/// The schedule at every step of `count`, in f64, beside the formula; and once in f32.
void expect_schedule(const std::function<Value(const Value&)>& schedule,
                     const std::function<double(double)>& formula, int count = 40) {
  Graph graph;
  const Value step = input(graph, "step", f64, {});
  const Value step32 = input(graph, "step32", f32, {});
  Session session(graph);
  Function function = session.compile(
      {.inputs = {step, step32}, .outputs = {schedule(step), schedule(step32)}, .updates = {}});
  for (int i = 0; i < count; ++i) {
    const auto rates = function({Tensor::scalar(double(i)), Tensor::scalar(float(i))});
    EXPECT_NEAR(rates[0].item<double>(), formula(i), 1e-12) << "step " << i;
    EXPECT_NEAR(static_cast<double>(rates[1].item<float>()), formula(i), 1e-6) << "step " << i;
  }
}

TEST(Schedules, FollowTheirFormulas) {
  expect_schedule([](auto& s) { return schedules::constant(s, 0.3); }, [](double) { return 0.3; });
  expect_schedule([](auto& s) { return schedules::step_decay(s, 0.3, 7, 0.5); },
                  [](double s) { return 0.3 * std::pow(0.5, std::floor(s / 7.0)); });
  expect_schedule([](auto& s) { return schedules::multistep(s, 0.3, {5, 20}, 0.1); },
                  [](double s) { return s < 5.0    ? 0.3
                                        : s < 20.0 ? 0.03
                                                   : 0.003; });
  expect_schedule([](auto& s) { return schedules::exponential(s, 0.3, 0.9); },
                  [](double s) { return 0.3 * std::pow(0.9, s); });
  expect_schedule([](auto& s) { return schedules::inverse(s, 0.3, 0.1, 0.75); },
                  [](double s) { return 0.3 * std::pow(1.0 + 0.1 * s, -0.75); });
  expect_schedule([](auto& s) { return schedules::polynomial(s, 0.3, 25, 2.0, 0.05); },
                  [](double s) {
                    const double left = 1.0 - std::min(s, 25.0) / 25.0;
                    return 0.25 * left * left + 0.05;
                  });
  expect_schedule([](auto& s) { return schedules::cosine(s, 0.3, 25, 0.05); },
                  [](double s) {
                    return 0.05 + 0.25 * (1.0 + std::cos(std::acos(-1.0) * std::min(s, 25.0) / 25.0)) / 2.0;
                  });
}

TEST(Schedules, RiseFallAndBeginAgain) {
  expect_schedule([](auto& s) { return schedules::sigmoid(s, 0.3, -0.5, 12.0); },
                  [](double s) { return 0.3 / (1.0 + std::exp(0.5 * (s - 12.0))); });
  expect_schedule([](auto& s) { return schedules::piecewise(s, {5, 20}, {0.3, 0.01, 0.2}); },
                  [](double s) { return s < 5.0    ? 0.3
                                        : s < 20.0 ? 0.01
                                                   : 0.2; });
  const auto ramp = [](double share) {
    return 0.05 + 0.25 * (1.0 + std::cos(std::acos(-1.0) * share)) / 2.0;
  };
  expect_schedule([](auto& s) { return schedules::cosine_restarts(s, 0.3, 10, 1.0, 0.05); },
                  [&](double s) { return ramp(std::fmod(s, 10.0) / 10.0); });
  expect_schedule([](auto& s) { return schedules::cosine_restarts(s, 0.3, 5, 2.0, 0.05); },
                  [&](double s) {  // cycles begin at 0, 5, 15, 35
                    return s < 5.0    ? ramp(s / 5.0)
                           : s < 15.0 ? ramp((s - 5.0) / 10.0)
                           : s < 35.0 ? ramp((s - 15.0) / 20.0)
                                      : ramp((s - 35.0) / 40.0);
                  });
  Graph graph;
  const Value step = input(graph, "step", f32, {});
  expect_error(ErrorCode::invalid_argument, {"piecewise", "3 rates", "schedules_test.cpp"},
               [&] { schedules::piecewise(step, {1, 2}, {0.1, 0.2}); });
  expect_error(ErrorCode::invalid_argument, {"cosine_restarts", "growth >= 1"},
               [&] { schedules::cosine_restarts(step, 0.1, 10, 0.5); });
}

TEST(Schedules, WarmUpWrapsAnother) {
  expect_schedule([](auto& s) { return schedules::warm_up(s, schedules::exponential(s, 0.3, 0.9), 10, 0.2); },
                  [](double s) { return 0.3 * std::pow(0.9, s) * (0.2 + 0.8 * std::min(s / 10.0, 1.0)); });
}

TEST(Schedules, CyclicGoesUpAndDown) {
  expect_schedule([](auto& s) { return schedules::cyclic(s, 0.1, 0.5, 8); },
                  [](double s) {
                    const double cycle = std::floor(1.0 + s / 16.0);
                    const double x = std::abs(s / 8.0 - 2.0 * cycle + 1.0);
                    return 0.1 + 0.4 * std::max(0.0, 1.0 - x);
                  });
}

TEST(Schedules, OneCycleRisesOnceAndFallsFurther) {
  // PyTorch's: lr_min + (lr_max - lr_min) (1 + cos(pi share)) / 2 from one phase's end to the next one's.
  expect_schedule([](auto& s) { return schedules::one_cycle(s, 0.5, 30); },
                  [](double s) {
                    const auto between = [](double from, double to, double share) {
                      return to + (from - to) / 2.0 * (1.0 + std::cos(std::acos(-1.0) * share));
                    };
                    if (s <= 8.0) return between(0.02, 0.5, s / 8.0);
                    return between(0.5, 0.02 / 1e4, std::min((s - 8.0) / 21.0, 1.0));
                  },
                  35);
}

TEST(Schedules, DriveAnOptimizerAndItsCounterInOneStep) {
  Graph graph;
  const std::vector<Value> p{parameter(graph, "p", Tensor::of({10.0F}))};
  const std::vector<Value> g{constant(graph, Tensor::of({1.0F}))};
  const auto counter = schedules::step_counter(graph);
  auto updates = optim::sgd(p, g, schedules::step_decay(counter.step, 1.0, 2, 0.5));
  updates.push_back(counter.update);
  Session session(graph);
  Function step = session.compile({.inputs = {}, .outputs = {}, .updates = updates});
  for (int i = 0; i < 5; ++i) step();
  EXPECT_EQ(session.value("p").item<float>(), 10.0F - (1.0F + 1.0F + 0.5F + 0.5F + 0.25F));
  EXPECT_EQ(session.value("step").item<float>(), 5.0F);
}

TEST(Schedules, RejectWhatNeverEnds) {
  Graph graph;
  const Value step = input(graph, "step", f32, {});
  const auto line = std::to_string(__LINE__ + 1);
  const auto wrong = [&] { schedules::cosine(step, 0.1, 0); };
  expect_error(ErrorCode::invalid_argument, {"schedules_test.cpp:" + line, "positive"}, wrong);
  expect_error(ErrorCode::invalid_argument, {"gamma"}, [&] { schedules::exponential(step, 0.1, 0.0); });
  expect_error(ErrorCode::invalid_argument, {"rise"}, [&] { schedules::one_cycle(step, 0.1, 3); });
}

struct Rate {
  Graph graph;
  Value value = parameter(graph, "rate", Tensor::scalar(1.0F));
  Session session{graph};
  double now() { return static_cast<double>(session.value(value).item<float>()); }
};

TEST(ReduceOnPlateau, LowersTheRateWhenResultsStayBad) {
  Rate rate;
  schedules::ReduceOnPlateau plateau(rate.session, rate.value,
                                     {.factor = 0.5, .patience = 2, .cooldown = 1, .lowest = 0.2});
  for (const double loss : {1.0, 0.9, 0.95, 0.9}) EXPECT_FALSE(plateau.observe(loss)) << loss;
  EXPECT_EQ(rate.now(), 1.0);
  EXPECT_TRUE(plateau.observe(std::nan("")));  // the third that is no better
  EXPECT_EQ(rate.now(), 0.5);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(plateau.observe(1.0));  // one of them in the cooldown
  EXPECT_TRUE(plateau.observe(1.0));
  EXPECT_EQ(rate.now(), 0.25);
  for (int i = 0; i < 3; ++i) plateau.observe(1.0);
  EXPECT_TRUE(plateau.observe(1.0));
  EXPECT_NEAR(rate.now(), 0.2, 1e-7);
  for (int i = 0; i < 8; ++i) EXPECT_FALSE(plateau.observe(1.0));
}

TEST(ReduceOnPlateau, KnowsResultsThatShallGrow) {
  Rate rate;
  schedules::ReduceOnPlateau plateau(rate.session, rate.value, {.patience = 0, .maximize = true});
  EXPECT_FALSE(plateau.observe(0.5));
  EXPECT_FALSE(plateau.observe(0.6));
  EXPECT_TRUE(plateau.observe(0.60001));  // within the threshold
  EXPECT_NEAR(rate.now(), 0.1, 1e-7);
}

TEST(ReduceOnPlateau, TakesTheThresholdOfNegativeResultsByTheirSize) {
  Rate still;
  schedules::ReduceOnPlateau flat(still.session, still.value, {.patience = 2});
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(flat.observe(-1.0));
  EXPECT_TRUE(flat.observe(-1.0));
  Rate rising;
  schedules::ReduceOnPlateau worse(rising.session, rising.value, {.patience = 0, .threshold = 0.1});
  EXPECT_FALSE(worse.observe(-100.0));
  EXPECT_FALSE(worse.observe(-111.0));  // better by more than a tenth
  EXPECT_TRUE(worse.observe(-105.0));   // worse
  Rate growing;
  schedules::ReduceOnPlateau likelihood(growing.session, growing.value,
                                        {.patience = 0, .threshold = 0.1, .maximize = true});
  EXPECT_FALSE(likelihood.observe(-100.0));
  EXPECT_FALSE(likelihood.observe(-80.0));
  EXPECT_TRUE(likelihood.observe(-79.0));
}

TEST(ReduceOnPlateau, RejectsWhatItCannotLower) {
  Rate rate;
  const Value vector = parameter(rate.graph, "vector", Tensor::of({1.0F}));
  expect_error(ErrorCode::invalid_argument, {"scalar", "f32[1]"},
               [&] { schedules::ReduceOnPlateau(rate.session, vector); });
  expect_error(ErrorCode::invalid_argument, {"factor 1"},
               [&] { schedules::ReduceOnPlateau(rate.session, rate.value, {.factor = 1.0}); });
}

}  // namespace
}  // namespace weft
