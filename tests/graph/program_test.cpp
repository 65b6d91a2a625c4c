#include "weft/graph/program.h"

#include <gtest/gtest.h>

#include "weft/graph/passes/pass.h"
#include "weft/graph/print.h"
#include "weft/ops/layout.h"
#include "weft/ops/loss.h"
#include "weft/ops/matmul.h"
#include "weft/ops/source.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::evaluate_program;
using testing_support::expect_error;
using testing_support::numbers;

TEST(NeededNodes, AreThoseThatTheRootsDependOnInCreationOrder) {
  Graph graph;
  const Value x = input(graph, "x", f32, {2});
  const Value unused = exp(x);
  const Value y = x * 2.0;
  const Value z = y + x;
  EXPECT_EQ(needed_nodes(graph, {&z, 1}), (std::vector<NodeId>{0, 2, 3, 4}));
  EXPECT_EQ(needed_nodes(graph, {&x, 1}), (std::vector<NodeId>{0}));
  EXPECT_EQ(needed_nodes(graph, std::vector{unused, x}), (std::vector<NodeId>{0, 1}));
  EXPECT_TRUE(needed_nodes(graph, {}).empty());
}

TEST(NeededNodes, RejectsRootsOfAnotherGraph) {
  Graph graph;
  Graph other;
  const Value x = input(other, "x", f32, {2});
  expect_error(ErrorCode::invalid_argument, {"different graphs"}, [&] { needed_nodes(graph, {&x, 1}); });
}

TEST(Rewrite, CopiesWhatTheRootsNeedWithNamesAndLocations) {
  Graph graph;
  const Value x = input(graph, "x", f32, {2});
  exp(x);
  const Value y = (x + x).named("twice");
  const Program copy = rewrite(graph, {&y, 1}, nullptr);
  EXPECT_EQ(copy.graph->size(), 2U);
  ASSERT_EQ(copy.roots.size(), 1U);
  EXPECT_EQ(copy.roots[0].name(), "twice");
  EXPECT_EQ(to_string(copy.graph->node(1).where), to_string(graph.node(y.node()).where));
  EXPECT_EQ(graph.size(), 3U);
}

TEST(Rewrite, PutsWhatTheRuleGivesInTheNodesPlace) {
  Graph graph;
  const Value x = input(graph, "x", f64, {2});
  const Value y = exp(x + x) * 1.0;
  const Program changed =
      rewrite(graph, {&y, 1}, [](Graph&, const Node& node, std::span<const Value> inputs) {
        return node.op.is<Exp>() ? std::vector{-inputs[0]} : std::vector<Value>{};
      });
  const auto results = evaluate_program(changed, {{"x", Tensor::of<double>({1, 2})}});
  EXPECT_EQ(numbers(results[0]), (std::vector<double>{-2, -4}));
}

TEST(Rewrite, GivesNewNodesTheLocationOfTheOldOne) {
  Graph graph;
  const Value x = input(graph, "x", f32, {2});
  const Value y = exp(x);
  const Program changed =
      rewrite(graph, {&y, 1}, [](Graph&, const Node& node, std::span<const Value> inputs) {
        return node.op.is<Exp>() ? std::vector{neg(inputs[0])} : std::vector<Value>{};
      });
  EXPECT_EQ(to_string(changed.graph->node(1).where), to_string(graph.node(y.node()).where));
}

TEST(Rewrite, RejectsARuleThatChangesATypeOrTheNumberOfOutputs) {
  Graph graph;
  const Value x = input(graph, "x", f32, {2});
  const Value y = exp(x);
  const auto run = [&](const std::function<std::vector<Value>(Value)>& change) {
    rewrite(graph, {&y, 1}, [&](Graph&, const Node& node, std::span<const Value> inputs) {
      return node.op.is<Exp>() ? change(inputs[0]) : std::vector<Value>{};
    });
  };
  expect_error(ErrorCode::internal,
               {"exp", "changed the type", "expected f32[2], got f64[2]", "program_test.cpp"},
               [&] { run([](const Value& in) { return std::vector{cast(in, f64)}; }); });
  expect_error(ErrorCode::internal, {"exp", "number of outputs", "expected 1, got 2"},
               [&] { run([](const Value& in) { return std::vector{in, in}; }); });
}

TEST(Extract, BindsSymbolsAndInfersShapesAnew) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 2, 3});
  const Value w = input(graph, "w", f32, {6, "units"});
  const Value y = matmul(flatten(x), w) + broadcast_to(constant(graph, 1.0), {"batch", "units"});
  EXPECT_EQ(y.shape(), (Shape{"batch", "units"}));
  const Program part = extract(graph, {&y, 1}, {{"batch", 8}});
  EXPECT_EQ(part.roots[0].shape(), (Shape{8, "units"}));
  const Program all = extract(graph, {&y, 1}, {{"batch", 8}, {"units", 4}});
  EXPECT_EQ(all.roots[0].shape(), (Shape{8, 4}));
  EXPECT_TRUE(to_text(all).find("batch") == std::string::npos) << to_text(all);
  EXPECT_EQ(y.shape(), (Shape{"batch", "units"}));
}

TEST(Extract, ReportsWhereBoundShapesDoNotFit) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch"});
  const Value head = slice(x, 0, 0, 5);
  EXPECT_EQ(extract(graph, {&head, 1}, {{"batch", 5}}).roots[0].shape(), (Shape{5}));
  expect_error(ErrorCode::out_of_range, {"slice", "program_test.cpp"},
               [&] { extract(graph, {&head, 1}, {{"batch", 4}}); });
}

TEST(Extract, KeepsRootsInTheirOrderAndWithTheirOutput) {
  Graph graph;
  const Value logits = input(graph, "logits", f32, {2, 3});
  const Value labels = input(graph, "labels", i64, {2});
  const auto outputs = apply_all(SoftmaxCrossEntropy{}, {logits, labels});
  const std::vector<Value> roots{outputs[1], logits, outputs[0], outputs[1]};
  const Program part = extract(graph, roots);
  ASSERT_EQ(part.roots.size(), 4U);
  EXPECT_EQ(part.roots[0].shape(), (Shape{2, 3}));
  EXPECT_EQ(part.roots[1].name(), "logits");
  EXPECT_EQ(part.roots[2].shape(), (Shape{2}));
  EXPECT_EQ(part.roots[3], part.roots[0]);
}

}  // namespace
}  // namespace weft
