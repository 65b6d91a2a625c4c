// Averages of weights over the steps of a training.

#include "weft/frontends/optim/averages.h"

#include "weft/runtime/files/weights.h"
#include "weft/tests/frontends/optim/optim_runs.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::expect_error;
using testing_support::kRate;
using testing_support::slope_at;

/// A parameter that walks down its slope, beside the same walk in doubles.
struct Walk {
  Graph graph;
  Value p = parameter(graph, "p", Tensor::of({2.0}));
  std::vector<Value> updates = optim::sgd({{p}}, {{gradient(sum(square(square(p) - 1.0)), p)}}, kRate);
  Session session{graph};
  double by_hand = 2.0;

  double next_by_hand() { return by_hand -= kRate * slope_at(by_hand); }
  double value(const Value& of) { return session.value(of).item<double>(); }
  double value(const char* label) { return session.value(label).item<double>(); }
};

TEST(Ema, FollowsTheWeights) {
  Walk walk;
  const optim::Averaged averaged = optim::ema(walk.updates, {{walk.p}}, 0.7);
  Function step = walk.session.compile({.inputs = {}, .outputs = {}, .updates = averaged.updates});
  EXPECT_EQ(walk.value(averaged.averages[0]), 2.0);
  double average = 0.0;
  for (int t = 0; t < 5; ++t) {
    step();
    walk.next_by_hand();
    average = t == 0 ? walk.by_hand : 0.7 * average + 0.3 * walk.by_hand;
    EXPECT_NEAR(walk.value(walk.p), walk.by_hand, 1e-12);
    EXPECT_NEAR(walk.value(averaged.averages[0]), average, 1e-12);
  }
}

TEST(Ema, IsExchangedWithTheWeights) {
  Walk walk;
  const optim::Averaged averaged = optim::ema(walk.updates, {{walk.p}}, 0.7);
  Function step = walk.session.compile({.inputs = {}, .outputs = {}, .updates = averaged.updates});
  Function exchange = walk.session.compile(
      {.inputs = {}, .outputs = {}, .updates = optim::exchanged({{walk.p}}, averaged.averages)});
  step();
  step();
  const double last = walk.value(walk.p);
  const double average = walk.value("p/ema");
  EXPECT_NE(last, average);
  exchange();
  EXPECT_EQ(walk.value(walk.p), average);
  EXPECT_EQ(walk.value("p/ema"), last);
  exchange();
  EXPECT_EQ(walk.value(walk.p), last);
}

TEST(Ema, IsSavedWithTheWeights) {
  Walk walk;
  optim::ema(walk.updates, {{walk.p}}, 0.7);
  EXPECT_EQ(weights_of(walk.graph), (std::set<std::string, std::less<>>{"p", "p/ema"}));
}

TEST(Swa, IsTheMeanOfTheWeightsThatCount) {
  Walk walk;
  const optim::Averaged averaged = optim::swa(walk.updates, {{walk.p}}, {.start = 2, .every = 3});
  Function step = walk.session.compile({.inputs = {}, .outputs = {}, .updates = averaged.updates});
  std::vector<double> counted;
  for (int t = 1; t <= 9; ++t) {
    step();
    walk.next_by_hand();
    if (t == 3 || t == 6 || t == 9) counted.push_back(walk.by_hand);
    double mean = counted.empty() ? 2.0 : 0.0;
    for (const double x : counted) mean += x / static_cast<double>(counted.size());
    EXPECT_NEAR(walk.value(averaged.averages[0]), mean, 1e-12) << t;
    EXPECT_NEAR(walk.value(walk.p), walk.by_hand, 1e-12);
  }
}

TEST(Lookahead, GoesAShareOfTheWay) {
  Walk walk;
  Function step = walk.session.compile(
      {.inputs = {},
       .outputs = {},
       .updates = optim::lookahead(walk.updates, {{walk.p}}, {.steps = 3, .share = 0.4})});
  walk.session.set(walk.p, Tensor::of({1.7}));  // it begins from what is there, as after loading
  walk.by_hand = 1.7;
  double slow = 1.7;
  for (int t = 1; t <= 7; ++t) {
    step();
    walk.next_by_hand();
    if (t % 3 == 0) walk.by_hand = slow += 0.4 * (walk.by_hand - slow);
    EXPECT_NEAR(walk.value(walk.p), walk.by_hand, 1e-12) << t;
  }
}

TEST(Averages, TakeTheDtypeOfEachParameter) {
  Graph graph;
  const std::vector<Value> p{parameter(graph, "p", Tensor::of({1.0})),
                             parameter(graph, "q", Tensor::of({1.0F}))};
  const auto updates = optim::lookahead(optim::sgd(p, p, 0.5), p, {.steps = 2});
  const auto mean = optim::swa(optim::ema(updates, p, 0.5).updates, p);
  Session session(graph);
  session.compile({.inputs = {}, .outputs = {}, .updates = mean.updates})();
  EXPECT_EQ(session.value("p/ema").item<double>(), 0.5);
  EXPECT_EQ(session.value("q/swa").item<float>(), 0.5F);
}

TEST(Averages, RejectWhatIsNone) {
  Walk walk;
  const std::vector<Value> p{walk.p};
  const auto line = testing_support::at_line(__LINE__ + 1);
  const auto wrong = [&] { optim::ema(walk.updates, p, 1.0); };
  expect_error(ErrorCode::invalid_argument, {line, "ema", "[0, 1)", "1"}, wrong);
  expect_error(ErrorCode::invalid_argument, {"swa", "every >= 1", "0"},
               [&] { optim::swa(walk.updates, p, {.every = 0}); });
  expect_error(ErrorCode::invalid_argument, {"swa", "start >= 0"},
               [&] { optim::swa(walk.updates, p, {.start = -1}); });
  expect_error(ErrorCode::invalid_argument, {"lookahead", "steps >= 1"},
               [&] { optim::lookahead(walk.updates, p, {.steps = 0}); });
  expect_error(ErrorCode::invalid_argument, {"lookahead", "(0, 1]"},
               [&] { optim::lookahead(walk.updates, p, {.share = 0.0}); });
  const std::vector<Value> other{parameter(walk.graph, "q", Tensor::of({1.0}))};
  expect_error(ErrorCode::invalid_argument, {"none of the updates", "q"},
               [&] { optim::ema(walk.updates, other, 0.5); });
  expect_error(ErrorCode::invalid_argument, {"exchanged", "1 averages", "0"},
               [&] { optim::exchanged(p, {}); });
}

}  // namespace
}  // namespace weft
