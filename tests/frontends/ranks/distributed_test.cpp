#include "weft/frontends/ranks/distributed.h"
#include "weft/frontends/ranks/agreement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>

#include "weft/autodiff/gradients.h"
#include "weft/frontends/ranks/parameters.h"
#include "weft/runtime/ranks/simulated.h"
#include "weft/tests/frontends/ranks/networks.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::adam_updates;
using testing_support::Batches;
using testing_support::BatchRows;
using testing_support::expect_error;
using testing_support::NamedNetwork;
using testing_support::Network;
using testing_support::networks;
using testing_support::numbers_of_states;
using testing_support::OptimizerOf;
using Peers = std::shared_ptr<Communicator>;

/// How gradients of all ranks are made.
enum class Form : std::uint8_t { of_gradients, of_loss };

struct Trained {
  std::vector<double> losses;
  std::vector<double> numbers;  // of all parameters and slots
};

Trained train(const NamedNetwork& network, DType dtype, const Peers& peers, Form form,
              const OptimizerOf& optimizer, SessionOptions options = {}) {
  Graph graph;
  const Value x = input(graph, "x", dtype, {"batch", 1, 8, 8});
  const Value y = input(graph, "y", i32, {"batch"});
  const Network made = network.build(graph, x);
  const Value own = mean(softmax_cross_entropy(made.logits, y));
  Value loss = own;
  std::vector<Value> slopes;
  if (peers == nullptr) {
    slopes = gradients(own, made.parameters);
  } else if (form == Form::of_loss) {
    std::tie(loss, slopes) = [&] {
      const ranks::DistributedLoss all = ranks::differentiate(own, made.parameters, ranks::rows_of(x));
      return std::pair(all.loss, all.gradients);
    }();
  } else {
    loss = ranks::mean_over_ranks(own, ranks::rows_of(x));
    slopes = ranks::distributed(gradients(own, made.parameters), ranks::rows_of(x));
  }
  options.communicator = peers;
  if (peers != nullptr) options.seed += static_cast<std::uint64_t>(peers->rank());
  Session session(graph, options);
  const Function step =
      session.compile({.inputs = {x, y}, .outputs = {loss}, .updates = optimizer(made.parameters, slopes)});
  ranks::synchronize(session, graph);
  ranks::expect_equal_parameters(session, graph);
  const Batches batches(dtype);
  Trained result;
  for (std::size_t batch = 0; batch < batches.count(); ++batch) {
    const std::int64_t rows = batches.rows(batch);
    const std::int64_t size = peers == nullptr ? 1 : peers->size();
    const std::int64_t rank = peers == nullptr ? 0 : peers->rank();
    const BatchRows own_rows = batches.take(batch, rows * rank / size, rows * (rank + 1) / size);
    const Tensor made_loss = step({own_rows.x, own_rows.y})[0];
    visit_float(dtype, [&]<typename T>(T) {
      result.losses.push_back(static_cast<double>(made_loss.values<T>()[0]));
    });
  }
  ranks::expect_equal_parameters(session, graph);
  result.numbers = numbers_of_states(session, graph);
  return result;
}

class DataParallel : public testing::TestWithParam<std::tuple<NamedNetwork, int>> {};

TEST_P(DataParallel, TrainsAsOneProcess) {
  const auto& [network, ranks] = GetParam();
  const Trained alone = train(network, f64, nullptr, Form::of_loss, adam_updates, {.seed = 3});
  for (const Form form : {Form::of_loss, Form::of_gradients}) {
    for (const int threads : {1, 2}) {
      simulate(ranks, [&, name = network](const Peers& peers) {
        const Trained shared =
            train(name, f64, peers, form, adam_updates,
                  {.threads = threads, .exact_threads = true, .seed = 3, .compile = {.bucket_bytes = 2000}});
        ASSERT_EQ(shared.numbers.size(), alone.numbers.size());
        for (std::size_t i = 0; i < alone.losses.size(); ++i)
          EXPECT_NEAR(shared.losses[i], alone.losses[i], 1e-9) << "step " << i;
        double worst = 0.0;
        for (std::size_t i = 0; i < alone.numbers.size(); ++i)
          worst = std::max(worst, std::abs(shared.numbers[i] - alone.numbers[i]));
        EXPECT_LT(worst, 1e-6);
      });
    }
  }
}

