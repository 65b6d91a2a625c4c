#include "weft/runtime/compile/schedule.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "weft/autodiff/gradients.h"
#include "weft/ops/activation.h"
#include "weft/ops/builtin.h"
#include "weft/ops/control.h"
#include "weft/ops/gather.h"
#include "weft/ops/layout.h"
#include "weft/ops/loss.h"
#include "weft/ops/matmul.h"
#include "weft/ops/random.h"
#include "weft/ops/reduce.h"
#include "weft/ops/scan.h"
#include "weft/ops/source.h"
#include "weft/runtime/compile/bind.h"
#include "weft/runtime/session.h"
#include "weft/tests/runtime/expect_close.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::close_to;
using testing_support::same_bits;
using testing_support::TensorSource;

/// One SGD step of a network on rows of a resident data set.
struct Training {
  explicit Training(const std::vector<std::int64_t>& widths) {
    TensorSource source("training data");
    const Value images = constant(graph, source.uniform({200, widths[0]}, 0.0, 1.0, f32));
    const Value labels = constant(graph, source.whole({200}, widths.back(), u8));
    rows = input(graph, "rows", i32, {"batch"});
    Value x = gather(images, rows);
    for (std::size_t i = 1; i < widths.size(); ++i) {
      parameters.push_back(parameter(graph, fmt::format("w{}", i),
                                     source.uniform({widths[i - 1], widths[i]}, -0.3, 0.3, f32)));
      parameters.push_back(parameter(graph, fmt::format("b{}", i), Tensor::zeros(f32, {widths[i]})));
      x = matmul(x, parameters[2 * i - 2]) + parameters[2 * i - 1];
      if (i + 1 < widths.size()) x = relu(x);
    }
    const Value loss = mean(softmax_cross_entropy(x, gather(labels, rows)));
    const auto grads = gradients(loss, parameters);
    spec = {.inputs = {rows}, .outputs = {loss}, .updates = {}};
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      spec.updates.push_back(assign(parameters[i], parameters[i] - 0.1 * grads[i]));
    }
  }
  Graph graph;
  Value rows;
  std::vector<Value> parameters;
  FunctionSpec spec;
};

Tensor batch_rows(int step, std::int64_t batch) {
  return TensorSource(fmt::format("rows {}", step)).whole({batch}, 200, i32);
}

class ScheduleOf : public testing::TestWithParam<std::vector<std::int64_t>> {};

TEST_P(ScheduleOf, ATrainingStepHasFewBarriers) {
  Training training(GetParam());
  const TensorType rows{i32, {64}};
  for (const int threads : {1, 2, 3, 4}) {
    Session session(training.graph, {.threads = threads, .exact_threads = true});
    Function step = session.compile(training.spec);
    if (threads == 1) {
      EXPECT_EQ(step.barriers({&rows, 1}), 0U);
    } else {
      EXPECT_LE(step.barriers({&rows, 1}), 3U) << threads;
      EXPECT_GE(step.barriers({&rows, 1}), 1U) << "weight gradients need the rows of all threads";
    }
  }
}

TEST_P(ScheduleOf, ATrainingStepGivesTheSameNumbersForAnyThreads) {
  std::vector<std::vector<Tensor>> results;
  for (const int threads : {1, 2, 3, 4}) {
    Training training(GetParam());
    Session session(training.graph, {.threads = threads, .exact_threads = true});
    Function step = session.compile(training.spec);
    auto& tensors = results.emplace_back();
    for (int i = 0; i < 6; ++i) tensors.push_back(step({batch_rows(i, i == 3 ? 5 : i == 4 ? 1 : 64)})[0]);
    for (const Value& parameter : training.parameters) tensors.push_back(session.value(parameter));
  }
  for (std::size_t i = 1; i < results.size(); ++i) {
    for (std::size_t j = 0; j < results[0].size(); ++j) {
      EXPECT_TRUE(close_to(results[i][j], results[0][j], 1e-6)) << i + 1 << " threads, tensor " << j;
    }
  }
}

