// The ops of ops/communication.h in sessions of simulated ranks.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weft/autodiff/gradients.h"
#include "weft/autodiff/vmap.h"
#include "weft/ops/builtin.h"
#include "weft/runtime/ranks/simulated.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing_support::expect_error;
using testing_support::numbers;
using Peers = std::shared_ptr<Communicator>;

class ExchangesOf : public testing::TestWithParam<int> {};

TEST_P(ExchangesOf, ComputeWhatTheirOpsSay) {
  const std::int64_t size = GetParam();
  simulate(GetParam(), [&](const Peers& peers) {
    Graph graph;
    const Value x = input(graph, "x", f64, {2});
    const Value all = all_gather(x, size);
    Session session(graph, {.communicator = peers});
    const Function f = session.compile(
        {.inputs = {x},
         .outputs = {all_reduce(x), all_reduce(x, RankReduction::mean), all_reduce(x, RankReduction::min),
                     all_reduce(x, RankReduction::max), all, reduce_scatter(all, size),
                     broadcast(x, size - 1), reduce_to(x, size - 1), rank_number(graph)}});
    const auto rank = static_cast<double>(peers->rank());
    const auto last = static_cast<double>(size - 1);
    const auto ranks = static_cast<double>(size);
    const double total = ranks * last / 2.0;
    const Outputs made = f({Tensor::of<double>({rank, 1.0})});
    EXPECT_THAT(numbers(made[0]), ElementsAre(total, ranks));
    EXPECT_THAT(numbers(made[1]), ElementsAre(total / ranks, 1.0));
    EXPECT_THAT(numbers(made[2]), ElementsAre(0.0, 1.0));
    EXPECT_THAT(numbers(made[3]), ElementsAre(last, 1.0));
    const std::vector<double> gathered = numbers(made[4]);
    for (std::size_t i = 0; i < gathered.size(); ++i)
      EXPECT_EQ(gathered[i], i % 2 == 0 ? static_cast<double>(i / 2) : 1.0);
    EXPECT_THAT(numbers(made[5]), ElementsAre(ranks * rank, ranks));
    EXPECT_THAT(numbers(made[6]), ElementsAre(last, 1.0));
    const bool at_root = rank == last;
    EXPECT_THAT(numbers(made[7]), ElementsAre(at_root ? total : 0.0, at_root ? ranks : 0.0));
    EXPECT_EQ(made[8].values<std::int64_t>()[0], peers->rank());
  });
}

/// The gradient of the sum of all ranks' losses, against differences.
TEST_P(ExchangesOf, HaveTheGradientsOfAllRanksLosses) {
  const std::int64_t size = GetParam();
  const auto build = [&](const Value& x, int which) {
    switch (which) {
      case 0:
        return all_reduce(x);
      case 1:
        return all_reduce(x, RankReduction::mean);
      case 2:
        return all_reduce(x, RankReduction::max);
      case 3:
        return all_gather(x, size);
      case 4:
        return reduce_scatter(x, size);
      case 5:
        return broadcast(x, size - 1);
      default:
        return reduce_to(x, size - 1);
    }
  };
  for (int which = 0; which < 7; ++which) {
    simulate(GetParam(), [&](const Peers& peers) {
      Graph graph;
      const Value x = input(graph, "x", f64, {2 * size});
      const Value y = build(square(x) + x, which);
      const Value weights = positions(y, 0, f64) + cast(rank_number(graph), f64) + 0.5;
      const Value own = sum(sin(y) * weights);
      const Value loss = all_reduce(stop_gradient(own));
      Session session(graph, {.communicator = peers});
      const Function f = session.compile({.inputs = {x}, .outputs = {loss, gradient(own, x)}});
      std::vector<double> at;
      for (std::int64_t i = 0; i < 2 * size; ++i)
        at.push_back(0.3 * static_cast<double>(i) + 0.11 * static_cast<double>(peers->rank()));
      const auto fed = [&](const std::vector<double>& values) {
        return Tensor::of<double>(std::span<const double>(values));
      };
      const std::vector<double> slope = numbers(f({fed(at)})[1]);
      constexpr double kStep = 1e-6;
      for (std::int64_t rank = 0; rank < size; ++rank) {
        for (std::size_t i = 0; i < at.size(); ++i) {
          const auto loss_at = [&](double step) {
            std::vector<double> moved = at;
            if (peers->rank() == rank) moved[i] += step;
            return f({fed(moved)})[0].values<double>()[0];
          };
          const double difference = (loss_at(kStep) - loss_at(-kStep)) / (2 * kStep);
          if (peers->rank() == rank) {
            EXPECT_NEAR(slope[i], difference, 1e-6) << "op " << which << " rank " << rank << " element " << i;
          }
        }
      }
    });
  }
}

