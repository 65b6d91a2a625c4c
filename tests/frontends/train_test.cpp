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

using testing_support::at_line;
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

TEST(Fit, RefusesToTrainOnNothing) {
  Counting counting(3);
  expect_error(ErrorCode::invalid_argument, {"no samples", "got 0"},
               [&] { fit(counting.step, {.epochs = 3}); });
  expect_error(ErrorCode::invalid_argument, {"no samples", "-1"},
               [&] { fit(counting.step, {.samples = -1}); });
  expect_error(ErrorCode::invalid_argument, {"batch size"},
               [&] { fit(counting.step, {.samples = 3, .batch_size = 0}); });
  expect_error(ErrorCode::invalid_argument, {"no samples"},
               [&] { fit(counting.step, {Tensor::zeros(i32, {0})}, {.epochs = 3}); });
  expect_error(ErrorCode::invalid_argument, {"no samples"},
               [&] { fit(counting.step, std::span<const Tensor>(), {.epochs = 3}); });
}

TEST(Fit, KeepsToTheOrderOfTheDataWhereItIsToldTo) {
  Counting counting(7);
  std::vector<double> losses;
  FitObserver observer;
  observer.progress = [&](const FitProgress& at) { losses.push_back(at.loss); };
  fit(counting.step, {.samples = 7, .batch_size = 2, .shuffle = false}, observer);
  EXPECT_EQ(losses, (std::vector<double>{0.5, 1.5, 2.5, 3.0}));
}

/// A step over pairs of f64 numbers and i64 labels, whose loss is of f64; it notes their sums.
struct Pairs {
  Pairs()
      : x(input(graph, "x", f64, {"batch", 2})),
        label(input(graph, "label", i64, {"batch"})),
        seen(parameter(graph, "seen", Tensor::scalar(0.0))),
        session(graph),
        step(session.compile({.inputs = {x, label},
                              .outputs = {mean(cast(label, f64))},
                              .updates = {assign(seen, seen + sum(sum(x, {1}) * cast(label, f64)))}})) {}
  Graph graph;
  Value x;
  Value label;
  Value seen;
  Session session;
  Function step;
};

TEST(Fit, FeedsRowsOfTensorsTogether) {
  Pairs pairs;
  const Tensor x = Tensor::of({1.0, 0.5, 2.0, 0.5, 3.0, 0.5, 4.0, 0.5, 5.0, 0.5}, {5, 2});
  const Tensor labels = Tensor::of<std::int64_t>({10, 20, 30, 40, 50});
  const FitResult result = fit(pairs.step, {x, labels}, {.epochs = 2, .batch_size = 2});
  ASSERT_EQ(result.epochs.size(), 2U);
  EXPECT_NEAR(result.epochs[1].loss, 30.0, 1e-12);
  EXPECT_NEAR(pairs.session.value("seen").item<double>(), 2 * (15.0 + 50.0 + 105.0 + 180.0 + 275.0), 1e-9);
  expect_error(ErrorCode::shape_mismatch, {"5 rows", "i64[4]"},
               [&] { fit(pairs.step, {x, Tensor::zeros(i64, {4})}, {.epochs = 1}); });
  expect_error(ErrorCode::shape_mismatch, {"4 rows", "f64[5, 2]"},
               [&] { fit(pairs.step, {x, labels}, {.samples = 4}); });
}

TEST(Fit, OfTensorsHasTheOrderOfRowNumbers) {
  const auto losses_of = [](auto run) {
    std::vector<double> losses;
    FitObserver observer;
    observer.progress = [&](const FitProgress& at) { losses.push_back(at.loss); };
    run(observer);
    return losses;
  };
  Counting counting(23);
  Tensor numbers = Tensor::uninitialized(i32, {23});
  for (std::int32_t i = 0; std::int32_t& number : numbers.mutable_values<std::int32_t>()) number = i++;
  const FitOptions options{.samples = 23, .epochs = 2, .batch_size = 5, .seed = 9};
  EXPECT_EQ(losses_of([&](const FitObserver& observer) { fit(counting.step, {numbers}, options, observer); }),
            losses_of([&](const FitObserver& observer) { fit(counting.step, options, observer); }));
}

