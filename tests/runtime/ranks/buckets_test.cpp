// Sums over ranks in buckets, by the text of plans, by results and by profiles.

#include "weft/runtime/ranks/buckets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "weft/autodiff/gradients.h"
#include "weft/graph/print.h"
#include "weft/ops/builtin.h"
#include "weft/runtime/ranks/exchange_costs.h"
#include "weft/runtime/ranks/simulated.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing::HasSubstr;
using Peers = std::shared_ptr<Communicator>;

constexpr std::int64_t kWidth = 32;
constexpr std::int64_t kBytesOfWeight = kWidth * kWidth * 4;

/// A chain of layers whose gradients are summed over ranks.
struct Chain {
  Graph graph;
  Value x = input(graph, "x", f32, {"batch", kWidth});
  std::vector<Value> weights;
  std::vector<Value> sums;  // of gradients, over ranks
  Value loss;
  std::vector<Value> updates;

  explicit Chain(int layers, bool scaled = false, std::int64_t width = kWidth) {
    if (width != kWidth) x = input(graph, "wide", f32, {"batch", width});
    Value y = x;
    for (int i = 0; i < layers; ++i) {
      std::vector<float> start(static_cast<std::size_t>(width * width));
      for (std::size_t j = 0; j < start.size(); ++j)
        start[j] = 0.1F * std::sin(static_cast<float>(j) + static_cast<float>(i));
      weights.push_back(parameter(graph, "w" + std::to_string(i), Tensor::of(start, {width, width})));
      y = tanh(matmul(y, weights.back()));
    }
    loss = mean(square(y));
    std::vector<Value> slopes = gradients(loss, weights);
    for (std::size_t i = slopes.size(); i-- > 0;) {
      const Value given = scaled ? where(loss > 0.0, slopes[i] * 3.0, 0.0) : slopes[i];
      sums.insert(sums.begin(), all_reduce(given));
    }
    for (std::size_t i = 0; i < weights.size(); ++i)
      updates.push_back(assign(weights[i], weights[i] - 0.1 * sums[i]));
  }
  FunctionSpec spec() const { return {.inputs = {x}, .outputs = {loss}, .updates = updates}; }
};

std::vector<std::string> ops_of(const Program& program) {
  std::vector<std::string> ops;
  for (NodeId id = 0; id < program.graph->size(); ++id) ops.emplace_back(program.graph->node(id).op.name());
  return ops;
}

/// The exchanges of a plan in order: how many tensors each has, and what else runs before it is finished.
struct Planned {
  std::size_t tensors = 0;
  std::size_t between = 0;
};
std::vector<Planned> planned(const Compilation& made) {
  std::vector<Planned> exchanges;
  std::map<NodeId, std::size_t> started;
  std::size_t computed = 0;
  for (const Schedule::Entry& entry : made.schedule.order) {
    const NodeId id = made.lowered.steps[entry.step];
    const Node& node = made.lowered.program.graph->node(id);
    if (node.op.name() == "exchange_start") {
      started[id] = exchanges.size();
      exchanges.push_back({.tensors = node.inputs.size(), .between = computed});
    } else if (node.op.name() == "exchange_finish") {
      Planned& exchange = exchanges[started.at(node.inputs.back().node)];
      exchange.between = computed - exchange.between;
    } else {
      ++computed;
    }
  }
  return exchanges;
}

TEST(Buckets, AreSentAsSoonAsTheirLastGradientIsThere) {
  for (const bool scaled : {false, true}) {
    for (const int threads : {1, 2}) {
      if (scaled && threads == 2) continue;  // what is scaled waits for barriers
      Chain chain(5, scaled);
      Session session(
          chain.graph,
          {.threads = threads, .exact_threads = true, .compile = {.bucket_bytes = 2 * kBytesOfWeight}});
      const Compilation made = session.inspect(chain.spec(), {{"batch", 16}});
      const std::vector<Planned> exchanges = planned(made);
      ASSERT_EQ(exchanges.size(), 3U);
      EXPECT_EQ(exchanges[0].tensors, 2U);
      EXPECT_EQ(exchanges[1].tensors, 2U);
      EXPECT_EQ(exchanges[2].tensors, 1U);
      // The first waits for the last two layers; behind it come the other three.
      EXPECT_GE(exchanges[0].between, 3U) << to_text(made.lowered, made.schedule, made.arena);
      EXPECT_GE(exchanges[1].between, 1U);
    }
  }
}

TEST(Buckets, AreInThePlansTextWithTheirTests) {
  Chain chain(3);
  Session session(chain.graph, {.compile = {.bucket_bytes = kBytesOfWeight}});
  std::string text;
  session.inspect(chain.spec(), {{"batch", 16}}, [&](std::string_view stage, const std::string& shown) {
    if (stage == "schedule") text = shown;
  });
  EXPECT_THAT(text, testing::ContainsRegex("exchange_start +by exchange"));
  EXPECT_THAT(text, testing::ContainsRegex("matmul.*\\(then tests 1 under way\\)"));
  EXPECT_THAT(text, testing::ContainsRegex("exchange_finish +by exchange"));
}

