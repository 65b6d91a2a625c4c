// A hundred steps of whole networks on 1 to 4 ranks beside those of one process.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "weft/autodiff/gradients.h"
#include "weft/frontends/data/synthetic_digits.h"
#include "weft/frontends/ranks/distributed.h"
#include "weft/frontends/ranks/fixed_shards.h"
#include "weft/frontends/ranks/parameters.h"
#include "weft/frontends/ranks/shares.h"
#include "weft/runtime/ranks/simulated.h"
#include "weft/tests/frontends/ranks/networks.h"

namespace weft {
namespace {

using testing_support::adam_updates;
using testing_support::append;
using testing_support::BatchRows;
using testing_support::bytes_of_states;
using testing_support::NamedNetwork;
using testing_support::Network;
using testing_support::numbers_of_states;
using testing_support::OptimizerOf;
using Peers = std::shared_ptr<Communicator>;

// Instrumented programs take long.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::int64_t kLongSteps = 3;
#else
constexpr std::int64_t kLongSteps = 100;
#endif
constexpr std::int64_t kLongBatch = 24;

/// What a network bends its values by: as it usually does, or without a kink anywhere.
struct Kinked {
  static Value activation(const Operand& x) { return relu(x); }
  using Pool = nn::MaxPool2d;
};
struct Smooth {
  static Value activation(const Operand& x) { return tanh(x); }
  using Pool = nn::AvgPool2d;
};

template <typename Bends, std::int64_t kHidden>
Network mnist_network(Graph& graph, const Value& x) {
  const nn::Dense hidden = nn::dense(graph, "hidden", 784, kHidden, x.dtype());
  const nn::Dense last = nn::dense(graph, "last", kHidden, 10, x.dtype());
  Network made;
  for (const nn::Dense& layer : {hidden, last}) append(made.parameters, layer.parameters());
  made.logits = last(Bends::activation(hidden(x)));
  return made;
}

/// As in frontends/examples/conv_net.cpp, or with fewer filters.
template <typename Bends>
Network lenet_of(Graph& graph, const Value& x, std::array<std::int64_t, 3> features) {
  const typename Bends::Pool halve{{.window = 2}};
  const nn::Sequential network{{"pictures", [](const Value& rows) { return reshape(rows, {-1, 1, 28, 28}); }},
                               nn::conv2d(graph, "conv1", features[0], 5),
                               halve,
                               nn::conv2d(graph, "conv2", features[1], 5),
                               halve,
                               nn::Flatten{},
                               nn::dense(graph, "dense1", features[2]),
                               Bends::activation,
                               nn::dense(graph, "dense2", 10)};
  const Value logits = network(x);
  return {.parameters = network.parameters(), .logits = logits};
}
template <typename Bends>
Network lenet(Graph& graph, const Value& x) {
  return lenet_of<Bends>(graph, x, {20, 50, 500});
}
Network small_lenet(Graph& graph, const Value& x) { return lenet_of<Kinked>(graph, x, {3, 6, 30}); }

/// Two encoder layers over the 28 rows of a picture.
template <typename Bends>
Network encoder(Graph& graph, const Value& x) {
  Network made;
  const nn::Dense first = nn::dense(graph, "first", 28, 32, x.dtype());
  append(made.parameters, first.parameters());
  Value state = first(reshape(x, {x.shape()[0], 28, 28}));
  for (const char* name : {"layer1", "layer2"}) {
    const auto layer = nn::transformer_encoder_layer(
        graph, name, 32,
        {.heads = 4, .inner = 64, .dropout = 0.0, .norm_first = true, .activation = Bends::activation},
        x.dtype());
    append(made.parameters, nn::parameters(layer));
    state = layer(state);
  }
  const nn::Dense last = nn::dense(graph, "last", 32, 10, x.dtype());
  append(made.parameters, last.parameters());
  made.logits = last(mean(state, {1}));
  return made;
}

/// A network, and how its gradients are used.
struct TrainedNetwork {
  NamedNetwork network;
  DType dtype = f32;
  OptimizerOf optimizer = adam_updates;
  std::int64_t batch = kLongBatch;
};
void PrintTo(const TrainedNetwork& training, std::ostream* out) { *out << training.network.name; }

struct Course {
  std::vector<double> losses;
  std::vector<double> numbers;  // of all parameters and slots
  std::string bytes;
};

/// The rows of a step; in one of ten steps they are fewer.
BatchRows batch_of(const data::Dataset& digits, std::int64_t batch, std::int64_t step) {
  const std::int64_t rows = step % 10 == 9 ? batch - 7 : batch;
  const std::int64_t begin = step * batch % (digits.labels.elements() - batch);
  return {digits.images.rows(begin, rows), digits.labels.rows(begin, rows)};
}

struct NetworkFeeds {
  Value x;
  Value y;
  Value scaled;
};
NetworkFeeds feeds_of(Graph& graph, DType dtype) {
  const Value x = input(graph, "x", u8, {"batch", 784});
  const Value y = input(graph, "y", u8, {"batch"});
  return {.x = x, .y = y, .scaled = cast(x, dtype) * (1.0 / 255.0)};
}

double number_of(const Tensor& scalar) {
  return scalar.dtype() == DType::f32 ? static_cast<double>(scalar.item<float>()) : scalar.item<double>();
}

template <typename Step>
Course run_course(const Step& step, std::int64_t batch, Session& session, const Graph& graph) {
  ranks::synchronize(session, graph);
  const data::Dataset digits = data::synthetic_digits(300, 11, 0);
  Course course;
  for (std::int64_t i = 0; i < kLongSteps; ++i) course.losses.push_back(step(batch_of(digits, batch, i)));
  ranks::expect_equal_parameters(session, graph);
  course.numbers = numbers_of_states(session, graph);
  course.bytes = bytes_of_states(session, graph);
  return course;
}

Course train_plainly(const TrainedNetwork& training, const Peers& peers) {
  Graph graph;
  const auto [x, y, scaled] = feeds_of(graph, training.dtype);
  const Network made = training.network.build(graph, scaled);
  const Value own = mean(softmax_cross_entropy(made.logits, y));
  ranks::DistributedLoss all{.loss = own, .gradients = {}};
  if (peers == nullptr) {
    all.gradients = gradients(own, made.parameters);
  } else {
    all = ranks::differentiate(own, made.parameters, ranks::rows_of(x));
  }
  Session session(graph, {.seed = 3, .communicator = peers});
  const Function function = session.compile({.inputs = {x, y},
                                             .outputs = {all.loss},
                                             .updates = training.optimizer(made.parameters, all.gradients)});
  const auto step = [&](const BatchRows& batch) {
    const auto [first, count] = ranks::own_rows(batch.y.elements(), peers.get());
    return number_of(function({batch.x.rows(first, count), batch.y.rows(first, count)})[0]);
  };
  return run_course(step, training.batch, session, graph);
}

Course train_to_same_bits(const NamedNetwork& network, const Peers& peers, int threads) {
  Graph graph;
  const auto [x, y, scaled] = feeds_of(graph, f32);
  const Network made = network.build(graph, scaled);
  Session session(
      graph,
      {.threads = threads, .exact_threads = true, .seed = 3, .communicator = peers, .compile = {.cuts = 2}});
  ranks::FixedShards shards(
      session, {.inputs = {x, y},
                .loss = mean(softmax_cross_entropy(made.logits, y)),
                .parameters = made.parameters,
                .optimizer = [&](std::span<const Value> g) { return adam_updates(made.parameters, g); },
                .shards = 5});
  const auto step = [&](const BatchRows& batch) {
    const std::int64_t rows = batch.y.elements();
    const auto [begin, end] = shards.rows_of_rank(rows);
    return shards({batch.x.rows(begin, end - begin), batch.y.rows(begin, end - begin)}, rows);
  };
  return run_course(step, kLongBatch, session, graph);
}

/// The largest difference, relative to the larger number or to 1.
double worst_of(const std::vector<double>& a, const std::vector<double>& b) {
  double most = a.size() == b.size() ? 0.0 : 1.0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    most = std::max(most, std::abs(a[i] - b[i]) / std::max({1.0, std::abs(a[i]), std::abs(b[i])}));
  return most;
}

/// Each of a hundred steps rounds a weight below 0.5 by up to 2^-26, in both of the runs that are compared.
constexpr double kRoundings = 100 * 0x1p-25;

class HundredSteps : public testing::TestWithParam<TrainedNetwork> {};

TEST_P(HundredSteps, OfRanksAreThoseOfOneProcess) {
  const Course alone = train_plainly(GetParam(), nullptr);
  for (const int ranks : {1, 2, 3, 4}) {
    simulate(ranks, [&](const Peers& peers) {
      const Course shared = train_plainly(GetParam(), peers);
      EXPECT_LT(worst_of(shared.losses, alone.losses), 1e-6) << ranks << " ranks";
      EXPECT_LT(worst_of(shared.numbers, alone.numbers), kRoundings) << ranks << " ranks";
    });
  }
}

template <int kTenThousandths>
std::vector<Value> sgd_updates(std::span<const Value> parameters, std::span<const Value> slopes) {
  return optim::sgd(parameters, slopes, kTenThousandths * 1e-4);
}

/// In f32 a difference in the last digit grows where a unit beside 0, or a maximum of two equal numbers,
/// falls to the other side, and where a step is long, as those of Adam are: which digits differ is up to the
/// machine. So networks are smooth there, and f64 shows that nothing else differs.
std::vector<TrainedNetwork> trainings() {
  return {{.network = {"mlp100", mnist_network<Smooth, 100>}, .optimizer = sgd_updates<1000>},
          {.network = {"mlp1024", mnist_network<Smooth, 1024>}, .optimizer = sgd_updates<1000>},
          {.network = {"lenet", lenet<Smooth>}, .optimizer = sgd_updates<500>},
          {.network = {"transformer", encoder<Smooth>}, .optimizer = sgd_updates<100>},
          {.network = {"mlp100_f64", mnist_network<Kinked, 100>}, .dtype = f64},
          {.network = {"lenet_f64", small_lenet}, .dtype = f64, .batch = 8},
          {.network = {"transformer_f64", encoder<Kinked>}, .dtype = f64, .batch = 16}};
}
std::string name_of_training(const testing::TestParamInfo<TrainedNetwork>& tested) {
  return tested.param.network.name;
}
INSTANTIATE_TEST_SUITE_P(Networks, HundredSteps, testing::ValuesIn(trainings()), name_of_training);

class HundredFixedSteps : public testing::TestWithParam<NamedNetwork> {};

TEST_P(HundredFixedSteps, HaveTheBitsOfOneProcess) {
  const Course alone = train_to_same_bits(GetParam(), nullptr, 1);
  for (const int ranks : {1, 2, 3, 4}) {
    simulate(ranks, [&](const Peers& peers) {
      const Course shared = train_to_same_bits(GetParam(), peers, ranks % 2 + 1);
      EXPECT_EQ(shared.losses, alone.losses) << ranks << " ranks";
      EXPECT_TRUE(shared.bytes == alone.bytes) << ranks << " ranks";
    });
  }
}

std::vector<NamedNetwork> whole_networks() {
  return {{"mlp100", mnist_network<Kinked, 100>},
          {"mlp1024", mnist_network<Kinked, 1024>},
          {"lenet", lenet<Kinked>},
          {"transformer", encoder<Kinked>}};
}
std::string name_of_whole(const testing::TestParamInfo<NamedNetwork>& tested) { return tested.param.name; }
INSTANTIATE_TEST_SUITE_P(Networks, HundredFixedSteps, testing::ValuesIn(whole_networks()), name_of_whole);

}  // namespace
}  // namespace weft