TEST(Fit, TakesWhatAGeneratorMakes) {
  Pairs pairs;
  const auto generate = [](std::int64_t epoch, std::int64_t batch,
                           std::vector<Tensor>& feeds) -> std::int64_t {
    if (batch == 2 + epoch) return 0;
    const std::int64_t size = batch + 1;
    feeds = {Tensor::zeros(f64, {size, 2}), Tensor::zeros(i64, {size})};
    for (std::int64_t& label : feeds[1].mutable_values<std::int64_t>()) label = batch;
    return size;
  };
  const FitResult result = fit(pairs.step, generate, {.epochs = 2});
  ASSERT_EQ(result.epochs.size(), 2U);
  EXPECT_NEAR(result.epochs[0].loss, (0.0 + 2 * 1.0) / 3, 1e-12);
  EXPECT_NEAR(result.epochs[1].loss, (0.0 + 2 * 1.0 + 3 * 2.0) / 6, 1e-12);
  expect_error(ErrorCode::invalid_argument, {"generator", "batch 1 of epoch 1"}, [&] {
    fit(pairs.step, [](std::int64_t, std::int64_t, std::vector<Tensor>&) { return std::int64_t{0}; },
        {.epochs = 1});
  });
}

TEST(Fit, GoesOnWithAGeneratorWhereItStopped) {
  Pairs pairs;
  const auto generate = [](std::int64_t, std::int64_t batch, std::vector<Tensor>& feeds) -> std::int64_t {
    if (batch == 3) return 0;
    feeds = {Tensor::zeros(f64, {2, 2}), Tensor::of<std::int64_t>({batch, batch})};
    return 2;
  };
  std::atomic<bool> stop{false};
  FitObserver observer;
  observer.progress = [&](const FitProgress& at) { stop = at.done == 2; };
  const FitResult first = fit(pairs.step, generate, {.epochs = 1, .stop = &stop}, observer);
  EXPECT_TRUE(first.interrupted);
  EXPECT_EQ(first.position.batch, 2);
  const FitResult second = fit(pairs.step, generate, {.epochs = 1, .start = first.position});
  EXPECT_NEAR(second.epochs[0].loss, 1.0, 1e-12);
}

TEST(Fit, WantsOneNumberAsItsLoss) {
  Graph graph;
  const Value rows = input(graph, "rows", i32, {"batch"});
  Session session(graph);
  Function step = session.compile({.inputs = {rows}, .outputs = {cast(rows, f32)}, .updates = {}});
  expect_error(ErrorCode::invalid_argument, {"loss", "one number", "f32[2]"},
               [&] { fit(step, {.samples = 2}); });
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

TEST(Fit, NamesTheLineOfTheCall) {
  Graph graph;
  const Value rows = input(graph, "rows", i32, {"batch"});
  Session session(graph);
  Function nan = session.compile({.inputs = {rows}, .outputs = {log(-1.0 - mean(cast(rows, f32)))}});
  Function vector = session.compile({.inputs = {rows}, .outputs = {cast(rows, f32)}});
  const Tensor other = Tensor::zeros(f32, {4});
  expect_error(ErrorCode::numeric, {at_line(__LINE__ + 1), "fit: the loss became nan in"},
               [&] { fit(nan, {.samples = 2}); });
  expect_error(ErrorCode::invalid_argument, {at_line(__LINE__)}, [&] { fit(vector, {.samples = 2}); });
  expect_error(ErrorCode::invalid_argument, {at_line(__LINE__)}, [&] { fit(nan, {.samples = 0}); });
  expect_error(ErrorCode::bad_feed, {at_line(__LINE__), "'rows'"}, [&] { fit(nan, {other}, {}); });
  const auto nothing = [](std::int64_t, std::int64_t, std::vector<Tensor>&) -> std::int64_t { return 0; };
  expect_error(ErrorCode::invalid_argument, {at_line(__LINE__ + 1), "a generator gave no batch"},
               [&] { fit(nan, nothing, {}); });
}

}  // namespace
}  // namespace weft
