// How the ranks of a job share the rows of a training.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <limits>

#include "weft/frontends/data/batches.h"
#include "weft/frontends/ranks/shares.h"
#include "weft/frontends/train.h"
#include "weft/ops/builtin.h"
#include "weft/runtime/ranks/simulated.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::expect_error;
using Ranks = std::shared_ptr<Communicator>;

/// A step that counts how often this rank used each of `samples` rows; its loss is 0.5.
struct RankCounting {
  explicit RankCounting(std::int64_t samples)
      : rows(input(graph, "rows", i32, {"batch"})),
        counts(parameter(graph, "counts", Tensor::zeros(f32, {samples}))),
        session(graph),
        step(session.compile(
            {.inputs = {rows},
             .outputs = {constant(graph, 0.5)},
             .updates = {assign(counts, counts + scatter_add(broadcast_to(constant(graph, 1.0), rows.shape()),
                                                             rows, Shape{samples}))}})) {}
  /// By all ranks together.
  std::vector<double> used(Communicator* ranks) {
    std::vector<double> all;
    const Tensor own = session.value(counts);
    for (const float count : own.values<float>())
      all.push_back(ranks::sum(ranks, static_cast<double>(count)));
    return all;
  }
  Graph graph;
  Value rows;
  Value counts;
  Session session;
  Function step;
};

TEST(FitOfRanks, UsesEverySampleOnceInEachEpoch) {
  for (const int size : {1, 2, 3, 4}) {
    for (const std::int64_t shards : {0, 6}) {
      simulate(size, [&](const Ranks& ranks) {
        RankCounting counting(23);
        // Batches of 7, 7, 7 and 2: where there are more than two ranks, some have no row of the last one.
        const FitResult result =
            fit(counting.step,
                {.samples = 23, .epochs = 3, .batch_size = 7, .communicator = ranks.get(), .shards = shards});
        EXPECT_THAT(counting.used(ranks.get()), testing::Each(3.0));
        ASSERT_EQ(result.epochs.size(), 3U);
        EXPECT_EQ(result.epochs[0].loss, 0.5);
      });
    }
  }
}

TEST(FitOfRanks, TakesSharesOfTheOrderOfOneRank) {
  const Tensor data = data::in_order(10);
  simulate(3, [&](const Ranks& ranks) {
    Graph graph;
    const Value x = input(graph, "x", i32, {"batch"});
    const Value last = parameter(graph, "last", Tensor::zeros(f32, {}));
    Session session(graph);
    Function step = session.compile(
        {.inputs = {x}, .outputs = {constant(graph, 0.5)}, .updates = {assign(last, sum(cast(x, f32)))}});
    fit(step, {data}, {.batch_size = 10, .shuffle = false, .communicator = ranks.get()});
    const std::vector<float> sums{0 + 1 + 2 + 3, 4 + 5 + 6, 7 + 8 + 9};
    EXPECT_EQ(session.value(last).item<float>(), sums[static_cast<std::size_t>(ranks->rank())]);
  });
}

TEST(FitOfRanks, StopsOnAllRanksAtTheSameStep) {
  simulate(3, [](const Ranks& ranks) {
    RankCounting counting(40);
    std::atomic<bool> stop{false};
    FitObserver observer;
    if (ranks->rank() == 1) observer.progress = [&](const FitProgress& at) { stop = at.done >= 3; };
    const FitOptions options{
        .samples = 40, .epochs = 2, .batch_size = 4, .stop = &stop, .communicator = ranks.get()};
    const FitResult first = fit(counting.step, options, observer);
    EXPECT_TRUE(first.interrupted);
    EXPECT_EQ(first.position.epoch, 0);
    EXPECT_EQ(first.position.batch, 4);  // asked after batch 3, and known a step later
    stop = false;
    FitOptions rest = options;
    rest.start = first.position;
    EXPECT_FALSE(fit(counting.step, rest).interrupted);
    EXPECT_THAT(counting.used(ranks.get()), testing::Each(2.0));
  });
}

/// Another communicator, and how many exchanges were started and not finished.
class Pending final : public Communicator {
 public:
  explicit Pending(Communicator& ranks) : ranks_(ranks) {}
  std::int64_t rank() const override { return ranks_.rank(); }
  std::int64_t size() const override { return ranks_.size(); }
  Ticket start(const Exchange& exchange) override {
    ++count_;
    return ranks_.start(exchange);
  }
  bool test(Ticket ticket) override { return ranks_.test(ticket); }
  void finish(Ticket ticket) override {
    --count_;
    ranks_.finish(ticket);
  }
  void abort(const std::string& cause) override { ranks_.abort(cause); }
  int count() const { return count_; }