TEST(Buckets, CopyNoGradient) {
  Chain chain(4);
  Session session(chain.graph, {.compile = {.bucket_bytes = 2 * kBytesOfWeight}});
  const Compilation made = session.inspect(chain.spec(), {{"batch", 16}});
  int starts = 0;
  for (const Schedule::Entry& entry : made.schedule.order) {
    const NodeId id = made.lowered.steps[entry.step];
    const Node& node = made.lowered.program.graph->node(id);
    if (node.op.name() != "exchange_start") continue;
    ++starts;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const std::size_t given = made.lowered.storage_of[node.inputs[i].node][node.inputs[i].output];
      const std::size_t sent = made.lowered.storage_of[id][i];
      EXPECT_EQ(made.arena.offsets[sent], made.arena.offsets[given]);
      EXPECT_EQ(made.arena.offsets[sent], made.arena.offsets[made.lowered.storage_of[id][0]] +
                                              i * static_cast<std::size_t>(kBytesOfWeight));
    }
  }
  EXPECT_EQ(starts, 2);
}

TEST(Buckets, HoldSumsOfOneKindThatDoNotDependOnEachOther) {
  Graph graph;
  const Value x = input(graph, "x", f32, {4});
  const Value wide = cast(x, f64);
  const Value first = all_reduce(x);
  const std::vector<Value> roots{first,
                                 all_reduce(x * 2.0),
                                 all_reduce(wide),
                                 all_reduce(first * 3.0),
                                 all_reduce(x, RankReduction::mean),
                                 all_reduce(x, RankReduction::max)};
  const auto made = bucket_exchanges(extract(graph, roots), 1 << 20);
  ASSERT_TRUE(made.has_value());
  const std::vector<std::string> ops = ops_of(*made);
  EXPECT_EQ(std::ranges::count(ops, "exchange_start"), 4) << to_text(*made);
  EXPECT_EQ(std::ranges::count(ops, "all_reduce"), 1);
}

TEST(Buckets, LeaveProgramsWithoutSumsAlone) {
  Graph graph;
  const Value x = input(graph, "x", f32, {4});
  const std::vector<Value> without{x * 2.0};
  EXPECT_FALSE(bucket_exchanges(extract(graph, without), 1024).has_value());
  const std::vector<Value> with{all_reduce(x)};
  EXPECT_FALSE(bucket_exchanges(extract(graph, with), 0).has_value());
}

TEST(Buckets, ComputeWhatSingleSumsDo) {
  const auto train = [](const Peers& peers, std::int64_t bytes, int threads,
                        std::vector<std::string> without) {
    Chain chain(4, true);
    Session session(chain.graph,
                    {.threads = threads,
                     .exact_threads = true,
                     .communicator = peers,
                     .compile = {.cuts = 2, .without = std::move(without), .bucket_bytes = bytes}});
    const Function step = session.compile(chain.spec());
    std::string bits;
    for (int i = 0; i < 3; ++i) {
      std::vector<float> x(static_cast<std::size_t>(4 * kWidth));
      for (std::size_t j = 0; j < x.size(); ++j)
        x[j] = std::cos(static_cast<float>(j) * 0.3F + static_cast<float>(peers->rank() + i));
      step({Tensor::of(x, {4, kWidth})});
    }
    for (const Value& weight : chain.weights) {
      const Tensor value = session.value(weight);
      bits.append(static_cast<const char*>(value.data()), value.bytes());
    }
    return bits;
  };
  simulate(3, [&](const Peers& peers) {
    const std::string single = train(peers, 1, 1, {"bucket_exchanges"});
    for (const int threads : {1, 2}) {
      for (const std::int64_t bytes : {std::int64_t{1}, 2 * kBytesOfWeight, std::int64_t{1} << 20})
        EXPECT_TRUE(train(peers, bytes, threads, {}) == single)
            << bytes << " bytes, " << threads << " threads";
    }
  });
}

TEST(Buckets, HideExchangesBehindComputation) {
  constexpr std::int64_t kWide = 256;
  simulate(2,
           [&](const Peers& peers) {
             Chain chain(6, false, kWide);
             Session session(chain.graph,
                             {.communicator = peers, .compile = {.profile = true, .bucket_bytes = 1}});
             const Function step = session.compile(chain.spec());
             const Tensor x = Tensor::zeros(f32, {2048, kWide});
             for (int i = 0; i < 5; ++i) step({x});
             const Profile profile = step.profile();
             EXPECT_EQ(profile.exchanges.size(), profile.runs * 6);
             for (const ProfileEvent& exchange : profile.exchanges) EXPECT_GE(exchange.seconds, 2e-3);
             // All but the last bucket have other gradients behind them.
             EXPECT_LT(profile.exposed_seconds, profile.exchange_seconds);
             EXPECT_GT(profile.hidden_share(), 0.0);
           },
           {.latency = 2e-3});
}

TEST(ExchangeCosts, AreMeasuredAndEqualOnAllRanks) {
  std::vector<ExchangeCosts> costs(3);
  simulate(3,
           [&](const Peers& peers) {
             costs[static_cast<std::size_t>(peers->rank())] = measure_exchange_costs(*peers);
           },
           {.latency = 1e-3, .bytes_per_second = 1e8});
  EXPECT_GE(costs[0].latency, 1e-3);
  EXPECT_LT(costs[0].bytes_per_second, 1.3e8);
  for (const ExchangeCosts& one : costs) {
    EXPECT_EQ(one.latency, costs[0].latency);
    EXPECT_EQ(one.bytes_per_second, costs[0].bytes_per_second);
  }
  EXPECT_EQ(bucket_bytes_for({.latency = 1e-3, .bytes_per_second = 1e8}), 900000);
  EXPECT_EQ(bucket_bytes_for({.latency = 1e-6, .bytes_per_second = 1e8}), 65536);
}

}  // namespace
}  // namespace weft
