#include "weft/runtime/compile/lower.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "weft/ops/activation.h"
#include "weft/ops/control.h"
#include "weft/ops/gather.h"
#include "weft/ops/layout.h"
#include "weft/ops/matmul.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/runtime/compile/schedule.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::expect_error;

Lowered lower_for(const Graph& graph, const std::vector<Value>& outputs, const std::vector<Value>& updates,
                  const std::vector<std::string>& inputs, const LowerOptions& options = {}) {
  std::vector<Value> roots = outputs;
  roots.insert(roots.end(), updates.begin(), updates.end());
  return lower(extract(graph, roots), outputs.size(), inputs, options);
}

const Storage& storage_of_root(const Lowered& lowered, std::size_t root) {
  const Value& value = lowered.program.roots[root];
  return lowered.storages[lowered.storage_of[value.node()][value.output()]];
}

/// The position among the steps of the first node with this op's name.
std::size_t step_of(const Lowered& lowered, std::string_view op) {
  const auto found = std::ranges::find_if(
      lowered.steps, [&](NodeId id) { return lowered.program.graph->node(id).op.name() == op; });
  return static_cast<std::size_t>(found - lowered.steps.begin());
}

bool comes_after(const Lowered& lowered, std::size_t later, std::size_t earlier) {
  const auto& before = lowered.after[later];
  return std::ranges::any_of(
      before, [&](std::size_t step) { return step == earlier || comes_after(lowered, step, earlier); });
}

TEST(Lower, GivesSourcesAndOutputsTheirPlaces) {
  Graph graph;
  const Value x = input(graph, "x", f32, {2, 3});
  const Value w = parameter(graph, "w", Tensor::zeros(f32, {3, 4}));
  const Value c = constant(graph, Tensor::of<float>({1, 2, 3, 4}));
  const Lowered lowered = lower_for(graph, {relu(matmul(x, w)) * c}, {}, {"x"});
  std::vector<Place> places;
  for (const Storage& storage : lowered.storages) places.push_back(storage.place);
  for (const Place place : {Place::feed, Place::parameter, Place::constant, Place::arena, Place::output}) {
    EXPECT_NE(std::ranges::count(places, place), 0) << static_cast<int>(place);
  }
  EXPECT_EQ(lowered.parameters, std::vector<std::string>{"w"});
  EXPECT_EQ(storage_of_root(lowered, 0).place, Place::output);
  EXPECT_EQ(storage_of_root(lowered, 0).bytes, 8 * sizeof(float));
}

TEST(Lower, LetsViewsShareTheMemoryOfWhatTheyShow) {
  Graph graph;
  const Value x = input(graph, "x", f32, {2, 3});
  const Value y = exp(x);
  const Lowered lowered = lower_for(graph, {sum(reshape(y, {6}), {0})}, {}, {"x"});
  EXPECT_EQ(lowered.steps.size(), 2U);  // exp and sum; the view is no step
}

TEST(Lower, CopiesAnOutputThatIsASource) {
  Graph graph;
  const Value x = input(graph, "x", f32, {2});
  const Lowered lowered = lower_for(graph, {x, x}, {}, {"x"});
  EXPECT_EQ(lowered.steps.size(), 2U);
  EXPECT_EQ(storage_of_root(lowered, 0).index, 0U);
  EXPECT_EQ(storage_of_root(lowered, 1).index, 1U);
}

TEST(Lower, UpdatesInPlaceWhereTheKernelAllowsIt) {
  Graph graph;
  const Value x = input(graph, "x", f32, {4});
  const Value w = parameter(graph, "w", Tensor::zeros(f32, {4}));
  const std::vector<Value> updates{assign(w, w - x)};
  const Lowered in_place = lower_for(graph, {}, updates, {"x"});
  EXPECT_EQ(in_place.steps.size(), 1U);
  EXPECT_EQ(in_place.commits, std::vector<bool>{true});
  EXPECT_EQ(storage_of_root(in_place, 0).place, Place::parameter);
  const Lowered copied = lower_for(graph, {}, updates, {"x"}, {.in_place_updates = false});
  EXPECT_EQ(copied.steps.size(), 2U);
  EXPECT_EQ(copied.commits, (std::vector<bool>{false, true}));
  EXPECT_EQ(storage_of_root(copied, 0).place, Place::parameter);
}

TEST(Lower, DoesNotWriteOverWhatItsOwnStepReadsElsewhere) {
  Graph graph;
  const Value w = parameter(graph, "w", Tensor::zeros(f32, {3, 3}));
  const Lowered lowered = lower_for(graph, {}, {assign(w, matmul(w, w))}, {});
  EXPECT_EQ(lowered.steps.size(), 2U);
  EXPECT_EQ(lowered.commits, (std::vector<bool>{false, true}));
}