TEST_P(ScheduleOf, ATrainingStepRepeatsItsBits) {
  for (const int threads : {1, 2, 4}) {
    std::vector<Tensor> first;
    for (int repeat = 0; repeat < 3; ++repeat) {
      Training training(GetParam());
      Session session(training.graph, {.threads = threads, .exact_threads = true});
      Function step = session.compile(training.spec);
      for (int i = 0; i < 4; ++i) step({batch_rows(i, 64)});
      for (std::size_t i = 0; i < training.parameters.size(); ++i) {
        const Tensor value = session.value(training.parameters[i]);
        if (repeat == 0) first.push_back(value);
        EXPECT_TRUE(same_bits(value, first[i])) << threads << " threads";
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Networks, ScheduleOf,
                         testing::Values(std::vector<std::int64_t>{20, 10},
                                         std::vector<std::int64_t>{50, 30, 10},
                                         std::vector<std::int64_t>{40, 33, 17, 10}),
                         [](const auto& test) { return fmt::format("{}Layers", test.param.size() - 1); });

// Orders, whatever the program.

Compilation compile_for(const Training& training, int threads) {
  const std::vector<std::string> inputs{"rows"};
  std::vector<Value> roots = training.spec.outputs;
  roots.insert(roots.end(), training.spec.updates.begin(), training.spec.updates.end());
  return compile(training.graph, roots, 1, inputs, {{"batch", 16}}, {}, {.threads = threads});
}

TEST(Schedule, RunsEveryStepOnceAfterWhatItNeeds) {
  const Training training({20, 15, 10});
  for (const int threads : {1, 2, 4}) {
    const Compilation made = compile_for(training, threads);
    std::set<std::size_t> done;
    std::int64_t phase = 0;
    for (const auto& entry : made.schedule.order) {
      for (const std::size_t before : made.lowered.after[entry.step]) EXPECT_TRUE(done.contains(before));
      EXPECT_TRUE(done.insert(entry.step).second);
      phase += entry.barrier_before ? 1 : 0;
      EXPECT_EQ(entry.phase, phase);
    }
    EXPECT_EQ(done.size(), made.lowered.steps.size());
    EXPECT_EQ(made.schedule.barriers(), static_cast<std::size_t>(phase));
  }
}

TEST(Schedule, UpdatesComeAfterEverythingThatCanFail) {
  const Training training({20, 15, 10});
  for (const int threads : {1, 2, 4}) {
    const Compilation made = compile_for(training, threads);
    std::int64_t last_fallible = -1;
    std::int64_t first_commit = 1 << 20;
    std::int64_t fallible_phase = -1;
    std::int64_t commit_phase = 1 << 20;
    for (std::size_t i = 0; i < made.schedule.order.size(); ++i) {
      const auto& entry = made.schedule.order[i];
      const auto position = static_cast<std::int64_t>(i);
      if (kernel_can_fail(made.lowered.program.graph->node(made.lowered.steps[entry.step]).op)) {
        last_fallible = position;
        fallible_phase = entry.phase;
      }
      if (made.lowered.commits[entry.step]) {
        first_commit = std::min(first_commit, position);
        commit_phase = std::min(commit_phase, entry.phase);
      }
    }
    EXPECT_GE(last_fallible, 0);
    EXPECT_LT(last_fallible, first_commit);
    if (threads > 1) {
      EXPECT_LT(fallible_phase, commit_phase) << "a barrier tells all threads of a failure";
    }
  }
}

TEST(Schedule, BuffersOfOnePhaseDoNotOverlap) {
  const Training training({20, 15, 10});
  for (const int threads : {1, 2}) {
    const Compilation made = compile_for(training, threads);
    const auto& storages = made.lowered.storages;
    std::vector<std::pair<std::int64_t, std::int64_t>> alive(storages.size(), {1 << 20, -1});
    for (std::size_t i = 0; i < made.schedule.order.size(); ++i) {
      const auto& entry = made.schedule.order[i];
      const std::int64_t time = threads == 1 ? static_cast<std::int64_t>(i) : entry.phase;
      const NodeId id = made.lowered.steps[entry.step];
      const auto touch = [&](std::size_t storage) {
        alive[storage] = {std::min(alive[storage].first, time), std::max(alive[storage].second, time)};
      };
      for (const ValueId& in : made.lowered.program.graph->node(id).inputs)
        touch(made.lowered.storage_of[in.node][in.output]);
      for (const std::size_t storage : made.lowered.storage_of[id]) touch(storage);
    }
    for (std::size_t a = 0; a < storages.size(); ++a) {
      for (std::size_t b = 0; b < a; ++b) {
        if (storages[a].place != Place::arena || storages[b].place != Place::arena) continue;
        if (made.schedule.memory_of[a] == made.schedule.memory_of[b]) continue;
        if (alive[a].first > alive[b].second || alive[b].first > alive[a].second) continue;
        EXPECT_TRUE(made.arena.offsets[a] >= made.arena.offsets[b] + storages[b].bytes ||
                    made.arena.offsets[b] >= made.arena.offsets[a] + storages[a].bytes)
            << a << " and " << b;
      }
    }
  }
}

// Custom ops are cut by what their traits promise.

/// Fills its output with how many rows each call was given.
template <bool elementwise_trait, bool row_wise_trait>
struct CountRows {
  static constexpr std::string_view name = "count_rows";
  static constexpr Traits traits{.elementwise = elementwise_trait, .row_wise = row_wise_trait};
  TensorType infer(const TensorType& x) const { return x; }
  template <std::floating_point T>
  void forward(View<const T> x, View<T> y) const {
    std::ranges::fill(y.data, static_cast<T>(x.sizes[0]));
  }
  static constexpr NoGradient gradient{"the test needs none"};
};

Tensor rows_seen(const Op& op, int threads) {
  Graph graph;
  const Value x = input(graph, "x", f64, {8, 3});
  Session session(graph, {.threads = threads, .exact_threads = true, .compile = {.reference_kernels = true}});
  Function function = session.compile({.inputs = {x}, .outputs = {apply(op, x)}, .updates = {}});
  return function({Tensor::zeros(f64, {8, 3})})[0];
}

TEST(Schedule, CutsCustomOpsAsTheirTraitsAllow) {
  const auto filled = [](double value) { return TensorSource("x").uniform({8, 3}, value, value); };
  const CountRows<true, false> elementwise;
  const CountRows<false, true> row_wise;
  const CountRows<false, false> neither;
  EXPECT_TRUE(same_bits(rows_seen(elementwise, 1), filled(8)));
  EXPECT_TRUE(same_bits(rows_seen(elementwise, 2), filled(4)));
  EXPECT_TRUE(same_bits(rows_seen(row_wise, 1), filled(8)));
  EXPECT_TRUE(same_bits(rows_seen(row_wise, 4), filled(2)));
  EXPECT_TRUE(same_bits(rows_seen(neither, 4), filled(8)));
}

TEST(Schedule, VectorsOfRowWiseOpsAreNotCut) {
  const Tensor x = TensorSource("vector").uniform({13}, -2.0, 2.0);
  for (const int threads : {1, 2, 3, 4}) {
    Graph graph;
    const Value in = input(graph, "x", f64, {13});
    const Value index = input(graph, "index", i64, {});
    Session session(graph, {.threads = threads, .exact_threads = true});
    Function function = session.compile({.inputs = {in, index},
                                         .outputs = {softmax(in), log_softmax(in), one_hot(index, 7, f64)},
                                         .updates = {}});
    const auto outputs = function({x, Tensor::scalar<std::int64_t>(5)});
    EXPECT_TRUE(same_bits(outputs[0], evaluate(Softmax{}, {{x}})[0])) << threads;
    EXPECT_TRUE(same_bits(outputs[1], evaluate(LogSoftmax{}, {{x}})[0])) << threads;
    EXPECT_TRUE(same_bits(outputs[2], Tensor::of<double>({0, 0, 0, 0, 0, 1, 0}))) << threads;
  }
}

TEST(Schedule, ViewsWithOtherRowsMakeThreadsWait) {
  TensorSource source("views");
  const Tensor x = source.uniform({12, 10}, -1.0, 1.0);
  for (const int threads : {1, 2, 3, 4}) {
    Graph graph;
    const Value in = input(graph, "x", f64, {12, 10});
    const Value first = tanh(in) * 2.0;
    const Value turned = tanh(reshape(first, {5, 24})) + 1.0;
    const Value last = reshape(turned, {12, 10}) * slice(first, 0, 11, 12);
    Session session(graph, {.threads = threads, .exact_threads = true});
    Function function = session.compile({.inputs = {in}, .outputs = {last}, .updates = {}});
    const auto expected = testing_support::evaluate_value(last, {{"x", x}});
    for (int run = 0; run < 50; ++run) ASSERT_TRUE(close_to(function({x})[0], expected, 1e-12)) << threads;
  }
}

/// y = x w, z = x y, then exp(y z) and its product with w.
struct Sharing {
  explicit Sharing(int threads, bool read_again = false) {
    const Value x = input(graph, "x", f32, {4, 4});
    const Value w = parameter(graph, "w", Tensor::zeros(f32, {4, 4}));
    const Value y = matmul(x, w);
    const Value z = matmul(x, y);
    const Value made_of_both = y * z;
    Value result = matmul(made_of_both, w);
    if (read_again) result = matmul(matmul(result, y), z);
    const std::vector<std::string> inputs{"x"};
    made = compile(graph, {{result}}, 1, inputs, {}, {}, {.threads = threads});
    memory = {.y = memory_of(0), .z = memory_of(1), .product = memory_of(2)};
  }

  /// Of what the step computes that stands at `position` among the steps in creation order.
  std::size_t memory_of(std::size_t position) const {
    return made.schedule.memory_of[made.lowered.storage_of[made.lowered.steps[position]][0]];
  }

  struct Memory {
    std::size_t y = 0;
    std::size_t z = 0;
    std::size_t product = 0;
  };
  Graph graph;
  Compilation made;
  Memory memory;
};

TEST(Schedule, LetsAStepOverwriteAnInputThatNothingReadsLater) {
  const Sharing sharing(1);
  EXPECT_EQ(sharing.memory.product, sharing.memory.y);
  EXPECT_NE(sharing.memory.z, sharing.memory.y);
  EXPECT_EQ(sharing.made.arena.bytes, 2U * 64);
}

TEST(Schedule, KeepsAnInputThatIsReadLater) {
  const Sharing sharing(1, true);
  EXPECT_NE(sharing.memory.product, sharing.memory.y);
  EXPECT_NE(sharing.memory.product, sharing.memory.z);
}

TEST(Schedule, KeepsAnInputThatAnotherThreadMayStillRead) {
  // z takes all rows of y, the product only a thread's own rows of both.
  const Sharing sharing(2);
  EXPECT_EQ(sharing.memory.product, sharing.memory.z);
}

/// Two towers of running sums, which are not cut, and the sum of what they make.
struct Towers {
  explicit Towers(std::int64_t length) {
    for (const char* label : {"a", "b"}) {
      const Value x = inputs.emplace_back(input(graph, label, f64, {length}));
      tops.push_back(cumsum(cumsum(x, 0), 0));
    }
    result = tops[0] + tops[1];
  }

  /// By input: where its two sums run, and the barriers before them.
  std::vector<std::set<std::pair<int, std::int64_t>>> homes_and_phases(int threads) const {
    const std::vector<std::string> names{"a", "b"};
    const Compilation made = compile(graph, {{result}}, 1, names, {}, {}, {.threads = threads});
    std::vector<std::set<std::pair<int, std::int64_t>>> found(2);
    for (const auto& entry : made.schedule.order) {
      const Node& node = made.lowered.program.graph->node(made.lowered.steps[entry.step]);
      if (!node.op.is<CumSum>()) continue;
      const Node& below = made.lowered.program.graph->node(node.inputs[0].node);
      const Node& bottom =
          below.op.is<CumSum>() ? made.lowered.program.graph->node(below.inputs[0].node) : below;
      found[bottom.op.as<Input>()->label == "a" ? 0 : 1].insert({entry.home, entry.phase});
    }
    return found;
  }

  Graph graph;
  std::vector<Value> inputs;
  std::vector<Value> tops;
  Value result;
};

TEST(Schedule, RunsBranchesThatAreNotCutSideBySide) {
  using Homes = std::vector<std::set<std::pair<int, std::int64_t>>>;
  EXPECT_EQ(Towers(200'000).homes_and_phases(2), (Homes{{{0, 0}}, {{1, 0}}}));
}

TEST(Schedule, GivesTheKernelOfAWholeStepToItsHome) {
  Towers towers(200'000);
  const std::vector<std::string> names{"a", "b"};
  const Compilation made = compile(towers.graph, {{towers.result}}, 1, names, {}, {}, {.threads = 2});
  const BoundKernels bound = bind_kernels(made.lowered, made.schedule);
  for (std::size_t i = 0; i < made.schedule.order.size(); ++i) {
    const auto& entry = made.schedule.order[i];
    if (made.lowered.kernels[entry.step].cut.extent > 1) continue;
    for (int thread = 0; thread < 2; ++thread)
      EXPECT_EQ(bound.shards[i][static_cast<std::size_t>(thread)] != nullptr, thread == entry.home);
  }
}

TEST(Schedule, KeepsSmallBranchesInTheFirstThread) {
  for (const auto& homes : Towers(100).homes_and_phases(2)) {
    for (const auto& [home, phase] : homes) EXPECT_EQ(home, 0);
  }
}

TEST(Schedule, BranchesSideBySideGiveTheSameBits) {
  Towers towers(50'000);
  TensorSource source("towers");
  const Tensor a = source.uniform({50'000});
  const Tensor b = source.uniform({50'000});
  std::vector<Tensor> results;
  for (const int threads : {1, 2, 3}) {
    Session session(towers.graph, {.threads = threads, .exact_threads = true});
    Function function = session.compile({.inputs = towers.inputs, .outputs = {towers.result}});
    for (int run = 0; run < 20; ++run) results.push_back(function({a, b})[0]);
  }
  for (const Tensor& result : results) ASSERT_TRUE(same_bits(result, results[0]));
}

}  // namespace
}  // namespace weft
