#include "weft/frontends/train.h"

#include <gtest/gtest.h>

#include <pthread.h>

#include <chrono>
#include <cmath>
#include <csignal>
#include <limits>
#include <thread>

#include "weft/ops/builtin.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::expect_error;

/// A step that counts how often each of `samples` rows was used, and whose loss is their mean number.
struct Counting {
  explicit Counting(std::int64_t samples)
      : rows(input(graph, "rows", i32, {"batch"})),
        counts(parameter(graph, "counts", Tensor::zeros(f32, {samples}))),
        session(graph),
        step(session.compile(
            {.inputs = {rows},
             .outputs = {mean(cast(rows, f32))},
             .updates = {assign(counts, counts + scatter_add(broadcast_to(constant(graph, 1.0), rows.shape()),
                                                             rows, Shape{samples}))}})) {}
  Graph graph;
  Value rows;
  Value counts;
  Session session;
  Function step;
};

TEST(Fit, UsesEverySampleOnceInEachEpoch) {
  Counting counting(23);
  const FitResult result = fit(counting.step, {.samples = 23, .epochs = 3, .batch_size = 5});
  const Tensor counts = counting.session.value(counting.counts);
  for (const float count : counts.values<float>()) EXPECT_EQ(count, 3.0F);
  ASSERT_EQ(result.epochs.size(), 3U);
  for (const EpochResult& epoch : result.epochs) EXPECT_NEAR(epoch.loss, 11.0, 1e-5);  // the mean of 0..22
  EXPECT_EQ(result.position.epoch, 3);
  EXPECT_FALSE(result.interrupted);
}

TEST(Fit, GoesOnWhereItStopped) {
  Counting counting(23);
  std::atomic<bool> stop{false};
  FitObserver observer;
  observer.progress = [&](const FitProgress& at) { stop = at.epoch == 2 && at.done == 3; };
  const FitOptions options{.samples = 23, .epochs = 3, .batch_size = 5, .stop = &stop};
  const FitResult first = fit(counting.step, options, observer);
  EXPECT_TRUE(first.interrupted);
  EXPECT_EQ(first.position.epoch, 1);
  EXPECT_EQ(first.position.batch, 3);
  FitOptions rest = options;
  rest.start = first.position;
  rest.stop = nullptr;
  const FitResult second = fit(counting.step, rest);
  EXPECT_NEAR(second.epochs[0].loss, 11.0, 1e-5);
  const Tensor counts = counting.session.value(counting.counts);
  for (const float count : counts.values<float>()) EXPECT_EQ(count, 3.0F);
}

std::atomic<int> signals_in_fit{0};
std::atomic<bool> stop_by_signal{false};
extern "C" void stop_fit(int) {
  signals_in_fit.fetch_add(1);
  stop_by_signal = true;
}

TEST(Fit, TakesSignalsBetweenItsSteps) {
  struct sigaction action{};
  struct sigaction before{};
  action.sa_handler = stop_fit;
  ::sigaction(SIGUSR1, &action, &before);
  Counting counting(23);
  const pthread_t trainer = ::pthread_self();
  const std::jthread sender([&] {
    while (!stop_by_signal) {
      ::pthread_kill(trainer, SIGUSR1);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  // Without end, were it not for the handler.
  const FitResult result = fit(counting.step, {.samples = 23,
                                               .epochs = std::numeric_limits<std::int64_t>::max(),
                                               .batch_size = 5,
                                               .stop = &stop_by_signal});
  EXPECT_TRUE(result.interrupted);
  EXPECT_GE(signals_in_fit, 1);
  ::sigaction(SIGUSR1, &before, nullptr);
}

TEST(Fit, StopsAtALossThatIsNoNumber) {
  Graph graph;
  const Value rows = input(graph, "rows", i32, {"batch"});
  const Value runs = parameter(graph, "runs", Tensor::scalar(0.0F));
  Session session(graph);
  Function step = session.compile({.inputs = {rows},
                                   .outputs = {log(2.5 - runs) + 0.0 * mean(cast(rows, f32))},
                                   .updates = {assign(runs, runs + 1.0)}});
  expect_error(ErrorCode::numeric, {"nan", "epoch 2", "batch 2", "learning rate"},
               [&] { fit(step, {.samples = 4, .epochs = 5, .batch_size = 2}); });
}

}  // namespace
}  // namespace weft
