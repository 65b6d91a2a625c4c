#include "weft/frontends/ranks/fixed_shards.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weft/autodiff/gradients.h"
#include "weft/frontends/ranks/distributed.h"
#include "weft/frontends/ranks/parameters.h"
#include "weft/frontends/train.h"
#include "weft/ops/random.h"
#include "weft/runtime/ranks/simulated.h"
#include "weft/tests/frontends/ranks/networks.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::adam_updates;
using testing_support::Batches;
using testing_support::BatchRows;
using testing_support::bytes_of_states;
using testing_support::expect_error;
using testing_support::NamedNetwork;
using testing_support::Network;
using testing_support::networks;
using testing_support::TensorSource;
using Peers = std::shared_ptr<Communicator>;

struct Ended {
  std::vector<double> losses;
  std::string bytes;  // of all parameters and slots
  RandomPosition position;
};

Ended train_on_shards(const NamedNetwork& network, DType dtype, const Peers& peers, int threads, bool drop,
                      std::int64_t cuts = 2) {
  Graph graph;
  const Value x = input(graph, "x", dtype, {"batch", 1, 8, 8});
  const Value y = input(graph, "y", i32, {"batch"});
  const Network made = network.build(graph, drop ? dropout(x, 0.2) : x);
  Session session(graph, {.threads = threads,
                          .exact_threads = true,
                          .seed = 3,
                          .communicator = peers,
                          .compile = {.cuts = static_cast<int>(cuts)}});
  ranks::FixedShards step(
      session, {.inputs = {x, y},
                .loss = mean(softmax_cross_entropy(made.logits, y)),
                .parameters = made.parameters,
                .optimizer = [&](std::span<const Value> g) { return adam_updates(made.parameters, g); },
                .shards = 6});
  ranks::synchronize(session, graph);
  const Batches batches(dtype, {24, 24, 23, 24, 4});
  Ended ended;
  for (std::size_t batch = 0; batch < batches.count(); ++batch) {
    const auto [begin, end] = step.rows_of_rank(batches.rows(batch));
    const BatchRows rows = batches.take(batch, begin, end);
    ended.losses.push_back(step({rows.x, rows.y}, batches.rows(batch)));
  }
  ranks::expect_equal_parameters(session, graph);
  ended.bytes = bytes_of_states(session, graph);
  ended.position = session.random_position();
  return ended;
}

class SameBits : public testing::TestWithParam<NamedNetwork> {};

TEST_P(SameBits, OnAnyNumberOfRanksAndThreads) {
  for (const DType dtype : {f32, f64}) {
    for (const bool drop : {false, true}) {
      const Ended alone = train_on_shards(GetParam(), dtype, nullptr, 1, drop);
      for (const int ranks : {1, 2, 3, 4}) {
        for (const int threads : {1, 2}) {
          simulate(ranks, [&](const Peers& peers) {
            const Ended shared = train_on_shards(GetParam(), dtype, peers, threads, drop);
            EXPECT_EQ(shared.losses, alone.losses) << ranks << " ranks, " << threads << " threads";
            EXPECT_TRUE(shared.bytes == alone.bytes) << ranks << " ranks, " << threads << " threads";
            EXPECT_EQ(shared.position, alone.position);
          });
        }
      }
    }
  }
}

std::string name_of_network(const testing::TestParamInfo<NamedNetwork>& tested) { return tested.param.name; }
INSTANTIATE_TEST_SUITE_P(Networks, SameBits, testing::ValuesIn(networks()), name_of_network);