INSTANTIATE_TEST_SUITE_P(Ranks, ExchangesOf, testing::Values(1, 2, 3, 4));

TEST_P(ExchangesOf, AreThoseOfEachExampleUnderVmap) {
  const std::int64_t size = GetParam();
  simulate(GetParam(), [&](const Peers& peers) {
    Graph graph;
    const Value x = input(graph, "x", f64, {3, 2 * size});
    Session session(graph, {.communicator = peers});
    const auto compare = [&](const std::function<Value(const Value&)>& exchange) {
      const Value together = vmap([&](const Value& one) { return exchange(one * 2.0); }, x);
      std::vector<Value> outputs{together};
      for (std::int64_t i = 0; i < 3; ++i)
        outputs.push_back(exchange(reshape(slice(x, 0, i, i + 1), {2 * size}) * 2.0));
      std::vector<double> fed;
      for (std::int64_t i = 0; i < 6 * size; ++i) fed.push_back(static_cast<double>(i * i + peers->rank()));
      const Outputs made =
          session.compile({.inputs = {x}, .outputs = outputs})({Tensor::of(fed, {3, 2 * size})});
      std::vector<double> one_by_one;
      for (std::size_t i = 1; i < 4; ++i) {
        const std::vector<double> one = numbers(made[i]);
        one_by_one.insert(one_by_one.end(), one.begin(), one.end());
      }
      EXPECT_EQ(numbers(made[0]), one_by_one);
    };
    compare([](const Value& one) { return all_reduce(one); });
    compare([&](const Value& one) { return all_gather(one, size); });
    compare([&](const Value& one) { return reduce_scatter(one, size); });
    compare([&](const Value& one) { return broadcast(one, size - 1); });
    compare([&](const Value& one) { return reduce_to(one, size - 1); });
  });
}

TEST(Exchanges, WithoutCommunicatorAreThoseOfOneRank) {
  Graph graph;
  const Value x = input(graph, "x", f64, {2});
  Session session(graph);
  const Function f = session.compile({.inputs = {x}, .outputs = {all_reduce(x), reduce_scatter(x, 1)}});
  const Outputs made = f({Tensor::of<double>({1.0, 2.0})});
  EXPECT_THAT(numbers(made[0]), ElementsAre(1.0, 2.0));
  EXPECT_THAT(numbers(made[1]), ElementsAre(1.0, 2.0));
  const Function wide = session.compile({.inputs = {x}, .outputs = {all_gather(x, 4)}});
  expect_error(ErrorCode::invalid_argument, {"all_gather", "ranks = 1", "ranks = 4"},
               [&] { wide({Tensor::of<double>({1.0, 2.0})}); });
}

TEST(Exchanges, AreNeitherMergedNorFoldedNorKept) {
  Graph graph;
  const Value x = input(graph, "x", f64, {2});
  const Value p = parameter(graph, "p", Tensor::of<double>({1.0, 2.0}));
  const Value ones = constant(graph, Tensor::of<double>({1.0, 1.0}));
  Session session(graph);
  const Compilation compiled = session.inspect(
      {.inputs = {x}, .outputs = {x + all_reduce(ones) + all_reduce(ones), x * all_reduce(p)}}, {});
  EXPECT_EQ(std::ranges::count(compiled.lowered.communicates, true), 3);
  EXPECT_EQ(compiled.prologue, nullptr);
}

