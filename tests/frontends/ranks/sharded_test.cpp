#include "weft/frontends/ranks/sharded.h"

#include <gtest/gtest.h>

#include "weft/autodiff/gradients.h"
#include "weft/frontends/ranks/distributed.h"
#include "weft/frontends/ranks/parameters.h"
#include "weft/runtime/ranks/simulated.h"
#include "weft/tests/frontends/ranks/networks.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::adam_updates;
using testing_support::append;
using testing_support::Batches;
using testing_support::BatchRows;
using testing_support::expect_error;
using testing_support::NamedNetwork;
using testing_support::Network;
using testing_support::networks;
using testing_support::numbers_of_states;
using testing_support::TensorSource;
using Peers = std::shared_ptr<Communicator>;

std::int64_t rank_of(const Peers& peers) { return peers == nullptr ? 0 : peers->rank(); }
std::int64_t size_of_job(const Peers& peers) { return peers == nullptr ? 1 : peers->size(); }

BatchRows rows_of(const Batches& batches, std::size_t batch, const Peers& peers) {
  const std::int64_t rows = batches.rows(batch);
  return batches.take(batch, rows * rank_of(peers) / size_of_job(peers),
                      rows * (rank_of(peers) + 1) / size_of_job(peers));
}

std::vector<double> numbers_of(Session& session, std::span<const Value> parameters) {
  std::vector<double> numbers;
  for (const Value& parameter : parameters) {
    const Tensor value = session.value(parameter);
    const auto values = value.values<double>();
    numbers.insert(numbers.end(), values.begin(), values.end());
  }
  return numbers;
}

double worst_difference(const std::vector<double>& a, const std::vector<double>& b) {
  double worst = a.size() == b.size() ? 0.0 : 1.0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    worst = std::max(worst, std::abs(a[i] - b[i]));
  return worst;
}

struct ShardedModel {
  Graph graph;
  Value x = input(graph, "x", f64, {"batch", 1, 8, 8});
  Value y = input(graph, "y", i32, {"batch"});
  Network network;
  Value loss;
  explicit ShardedModel(const NamedNetwork& named)
      : network(named.build(graph, x)), loss(mean(softmax_cross_entropy(network.logits, y))) {}
};

struct Sharded {
  std::vector<double> numbers;
  std::size_t slots = 0;  // bytes of the ledger
};

Sharded train_in_parts(const NamedNetwork& network, const Peers& peers, bool sharded) {
  ShardedModel model(network);
  const std::vector<Value>& parameters = model.network.parameters;
  const std::vector<Value> slopes = gradients(model.loss, parameters);
  const Value rows = ranks::rows_of(model.x);
  const std::vector<Value> updates =
      sharded ? ranks::sharded_updates(parameters, slopes, rows, size_of_job(peers), adam_updates)
              : adam_updates(parameters, ranks::distributed(slopes, rows));
  Session session(model.graph,
                  {.seed = static_cast<std::uint64_t>(7 + rank_of(peers)), .communicator = peers});
  const Function step =
      session.compile({.inputs = {model.x, model.y}, .outputs = {model.loss}, .updates = updates});
  ranks::synchronize(session, model.graph);
  const Batches batches(f64);
  for (std::size_t batch = 0; batch < batches.count(); ++batch) {
    const BatchRows fed = rows_of(batches, batch, peers);
    step({fed.x, fed.y});
  }
  ranks::expect_equal_parameters(session, model.graph);
  const TensorType types[] = {{f64, {8, 1, 8, 8}}, {i32, {8}}};
  return {.numbers = numbers_of(session, parameters), .slots = step.ledger(types).slots};
}

TEST(ShardedUpdates, TrainAsWholeOnes) {
  for (const NamedNetwork& network : networks()) {
    const Sharded alone = train_in_parts(network, nullptr, false);
    for (const int ranks : {1, 2, 3, 4}) {
      simulate(ranks, [&](const Peers& peers) {
        const Sharded parts = train_in_parts(network, peers, true);
        EXPECT_LT(worst_difference(parts.numbers, alone.numbers), 1e-6)
            << network.name << ", " << ranks << " ranks";
      });
    }
  }
}

TEST(ShardedUpdates, SaveMemoryForSlots) {
  const Sharded whole = train_in_parts(networks()[0], nullptr, false);
  simulate(4, [&](const Peers& peers) {
    const Sharded parts = train_in_parts(networks()[0], peers, true);
    // Three quarters of a tensor in place of two tensors, but for padding and the number of the step.
    EXPECT_LT(static_cast<double>(parts.slots), 0.4 * static_cast<double>(whole.slots));
  });
}

