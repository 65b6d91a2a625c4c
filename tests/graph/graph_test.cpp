#include "weft/graph/graph.h"

#include <gtest/gtest.h>

#include <set>

#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::at_line;
using testing_support::expect_error;

std::string line_of(const Value& value) { return to_string(value.graph().node(value.node()).where); }

TEST(Graph, KeepsNodesInTheOrderOfTheirCreation) {
  Graph graph;
  const Value x = input(graph, "x", f32, {2});
  const Value y = mul(x, x);
  ASSERT_EQ(graph.size(), 2U);
  EXPECT_EQ(graph.node(0).op.name(), "input");
  EXPECT_EQ(graph.node(1).inputs, (std::vector<ValueId>{{0, 0}, {0, 0}}));
  EXPECT_EQ(graph.node(1).outputs, std::vector{x.type()});
  EXPECT_EQ(graph.value({1, 0}), y);
  EXPECT_EQ(graph.outputs_of(1), std::vector{y});
}

TEST(Graph, KeepsReferencesToNodesValidWhileItGrows) {
  Graph graph;
  Value x = input(graph, "x", f32, {2});
  const Node& node = graph.node(0);
  for (int i = 0; i < 1000; ++i) x = x + 1.0;
  EXPECT_EQ(node.name, "x");
}

TEST(Graph, RejectsNodesThatItDoesNotHave) {
  Graph graph;
  expect_error(ErrorCode::internal, {"no node 0"}, [&] { return graph.node(0).name; });
  expect_error(ErrorCode::internal, {"no node 3"}, [&] { graph.rename(3, "x"); });
}

TEST(Graph, NumbersItsRandomStreams) {
  Graph graph;
  std::set<std::int64_t> streams;
  for (int i = 0; i < 10; ++i) streams.insert(graph.next_stream());
  EXPECT_EQ(streams.size(), 10U);
}

TEST(Scope, NamesNodesBelowItself) {
  Graph graph;
  const Value x = input(graph, "x", f32, {2});
  {
    const Scope outer(graph, "encoder");
    EXPECT_EQ((x + 1.0).named("shifted").name(), "encoder/shifted");
    const Scope inner(graph, "dense1");
    EXPECT_EQ((x + 1.0).name(), "encoder/dense1");
    EXPECT_EQ(parameter(graph, "weight", Tensor::scalar(1.0F)).name(), "encoder/dense1/weight");
    EXPECT_EQ(graph.full_name("bias"), "encoder/dense1/bias");
    const Scope unnamed(graph, "");
    EXPECT_EQ(graph.full_name("bias"), "encoder/dense1/bias");
  }
  EXPECT_EQ(graph.full_name("bias"), "bias");
  EXPECT_EQ(graph.full_name(""), "");
  EXPECT_EQ((x + 1.0).name(), "");
  EXPECT_TRUE(graph.states().contains("encoder/dense1/weight"));
}

TEST(Scope, GivesNodesItsLocationAndTheOutermostWins) {
  Graph graph;
  const Value x = input(graph, "x", f32, {2});
  const Where here = Where::current();
  const Scope unplaced(graph, "unplaced");
  EXPECT_EQ(line_of(x + 1.0), at_line(__LINE__));
  {
    const Scope outer(graph, "outer", here);
    EXPECT_EQ(line_of(x + 1.0), to_string(here));
    const Scope inner(graph, "inner", Where::current());
    EXPECT_EQ(line_of(x + 1.0), to_string(here));
    EXPECT_EQ(line_of(mean(x)), to_string(here));
  }
  EXPECT_EQ(line_of(x + 1.0), at_line(__LINE__));
}

TEST(Scope, NamesTheNodeInErrors) {
  Graph graph;
  const Value x = input(graph, "x", f32, {2});
  const Value y = input(graph, "y", f32, {3});
  const Where layer = Where::current();
  const Scope scope(graph, "dense1", layer);
  expect_error(ErrorCode::shape_mismatch, {to_string(layer) + ": add 'dense1'", "f32[2] and f32[3]"},
               [&] { x + y; });
}

TEST(Graph, DeclaresStateOnceForAName) {
  Graph graph;
  const Value w = parameter(graph, "w", Tensor::of<float>({1, 2}));
  ASSERT_EQ(graph.states().size(), 1U);
  EXPECT_EQ(graph.states().at("w").value, w);
  EXPECT_EQ(graph.states().at("w").initial.type(), w.type());
  expect_error(ErrorCode::invalid_argument, {"'w' already", at_line(__LINE__ + 1)},
               [&] { parameter(graph, "w", Tensor::of<float>({1})); });
  EXPECT_EQ(graph.states().at("w").value, w);
  EXPECT_EQ(graph.states().size(), 1U);
}

TEST(Graph, IsLeftUnchangedByAParameterThatItRejects) {
  Graph graph;
  Graph other;
  const Value elsewhere = constant(other, 1.0);
  const std::size_t size = graph.size();
  expect_error(ErrorCode::invalid_argument, {"parameter", "another graph"},
               [&] { parameter(graph, "w", elsewhere); });
  EXPECT_EQ(graph.size(), size);
  EXPECT_TRUE(graph.states().empty());
}

TEST(Transaction, TakesBackWhatAnErrorInterrupts) {
  Graph graph;
  const Value kept = parameter(graph, "kept", Tensor::scalar(1.0F));
  const std::size_t size = graph.size();
  const std::int64_t stream = graph.next_stream();
  const auto build = [&](bool fails) {
    const Transaction whole(graph);
    const Scope scope(graph, "layer");
    parameter(graph, "w", Tensor::scalar(1.0F));
    input(graph, "x", f32, {2});
    graph.next_stream();
    if (fails) input(graph, "x", f32, {2});
  };
  expect_error(ErrorCode::invalid_argument, {"'layer/x' already"}, [&] { build(true); });
  EXPECT_EQ(graph.size(), size);
  EXPECT_EQ(graph.states().size(), 1U);
  EXPECT_EQ(graph.full_name("x"), "x");
  EXPECT_EQ(graph.next_stream(), stream + 1);
  build(false);
  EXPECT_EQ(graph.states().size(), 2U);
  EXPECT_EQ(kept.name(), "kept");
}

TEST(Transaction, KeepsWhatAnInnerOneLost) {
  Graph graph;
  const Transaction outer(graph);
  parameter(graph, "w", Tensor::scalar(1.0F));
  expect_error(ErrorCode::invalid_argument, {"'w' already"}, [&] {
    const Transaction inner(graph);
    parameter(graph, "v", Tensor::scalar(1.0F));
    parameter(graph, "w", Tensor::scalar(1.0F));
  });
  EXPECT_EQ(graph.states().size(), 1U);
  EXPECT_EQ(graph.size(), 2U);
}

}  // namespace
}  // namespace weft