TEST(Lower, ReadsAParameterBeforeItIsWritten) {
  Graph graph;
  const Value x = input(graph, "x", f32, {4});
  const Value w = parameter(graph, "w", Tensor::zeros(f32, {4}));
  const Lowered lowered = lower_for(graph, {exp(w)}, {assign(w, w - x)}, {"x"});
  const std::size_t reader = step_of(lowered, "exp");
  const std::size_t writer = step_of(lowered, "sub");
  ASSERT_LT(writer, lowered.steps.size());
  EXPECT_TRUE(lowered.commits[writer]);
  EXPECT_TRUE(comes_after(lowered, writer, reader));
}

TEST(Lower, KeepsTheOldValueForAReaderThatNeedsTheNewOneToo) {
  Graph graph;
  const Value x = input(graph, "x", f32, {4});
  const Value w = parameter(graph, "w", Tensor::zeros(f32, {4}));
  const Value next = w - x;
  const Lowered lowered = lower_for(graph, {exp(next) * w}, {assign(w, next)}, {"x"});
  EXPECT_FALSE(lowered.commits[step_of(lowered, "sub")]);
  const std::size_t writer = step_of(lowered, "assign");
  ASSERT_LT(writer, lowered.steps.size());
  EXPECT_TRUE(comes_after(lowered, writer, step_of(lowered, "mul")));
}

TEST(Lower, RunsWhatCanFailBeforeAnyUpdate) {
  Graph graph;
  const Value x = input(graph, "x", f32, {4});
  const Value rows = input(graph, "rows", i32, {2});
  const Value a = parameter(graph, "a", Tensor::zeros(f32, {4}));
  const Value b = parameter(graph, "b", Tensor::zeros(f32, {4}));
  const Value table = parameter(graph, "table", Tensor::zeros(f32, {5, 4}));
  const Lowered lowered =
      lower_for(graph, {gather(table, rows)}, {assign(a, a - x), assign(b, b * x)}, {"x", "rows"});
  const std::size_t risky = step_of(lowered, "gather");
  EXPECT_TRUE(lowered.can_fail[risky]);
  EXPECT_EQ(std::ranges::count(lowered.commits, true), 2);
  for (const int threads : {1, 2, 3}) {
    bool has_run = false;
    for (const auto& entry : schedule(lowered, threads).order) {
      has_run = has_run || entry.step == risky;
      EXPECT_TRUE(has_run || !lowered.commits[entry.step]) << "on " << threads << " threads";
    }
    EXPECT_TRUE(has_run);
  }
}

TEST(Lower, ListsOrdersInProportionToTheSteps) {
  // As many steps that can fail as there are updates: each of these comes after all of those.
  const auto orders = [](int count) {
    Graph graph;
    const Value rows = input(graph, "rows", i32, {2});
    const Value x = input(graph, "x", f32, {4});
    const Value table = parameter(graph, "table", Tensor::zeros(f32, {5, 4}));
    std::vector<Value> outputs;
    std::vector<Value> updates;
    for (int i = 0; i < count; ++i) {
      outputs.push_back(gather(table * static_cast<double>(i + 2), rows));
      const Value w = parameter(graph, fmt::format("w{}", i), Tensor::zeros(f32, {4}));
      updates.push_back(assign(w, w - x));
    }
    std::size_t sum = 0;
    for (const auto& before : lower_for(graph, outputs, updates, {"rows", "x"}).after) sum += before.size();
    return sum;
  };
  EXPECT_LE(orders(200), 2 * orders(100));
}

TEST(Lower, DoesNotUpdateInPlaceWhatAFallibleStepNeeds) {
  Graph graph;
  const Value rows = input(graph, "rows", i32, {2});
  const Value table = parameter(graph, "table", Tensor::zeros(f32, {5, 4}));
  const Value next = table + 1.0;
  const Lowered lowered = lower_for(graph, {gather(next, rows)}, {assign(table, next)}, {"rows"});
  EXPECT_FALSE(lowered.commits[step_of(lowered, "add")]);
}

TEST(Lower, NothingReadsAnUpdate) {
  Graph graph;
  const Value x = input(graph, "x", f32, {4});
  const Value w = parameter(graph, "w", Tensor::zeros(f32, {4}));
  const Value updated = assign(w, w - x);
  const Lowered lowered = lower_for(graph, {exp(updated)}, {updated}, {"x"});
  const NodeId reader = lowered.steps[step_of(lowered, "exp")];
  const Node& node = lowered.program.graph->node(reader);
  EXPECT_EQ(lowered.program.graph->node(node.inputs[0].node).op.name(), "sub");
}

TEST(Lower, RejectsTwoUpdatesOfOneParameter) {
  Graph graph;
  const Value w = parameter(graph, "w", Tensor::zeros(f32, {4}));
  expect_error(ErrorCode::invalid_argument, {"'w' has two updates", "lower_test.cpp"},
               [&] { lower_for(graph, {}, {assign(w, w + 1.0), assign(w, w * 2.0)}, {}); });
}

TEST(Lower, RejectsAnInputThatNobodyFeeds) {
  Graph graph;
  const Value x = input(graph, "x", f32, {4});
  expect_error(ErrorCode::invalid_argument, {"'x'", "lower_test.cpp"},
               [&] { lower_for(graph, {exp(x)}, {}, {}); });
}

}  // namespace
}  // namespace weft