TEST(Exchanges, RunInTheirCreationOrderInTheCallingThread) {
  Graph graph;
  const Value x = input(graph, "x", f64, {64, 64});
  std::vector<Value> outputs;
  for (int i = 0; i < 6; ++i) outputs.push_back(matmul(all_reduce(matmul(x, x * (i + 1.0))), x));
  std::ranges::reverse(outputs);
  Session session(graph, {.threads = 2, .exact_threads = true});
  const Compilation compiled = session.inspect({.inputs = {x}, .outputs = outputs}, {});
  std::vector<NodeId> order;
  for (const Schedule::Entry& entry : compiled.schedule.order) {
    if (!compiled.lowered.communicates[entry.step]) continue;
    order.push_back(compiled.lowered.steps[entry.step]);
    EXPECT_EQ(entry.home, 0);
  }
  EXPECT_EQ(order.size(), 6U);
  EXPECT_TRUE(std::ranges::is_sorted(order));
}

TEST(Exchanges, FailBeforeUpdatesAndEndTheJob) {
  std::atomic<int> unchanged{0};
  expect_error(ErrorCode::out_of_range, {"rank 1", "gather"}, [&] {
    simulate(2, [&](const Peers& peers) {
      Graph graph;
      const Value rows = input(graph, "rows", i64, {1});
      const Value p = parameter(graph, "p", Tensor::of<double>({1.0, 2.0}));
      const Value taken = gather(p, rows);
      const Value update = assign(p, p + all_reduce(taken));
      Session session(graph, {.communicator = peers, .compile = {.bucket_bytes = 1}});
      const Function f = session.compile({.inputs = {rows}, .updates = {update}});
      try {
        f({Tensor::of<std::int64_t>({peers->rank() == 1 ? 5 : 0})});
        ADD_FAILURE() << "a run without rank 1";
      } catch (const Error& error) {
        if (peers->rank() == 0) {
          EXPECT_EQ(error.code(), ErrorCode::interrupted);
          EXPECT_THAT(error.what(), HasSubstr("rank 1 ended the job"));
        }
        if (numbers(session.value(p)) == std::vector{1.0, 2.0}) ++unchanged;
        throw;
      }
    });
  });
  EXPECT_EQ(unchanged.load(), 2);
}

TEST(Exchanges, RunBesideChecks) {
  for (const bool guard : {false, true}) {
    simulate(2, [&](const Peers& peers) {
      Graph graph;
      const Value x = input(graph, "x", f64, {2});
      const Value p = parameter(graph, "p", Tensor::of<double>({1.0, 2.0}));
      const Value sum = all_reduce(x * p);
      Session session(graph, {.communicator = peers, .compile = {.self_check = !guard, .nan_guard = guard}});
      const Function f = session.compile({.inputs = {x}, .outputs = {sum}, .updates = {assign(p, p + sum)}});
      EXPECT_THAT(numbers(f({Tensor::of<double>({1.0, 3.0})})[0]), ElementsAre(2.0, 12.0));
      EXPECT_THAT(numbers(session.value(p)), ElementsAre(3.0, 14.0));
    });
  }
}

TEST(Exchanges, OfAFailedCheckEndTheJob) {
  expect_error(ErrorCode::numeric, {"rank 1", "log"}, [] {
    simulate(2, [](const Peers& peers) {
      Graph graph;
      const Value x = input(graph, "x", f64, {1});
      Session session(graph, {.communicator = peers, .compile = {.nan_guard = true, .bucket_bytes = 1}});
      session.compile({.inputs = {x}, .outputs = {all_reduce(log(x))}})(
          {Tensor::of<double>({peers->rank() == 1 ? -1.0 : 1.0})});
    });
  });
}

TEST(Exchanges, HaveNoPlaceInsideOfLoops) {
  Graph graph;
  const Value x = input(graph, "x", f64, {2});
  expect_error(ErrorCode::invalid_argument, {"all_reduce", "no place inside of while_loop"}, [&] {
    while_loop([](std::span<const Value> s) { return sum(s[0]) < 10.0; },
               [](std::span<const Value> s) { return std::vector{all_reduce(s[0])}; }, std::array{x});
  });
}

TEST(Exchanges, RefuseAnotherNumberOfRanks) {
  expect_error(
      ErrorCode::invalid_argument, {"rank", "another number of ranks", "ranks = 2", "ranks = 3"}, [] {
        simulate(2, [](const Peers& peers) {
          Graph graph;
          const Value x = input(graph, "x", f64, {3});
          Session session(graph, {.communicator = peers});
          session.compile({.inputs = {x}, .outputs = {reduce_scatter(x, 3)}})({Tensor::zeros(f64, {3})});
        });
      });
}

}  // namespace
}  // namespace weft