/// Steps of one process on whole batches.
std::vector<double> losses_of_whole_batches(const NamedNetwork& network) {
  Graph graph;
  const Value x = input(graph, "x", f64, {"batch", 1, 8, 8});
  const Value y = input(graph, "y", i32, {"batch"});
  const Network made = network.build(graph, x);
  const Value loss = mean(softmax_cross_entropy(made.logits, y));
  Session session(graph, {.seed = 3});
  const Function step =
      session.compile({.inputs = {x, y},
                       .outputs = {loss},
                       .updates = adam_updates(made.parameters, gradients(loss, made.parameters))});
  const Batches batches(f64, {24, 24, 23, 24, 4});
  std::vector<double> losses;
  for (std::size_t batch = 0; batch < batches.count(); ++batch) {
    const BatchRows rows = batches.take(batch, 0, batches.rows(batch));
    losses.push_back(step({rows.x, rows.y})[0].item<double>());
  }
  return losses;
}

TEST(FixedShards, TrainAsStepsOnWholeBatches) {
  for (const NamedNetwork& network : networks()) {
    const Ended ended = train_on_shards(network, f64, nullptr, 1, false);
    EXPECT_THAT(ended.losses,
                testing::Pointwise(testing::DoubleNear(1e-9), losses_of_whole_batches(network)));
  }
}

/// Steps of a network with batch norm: losses, then parameters and running values.
std::vector<double> train_with_batch_norm(DType dtype, const Peers& peers, std::int64_t shards) {
  Graph graph;
  const Value x = input(graph, "x", dtype, {"batch", 1, 8, 8});
  const Value y = input(graph, "y", i32, {"batch"});
  const nn::Conv2dLayer conv = nn::conv2d(graph, "conv", 1, 4, 3, dtype, {.sliding = {.padding = 1}});
  const nn::BatchNorm norm = nn::batch_norm(graph, "norm", 4, dtype, {.axis = 1});
  const nn::Dense last = nn::dense(graph, "last", 4, 3, dtype);
  std::vector<Value> parameters{conv.weight, conv.bias};
  testing_support::append(parameters, norm.parameters());
  testing_support::append(parameters, last.parameters());
  const nn::Trained normed = norm.train(conv(x));
  const Value loss = mean(softmax_cross_entropy(last(mean(relu(normed.y), {2, 3})), y));
  const auto optimizer = [&](std::span<const Value> g) { return optim::sgd(parameters, g, 0.5); };
  Session session(graph, {.seed = 4, .communicator = peers, .compile = {.cuts = 2}});
  const Batches batches(dtype, {24, 24, 23, 4});
  std::vector<double> numbers;
  if (shards == 0) {
    std::vector<Value> updates = optimizer(gradients(loss, parameters));
    testing_support::append(updates, normed.updates);
    const Function step = session.compile({.inputs = {x, y}, .outputs = {loss}, .updates = updates});
    for (std::size_t batch = 0; batch < batches.count(); ++batch) {
      const BatchRows rows = batches.take(batch, 0, batches.rows(batch));
      numbers.push_back(step({rows.x, rows.y})[0].item<double>());
    }
  } else {
    ranks::FixedShards step(session, {.inputs = {x, y},
                                      .loss = loss,
                                      .parameters = parameters,
                                      .updates = normed.updates,
                                      .optimizer = optimizer,
                                      .shards = shards});
    for (std::size_t batch = 0; batch < batches.count(); ++batch) {
      const auto [begin, end] = step.rows_of_rank(batches.rows(batch));
      const BatchRows rows = batches.take(batch, begin, end);
      numbers.push_back(step({rows.x, rows.y}, batches.rows(batch)));
    }
  }
  const std::vector<double> states = testing_support::numbers_of_states(session, graph);
  numbers.insert(numbers.end(), states.begin(), states.end());
  return numbers;
}

TEST(FixedShards, TrainBatchNormToTheSameBits) {
  const std::vector<double> alone = train_with_batch_norm(f32, nullptr, 6);
  for (const int ranks : {1, 2, 3, 4}) {
    simulate(ranks, [&](const Peers& peers) {
      EXPECT_EQ(train_with_batch_norm(f32, peers, 6), alone) << ranks << " ranks";
    });
  }
}