 private:
  Communicator& ranks_;
  int count_ = 0;
};

TEST(FitOfRanks, LeavesNoExchangeOnItsWay) {
  for (const std::int64_t last : {3, 1000}) {
    simulate(2, [&](const Ranks& ranks) {
      RankCounting counting(40);
      std::atomic<bool> stop{false};
      FitObserver observer;
      observer.progress = [&](const FitProgress& at) { stop = at.done >= last; };
      Pending pending(*ranks);
      fit(counting.step,
          {.samples = 40, .epochs = 2, .batch_size = 4, .stop = &stop, .communicator = &pending}, observer);
      EXPECT_EQ(pending.count(), 0);
    });
  }
}

TEST(FitOfRanks, GoesOnWithAnotherNumberOfRanks) {
  TrainPosition position;
  std::vector<double> used;
  const auto part = [&](int size, std::int64_t batches) {
    simulate(size, [&](const Ranks& ranks) {
      RankCounting counting(40);
      std::atomic<bool> stop{false};
      FitObserver observer;
      observer.progress = [&](const FitProgress& at) { stop = at.done >= batches; };
      const FitResult result =
          fit(counting.step,
              {.samples = 40, .batch_size = 4, .start = position, .stop = &stop, .communicator = ranks.get()},
              observer);
      std::vector<double> all = counting.used(ranks.get());
      if (ranks->rank() > 0) return;
      used.resize(all.size());
      for (std::size_t i = 0; i < all.size(); ++i) used[i] += all[i];
      position = result.position;
    });
  };
  part(2, 4);
  EXPECT_GT(position.batch, 0);
  part(3, 100);
  EXPECT_EQ(position.epoch, 1);
  EXPECT_THAT(used, testing::Each(1.0));
}

TEST(FitOfRanks, RefusesRanksThatTrainOtherwise) {
  const auto message_of = [](const FitOptions& usual, const FitOptions& other) {
    try {
      simulate(2, [&](const Ranks& ranks) {
        RankCounting counting(20);
        FitOptions options = ranks->rank() == 1 ? other : usual;
        options.communicator = ranks.get();
        fit(counting.step, options);
      });
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  using testing::HasSubstr;
  EXPECT_THAT(message_of({.samples = 20}, {.samples = 20, .seed = 2}),
              HasSubstr("rank 1 differs from the other ranks in its seed"));
  EXPECT_THAT(message_of({.samples = 20}, {.samples = 20, .batch_size = 3}),
              HasSubstr("rank 1 differs from the other ranks in its training"));
  EXPECT_EQ(message_of({.samples = 20}, {.samples = 20}), "no error");
}

TEST(FitOfRanks, ComparesTensors) {
  try {
    simulate(3, [](const Ranks& ranks) {
      Graph graph;
      const Value x = input(graph, "x", f32, {"batch"});
      Session session(graph);
      Function step = session.compile({.inputs = {x}, .outputs = {constant(graph, 0.5)}});
      const Tensor data = Tensor::of({1.0F, 2.0F, ranks->rank() == 2 ? 4.0F : 3.0F});
      fit(step, {data}, {.communicator = ranks.get()});
    });
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("rank 2 differs from the other ranks in its data"));
  }
}

TEST(FitOfRanks, EndsTheJobWhereOneRankThrows) {
  expect_error(ErrorCode::numeric, {"rank 1", "the loss became"}, [] {
    simulate(3, [](const Ranks& ranks) {
      Graph graph;
      const Value rows = input(graph, "rows", i32, {"batch"});
      const Value loss = constant(graph, ranks->rank() == 1 ? std::numeric_limits<double>::quiet_NaN() : 1.0);
      Session session(graph);
      Function step = session.compile({.inputs = {rows}, .outputs = {loss}});
      const std::atomic<bool> stop{false};  // with it the others wait for rank 1
      fit(step, {.samples = 100, .batch_size = 4, .stop = &stop, .communicator = ranks.get()});
    });
  });
}

}  // namespace
}  // namespace weft
