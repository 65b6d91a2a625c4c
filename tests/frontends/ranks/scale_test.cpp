#include "weft/frontends/ranks/scale.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "weft/runtime/ranks/simulated.h"
#include "weft/tests/support/expect_error.h"

namespace weft::ranks {
namespace {

using testing_support::expect_error;

constexpr Network kNetwork{.latency = 1e-3, .bytes_per_second = 1e6, .progress = 1.0};

TEST(Scale, CostsOfExchangesAreThoseOfTheBestAlgorithm) {
  const auto reduce = [](double bytes, std::int64_t ranks) {
    return exchange_seconds(ExchangeKind::all_reduce, bytes, ranks, kNetwork);
  };
  EXPECT_EQ(reduce(1e6, 1), 0.0);
  EXPECT_NEAR(reduce(8.0, 4), 2 * (1e-3 + 8e-6), 1e-12);          // doubling: 2 rounds
  EXPECT_NEAR(reduce(1e6, 4), 4 * 1e-3 + 2 * 0.75 * 1.0, 1e-12);  // halving and doubling
  EXPECT_NEAR(reduce(1e6, 2), 1e-3 + 1.0, 1e-12);                 // one message each way
  EXPECT_NEAR(exchange_seconds(ExchangeKind::barrier, 0.0, 5, kNetwork), 3e-3, 1e-12);
  EXPECT_NEAR(exchange_seconds(ExchangeKind::all_gather, 1e3, 4, kNetwork), 2e-3 + 3e-3, 1e-12);
}

/// A step of 10 s with an exchange of 1 s among two ranks (less its latency) at each time.
StepTimes step_of(const std::vector<std::pair<double, double>>& times) {
  StepTimes step{.seconds = 10.0, .exchanges = {}};
  for (const auto& [started, finished] : times)
    step.exchanges.push_back({.bytes = 0.999e6, .started = started, .finished = finished});
  return step;
}

TEST(Scale, HidesExchangesBehindTheWorkThatIsLeft) {
  const auto predicted = [](const StepTimes& step) { return predict_step(step, kNetwork, 2); };
  const StepPrediction hidden = predicted(step_of({{2.0, 9.0}}));
  EXPECT_NEAR(hidden.seconds, 10.0, 1e-9);
  EXPECT_NEAR(hidden.overlap(), 1.0, 1e-9);
  EXPECT_NEAR(hidden.efficiency(), 1.0, 1e-9);
  const StepPrediction half = predicted(step_of({{8.5, 9.0}}));
  EXPECT_NEAR(half.waiting, 0.5, 1e-9);
  EXPECT_NEAR(half.overlap(), 0.5, 1e-9);
  EXPECT_NEAR(half.efficiency(), 10.0 / 10.5, 1e-9);
  const StepPrediction exposed = predicted(step_of({{9.0, 9.0}}));
  EXPECT_NEAR(exposed.seconds, 11.0, 1e-9);
}

TEST(Scale, LetsExchangesGoOneAfterTheOther) {
  // The second begins when the first is complete, and is needed half a second before its end.
  EXPECT_NEAR(predict_step(step_of({{5.0, 9.0}, {5.0, 6.5}}), kNetwork, 2).waiting, 0.5, 1e-9);
  // A network that has rested is not ahead.
  EXPECT_NEAR(predict_step(step_of({{1.0, 4.0}, {9.0, 9.0}}), kNetwork, 2).waiting, 1.0, 1e-9);
}

TEST(Scale, LetsAnExchangeGoOnBesideAnother) {
  Network wide = kNetwork;
  wide.beside = 0.5;
  // The first takes a second, in which half of the second one is done.
  EXPECT_NEAR(predict_step(step_of({{9.0, 9.0}, {9.0, 9.0}}), wide, 2).waiting, 1.5, 1e-9);
  EXPECT_NEAR(predict_step(step_of({{8.0, 10.0}, {8.0, 10.0}}), wide, 2).waiting, 0.0, 1e-9);
  wide.beside = 1.0;
  EXPECT_NEAR(predict_step(step_of({{9.0, 9.0}, {9.0, 9.0}, {9.0, 9.0}}), wide, 2).waiting, 2.0, 1e-9);
  wide.beside = 1.5;
  expect_error(ErrorCode::invalid_argument, {"beside"}, [&] { predict_step({}, wide, 2); });
}

TEST(Scale, SlowsExchangesThatHardlyProgressDuringWork) {
  Network slow = kNetwork;
  slow.progress = 0.25;
  EXPECT_NEAR(predict_step(step_of({{8.0, 10.0}}), slow, 2).waiting, 0.5, 1e-9);
  slow.progress = 0.0;
  EXPECT_NEAR(predict_step(step_of({{2.0, 10.0}}), slow, 2).waiting, 1.0, 1e-9);
  slow.progress = 2.0;
  expect_error(ErrorCode::invalid_argument, {"progress"}, [&] { predict_step({}, slow, 2); });
}

TEST(Scale, MeasuresWhenAStepExchanges) {
  ImaginedRanks communicator(2);
  std::vector<float> given{1.0F, 2.0F};
  std::vector<float> received(2);
  const auto pause = [] { std::this_thread::sleep_for(std::chrono::milliseconds(3)); };
  const StepTimes step = measure_step(
      communicator,
      [&] {
        const Ticket ticket = communicator.start({.kind = ExchangeKind::all_reduce,
                                                  .dtype = f32,
                                                  .count = 2,
                                                  .in = reinterpret_cast<const std::byte*>(given.data()),
                                                  .out = reinterpret_cast<std::byte*>(received.data())});
        pause();
        EXPECT_TRUE(communicator.test(ticket));
        communicator.finish(ticket);
      },
      5);
  EXPECT_EQ(received, given);
  ASSERT_EQ(step.exchanges.size(), 1U);
  EXPECT_EQ(step.exchanges[0].bytes, 8.0);
  EXPECT_GE(step.exchanges[0].finished - step.exchanges[0].started, 3e-3);
  EXPECT_GE(step.seconds, step.exchanges[0].finished);
}

TEST(Scale, MeasuresTheNetworkThatIsImitated) {
  // A round among two ranks takes 2 ms, and what a rank gives of 4 MB takes 40 ms.
  simulate(2,
           [](const std::shared_ptr<Communicator>& ranks) {
             const Network network = measure_network(*ranks);
             EXPECT_GE(network.latency, 2e-3);
             EXPECT_LT(network.latency, 1e-2);
             EXPECT_LT(network.bytes_per_second, 2e8);
             EXPECT_GT(network.bytes_per_second, 2e7);
             EXPECT_GE(network.beside, 0.0);
             EXPECT_LE(network.beside, 1.0);
           },
           {.latency = 2e-3, .bytes_per_second = 1e8});
}

}  // namespace
}  // namespace weft::ranks