std::string name_of_case(const testing::TestParamInfo<std::tuple<NamedNetwork, int>>& tested) {
  return std::get<0>(tested.param).name + std::to_string(std::get<1>(tested.param));
}
INSTANTIATE_TEST_SUITE_P(Networks, DataParallel,
                         testing::Combine(testing::ValuesIn(networks()), testing::Values(1, 2, 3, 4)),
                         name_of_case);

TEST(Distributed, WeighsRanksByTheirRows) {
  simulate(3, [](const Peers& peers) {
    Graph graph;
    const Value x = input(graph, "x", f64, {"rows"});
    Session session(graph, {.communicator = peers});
    const Function f =
        session.compile({.inputs = {x}, .outputs = {ranks::mean_over_ranks(mean(x), ranks::rows_of(x))}});
    const std::vector<std::vector<double>> rows{{1.0, 2.0, 3.0}, {}, {8.0}};
    EXPECT_DOUBLE_EQ(f({Tensor::of(rows[static_cast<std::size_t>(peers->rank())])})[0].item<double>(), 3.5);
    EXPECT_DOUBLE_EQ(f({Tensor::zeros(f64, {0})})[0].item<double>(), 0.0);
  });
}

TEST(Distributed, RefusesGradientsThatAreNoFloats) {
  Graph graph;
  const Value x = input(graph, "x", i32, {"rows"});
  expect_error(ErrorCode::dtype_mismatch, {"distributed", "f32 or f64", "i32"},
               [&] { ranks::distributed(std::array{x}, ranks::rows_of(x)); });
}

TEST(RankParameters, AreThoseOfTheRoot) {
  simulate(3, [](const Peers& peers) {
    Graph graph;
    const Value p = parameter(graph, "p", Tensor::of<double>({0.0, 1.0}));
    Session session(graph, {.seed = static_cast<std::uint64_t>(10 + peers->rank()), .communicator = peers});
    session.set(p, Tensor::of<double>({static_cast<double>(peers->rank()), 5.0}));
    ranks::synchronize(session, graph, 2);
    EXPECT_THAT(session.value(p).values<double>(), testing::ElementsAre(2.0, 5.0));
    EXPECT_EQ(session.seed(), 12U);
  });
}

TEST(RankParameters, ThatDifferAreNamedWithTheirRank) {
  expect_error(ErrorCode::internal, {"the parameter 'layer/b'", "ranks 1, 3", "rank 0"}, [] {
    simulate(4, [](const Peers& peers) {
      Graph graph;
      parameter(graph, "layer/a", Tensor::of<double>({0.0, 1.0}));
      const Value b = parameter(graph, "layer/b", Tensor::of<double>({0.0, 1.0}));
      Session session(graph, {.communicator = peers});
      if (peers->rank() % 2 == 1) session.set(b, Tensor::of<double>({0.0, 2.0}));
      ranks::expect_equal_parameters(session, graph);
    });
  });
}

TEST(Digest, TellsTensorsApart) {
  const auto digest = [](const Tensor& tensor) { return ranks::Digest().add(tensor).value(); };
  const Tensor a = Tensor::of<float>({1.0F, 2.0F, 3.0F});
  EXPECT_EQ(digest(a), digest(a.clone()));
  EXPECT_NE(digest(a), digest(Tensor::of<float>({1.0F, 3.0F, 2.0F})));
  EXPECT_NE(digest(a), digest(Tensor::of<float>({1.0F, 2.0F})));
  EXPECT_NE(digest(Tensor::of<float>({0.0F})), digest(Tensor::of<float>({-0.0F})));
}

}  // namespace
}  // namespace weft