TEST(ShardedUpdates, RefuseOtherNumbersOfGradients) {
  ShardedModel model(networks()[0]);
  expect_error(ErrorCode::invalid_argument, {"sharded_updates", "6 gradients", "0 gradients"}, [&] {
    ranks::sharded_updates(model.network.parameters, {}, ranks::rows_of(model.x), 2, adam_updates);
  });
}

TEST(AccumulatedGradients, AreThoseOfAllBatches) {
  const auto train = [](const Peers& peers, bool accumulated) {
    ShardedModel model(networks()[0]);
    const std::vector<Value>& parameters = model.network.parameters;
    Session session(model.graph, {.seed = 5, .communicator = peers});
    const auto optimizer = [&](std::span<const Value> g) { return adam_updates(parameters, g); };
    TensorSource source("accumulated");
    const Tensor x = source.uniform({24, 1, 8, 8});
    const Tensor y = source.whole({24}, 3, i32);
    std::vector<double> losses;
    if (!accumulated) {
      const Function step = session.compile({.inputs = {model.x, model.y},
                                             .outputs = {model.loss},
                                             .updates = optimizer(gradients(model.loss, parameters))});
      for (int i = 0; i < 3; ++i) losses.push_back(step({x, y})[0].item<double>());
    } else {
      const ranks::Accumulation made =
          ranks::accumulate(model.loss, parameters, ranks::rows_of(model.x), optimizer);
      const FunctionSpec adding{.inputs = {model.x, model.y}, .updates = made.add};
      EXPECT_EQ(std::ranges::count(session.inspect(adding, {{"batch", 4}}).lowered.communicates, true), 0);
      const Function add = session.compile(adding);
      const Function step =
          session.compile({.inputs = {model.x, model.y}, .outputs = {made.loss}, .updates = made.step});
      const std::int64_t own = 24 / size_of_job(peers);
      const std::int64_t begin = own * rank_of(peers);
      for (int i = 0; i < 3; ++i) {
        add({x.rows(begin, 1), y.rows(begin, 1)});
        add({x.rows(begin + 1, own - 3), y.rows(begin + 1, own - 3)});
        losses.push_back(step({x.rows(begin + own - 2, 2), y.rows(begin + own - 2, 2)})[0].item<double>());
      }
    }
    std::vector<double> numbers = numbers_of(session, parameters);
    numbers.insert(numbers.end(), losses.begin(), losses.end());
    return numbers;
  };
  const std::vector<double> alone = train(nullptr, false);
  for (const int ranks : {1, 2, 4}) {
    simulate(ranks,
             [&](const Peers& peers) { EXPECT_LT(worst_difference(train(peers, true), alone), 1e-9); });
  }
}

TEST(BatchNormOfAllRanks, TrainsAsOneProcess) {
  const auto train = [](const Peers& peers) {
    Graph graph;
    const Value x = input(graph, "x", f64, {"batch", 1, 8, 8});
    const Value y = input(graph, "y", i32, {"batch"});
    const nn::Conv2dLayer conv = nn::conv2d(graph, "conv", 1, 4, 3, f64, {.sliding = {.padding = 1}});
    const nn::BatchNorm norm =
        nn::batch_norm(graph, "norm", 4, f64, {.axis = 1, .all_ranks = peers != nullptr});
    const nn::Dense last = nn::dense(graph, "last", 4, 3, f64);
    std::vector<Value> parameters{conv.weight, conv.bias};
    append(parameters, norm.parameters());
    append(parameters, last.parameters());
    const nn::Trained normed = norm.train(conv(x));
    const Value loss = mean(softmax_cross_entropy(last(mean(relu(normed.y), {2, 3})), y));
    const ranks::DistributedLoss all = ranks::differentiate(loss, parameters, ranks::rows_of(x));
    std::vector<Value> updates = optim::sgd(parameters, all.gradients, 0.5);
    append(updates, normed.updates);
    Session session(graph, {.seed = 4, .communicator = peers});
    const Function step = session.compile({.inputs = {x, y}, .outputs = {all.loss}, .updates = updates});
    const Batches batches(f64);
    std::vector<double> numbers;
    for (std::size_t batch = 0; batch < batches.count(); ++batch) {
      const BatchRows fed = rows_of(batches, batch, peers);
      numbers.push_back(step({fed.x, fed.y})[0].item<double>());
    }
    const std::vector<double> states = numbers_of_states(session, graph);
    numbers.insert(numbers.end(), states.begin(), states.end());
    return numbers;
  };
  const std::vector<double> alone = train(nullptr);
  for (const int ranks : {1, 2, 3, 4}) {
    simulate(ranks, [&](const Peers& peers) {
      EXPECT_LT(worst_difference(train(peers), alone), 1e-9) << ranks << " ranks";
    });
  }
}

}  // namespace
}  // namespace weft