TEST(FixedShards, TrainBatchNormInOneShardAsOneStepDoes) {
  EXPECT_THAT(train_with_batch_norm(f64, nullptr, 1),
              testing::Pointwise(testing::DoubleNear(1e-9), train_with_batch_norm(f64, nullptr, 0)));
}

TEST(FixedShards, TakeTheMeanOfWhatShardsStore) {
  std::vector<double> stored(2);
  simulate(2, [&](const Peers& peers) {
    Graph graph;
    const Value x = input(graph, "x", f64, {"rows"});
    const Value p = parameter(graph, "p", Tensor::of<double>({1.0}));
    const Value seen = parameter(graph, "seen", Tensor::scalar(8.0));
    Session session(graph, {.communicator = peers, .compile = {.cuts = 1}});
    ranks::FixedShards step(
        session, {.inputs = {x},
                  .loss = mean(x * p),
                  .parameters = {p},
                  .updates = {assign(seen, 0.5 * seen + 0.5 * mean(x))},
                  .optimizer = [&](std::span<const Value> g) { return optim::sgd(std::array{p}, g, 1.0); },
                  .shards = 4});
    const auto feed = [&](std::int64_t rows) {
      const auto [begin, end] = step.rows_of_rank(rows);
      std::vector<double> own;
      for (std::int64_t row = begin; row < end; ++row) own.push_back(static_cast<double>(row));
      step({own.empty() ? Tensor::zeros(f64, {0}) : Tensor::of(own)}, rows);
    };
    feed(0);
    EXPECT_EQ(session.value(seen).item<double>(), 8.0);
    feed(5);  // 0 to 4 in shards of 2, 1, 1 and 1
    stored[static_cast<std::size_t>(peers->rank())] = session.value(seen).item<double>();
  });
  EXPECT_THAT(stored, testing::Each(testing::DoubleNear(0.5 * 8.0 + 0.5 * 2.0, 1e-12)));
}

TEST(FixedShards, FitToTheSameBits) {
  const auto fitted = [](const Peers& peers) {
    Graph graph;
    const Value x = input(graph, "x", f32, {"batch", 1, 8, 8});
    const Value y = input(graph, "y", i32, {"batch"});
    const Network made = testing_support::dense_network(graph, x);
    Session session(graph, {.seed = 3, .communicator = peers, .compile = {.cuts = 2}});
    ranks::FixedShards step(
        session, {.inputs = {x, y},
                  .loss = mean(softmax_cross_entropy(made.logits, y)),
                  .parameters = made.parameters,
                  .optimizer = [&](std::span<const Value> g) { return adam_updates(made.parameters, g); },
                  .shards = 5});
    TensorSource source("fitted by shards");
    const std::vector<Tensor> data{source.uniform({52, 1, 8, 8}, -1.0, 1.0, f32), source.whole({52}, 3, i32)};
    const FitResult result =
        fit([&](std::span<const Tensor> feeds, std::int64_t rows) { return step(feeds, rows); }, data,
            {.epochs = 2, .batch_size = 16, .communicator = peers.get(), .shards = 5});
    EXPECT_EQ(result.epochs.size(), 2U);
    return bytes_of_states(session, graph) + fmt::format("{}", result.epochs.back().loss);
  };
  const std::string alone = fitted(nullptr);
  for (const int ranks : {1, 2, 3, 4})
    simulate(ranks, [&](const Peers& peers) { EXPECT_TRUE(fitted(peers) == alone) << ranks << " ranks"; });
}

TEST(FixedShards, GiveEachRankTheRowsOfItsShards) {
  std::vector<std::int64_t> begins(3);
  std::vector<std::int64_t> ends(3);
  simulate(3, [&](const Peers& peers) {
    Graph graph;
    const Value x = input(graph, "x", f64, {"rows"});
    const Value p = parameter(graph, "p", Tensor::of<double>({1.0}));
    Session session(graph, {.communicator = peers, .compile = {.cuts = 1}});
    ranks::FixedShards step(
        session, {.inputs = {x},
                  .loss = mean(x * p),
                  .parameters = {p},
                  .optimizer = [&](std::span<const Value> g) { return optim::sgd(std::array{p}, g, 1.0); },
                  .shards = 4});
    // Shards begin at rows 0, 3, 6 and 8 of ten; the ranks have two, one and one of them.
    const auto [begin, end] = step.rows_of_rank(10);
    begins[static_cast<std::size_t>(peers->rank())] = begin;
    ends[static_cast<std::size_t>(peers->rank())] = end;
    std::vector<double> rows;
    for (std::int64_t row = begin; row < end; ++row) rows.push_back(static_cast<double>(row));
    EXPECT_DOUBLE_EQ(step({Tensor::of(rows)}, 10), 4.5);
    EXPECT_DOUBLE_EQ(session.value(p).values<double>()[0], 1.0 - 4.5);
  });
  EXPECT_THAT(begins, testing::ElementsAre(0, 6, 8));
  EXPECT_THAT(ends, testing::ElementsAre(6, 8, 10));
}

TEST(FixedShards, AddInATreeOfWholeNodes) {
  const auto text = [](const std::vector<ranks::FixedShards::Rows>& nodes) {
    std::string made;
    for (const auto& [begin, end] : nodes) made += fmt::format("[{}, {}) ", begin, end);
    return made;
  };
  EXPECT_EQ(text(ranks::whole_nodes(8, {0, 8})), "[0, 8) ");
  EXPECT_EQ(text(ranks::whole_nodes(8, {2, 5})), "[2, 4) [4, 5) ");
  EXPECT_EQ(text(ranks::whole_nodes(8, {5, 8})), "[5, 6) [6, 8) ");
  EXPECT_EQ(text(ranks::whole_nodes(6, {1, 5})), "[1, 2) [2, 3) [3, 5) ");
  EXPECT_EQ(text(ranks::whole_nodes(1, {0, 0})), "");
}

TEST(FixedShards, RefuseWhatDoesNotFit) {
  Graph graph;
  const Value x = input(graph, "x", f64, {"rows"});
  const Value p = parameter(graph, "p", Tensor::of<double>({1.0}));
  const Value q = parameter(graph, "q", Tensor::of<float>({1.0F}));
  const auto spec_of = [&](std::int64_t shards, const Value& parameter) {
    return ranks::FixedShardsSpec{
        .inputs = {x},
        .loss = mean(x * p),
        .parameters = {parameter},
        .optimizer = [=](std::span<const Value> g) { return optim::sgd(std::array{parameter}, g, 1.0); },
        .shards = shards};
  };
  Session free(graph);
  expect_error(ErrorCode::invalid_argument, {"fixed_shards", "cuts = 0"},
               [&] { ranks::FixedShards(free, spec_of(4, p)); });
  Session session(graph, {.compile = {.cuts = 1}});
  expect_error(ErrorCode::invalid_argument, {"fixed_shards", "shards = 0"},
               [&] { ranks::FixedShards(session, spec_of(0, p)); });
  expect_error(ErrorCode::dtype_mismatch, {"fixed_shards", "'q'", "f64", "f32"},
               [&] { ranks::FixedShards(session, spec_of(4, q)); });
  ranks::FixedShardsSpec exchanging = spec_of(4, p);
  exchanging.loss = ranks::mean_over_ranks(exchanging.loss, ranks::rows_of(x));
  expect_error(ErrorCode::invalid_argument, {"fixed_shards", "exchanges nothing", "all_reduce"},
               [&] { ranks::FixedShards(session, exchanging); });
  ranks::FixedShards step(session, spec_of(4, p));
  expect_error(ErrorCode::bad_feed, {"fixed_shards", "4 rows, 0 to 4 of 4", "f64[3]"},
               [&] { step({Tensor::zeros(f64, {3})}, 4); });
}

}  // namespace
}  // namespace weft
