#include "weft/graph/print.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "weft/ops/branch.h"
#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/loop.h"
#include "weft/ops/loss.h"
#include "weft/ops/matmul.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"

namespace weft {
namespace {

std::size_t count(const std::string& text, std::string_view part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

/// The text with "#" for line numbers of this file, so that it does not move with the test.
std::string without_lines(std::string text) {
  constexpr std::string_view file = "print_test.cpp:";
  for (auto at = text.find(file); at != std::string::npos; at = text.find(file, at)) {
    at += file.size();
    text.replace(at, text.find_first_not_of("0123456789", at) - at, "#");
  }
  return text;
}

TEST(Print, WritesALineForEachNodeAndOneForTheRoots) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 4});
  const Value w = parameter(graph, "w", Tensor::of<float>({1, 2, 3, 4}, {4, 1}));
  const Value y = neg(matmul(x, w).named("dense"));
  EXPECT_EQ(without_lines(to_text(graph, {&y, 1})),
            "%0 = input() {label=x, type=f32[batch, 4]} : f32[batch, 4]  # x, print_test.cpp:#\n"
            "%1 = constant() {tensor=f32[4, 1] {1, 2, 3, 4}} : f32[4, 1]  # print_test.cpp:#\n"
            "%2 = parameter() {label=w, type=f32[4, 1]} : f32[4, 1]  # w, print_test.cpp:#\n"
            "%3 = matmul(%0, %2) {transpose_a=false, transpose_b=false} : f32[batch, 1]  # dense, "
            "print_test.cpp:#\n"
            "%4 = neg(%3) : f32[batch, 1]  # print_test.cpp:#\n"
            "roots %4\n");
}

TEST(Print, GivesTheUsersLine) {
  Graph graph;
  input(graph, "x", f32, {});
  EXPECT_EQ(to_text(graph), "%0 = input() {label=x, type=f32[]} : f32[]  # x, print_test.cpp:" +
                                std::to_string(__LINE__ - 2) + "\n");
}

TEST(Print, LeavesOutANameAndALineThatNobodyGave) {
  Graph graph;
  graph.add(Input{.label = "x", .type = {f32, {}}}, {}, Where());
  EXPECT_EQ(to_text(graph), "%0 = input() {label=x, type=f32[]} : f32[]\n");
}

TEST(Print, TellsTheOutputsOfANodeApart) {
  Graph graph;
  const Value logits = input(graph, "logits", f32, {2, 3});
  const Value labels = input(graph, "labels", i64, {2});
  const auto outputs = apply_all(SoftmaxCrossEntropy{}, {logits, labels});
  const Value y = exp(outputs[1]);
  const std::string text = to_text(extract(graph, std::vector{outputs[0], y}));
  EXPECT_NE(text.find("%2 = softmax_cross_entropy(%0, %1) : f32[2], f32[2, 3]  # "), std::string::npos)
      << text;
  EXPECT_NE(text.find("%3 = exp(%2.1) : f32[2, 3]"), std::string::npos) << text;
  EXPECT_NE(text.find("roots %2.0, %3\n"), std::string::npos) << text;
}

TEST(Print, PrintsEqualProgramsEqually) {
  Graph graph;
  const Value x = input(graph, "x", f32, {2});
  const Value y = exp(x) + x;
  EXPECT_EQ(to_text(extract(graph, {&y, 1})), to_text(extract(graph, {&y, 1})));
}

TEST(Print, WritesNothingForAnEmptyGraph) { EXPECT_EQ(to_text(Graph()), ""); }

TEST(Dot, HasEveryNodeAndEveryOperand) {
  Graph graph;
  const Value x = input(graph, "x", f32, {2, 2});
  const Value y = mul(x, x) + matmul(x, x);
  const Program program = extract(graph, {&y, 1});
  const std::string dot = to_dot(program);
  EXPECT_EQ(count(dot, "shape=box"), program.graph->size()) << dot;
  EXPECT_EQ(count(dot, "->"), 6U) << dot;
  EXPECT_EQ(count(dot, "0->1"), 2U) << dot;  // mul(x, x): two edges, told apart by the operand
  for (const Node* node : {&program.graph->node(0), &program.graph->node(1), &program.graph->node(2)}) {
    EXPECT_NE(dot.find(node->op.name()), std::string::npos) << dot;
  }
  EXPECT_EQ(dot.substr(0, 9), "digraph G");
}

TEST(Dot, HasAClusterForEachProgramInsideOfANode) {
  Graph graph;
  const Value x = input(graph, "x", f32, {3, 2});
  const Value zero = constant(graph, Tensor::zeros(f32, {2}));
  const ScanFunction step = [](std::span<const Value> s, std::span<const Value> e) {
    const Value chosen = cond(
        greater(sum(e[0]), 0.0), [&] { return std::vector<Value>{s[0] + e[0]}; },
        [&] { return std::vector<Value>{s[0]}; })[0];
    return ScanStep{.states = {chosen}};
  };
  const Value y = scan(step, std::array{zero}, std::array{x}).states[0];
  const std::string dot = to_dot(extract(graph, {&y, 1}));
  EXPECT_EQ(count(dot, "subgraph \"cluster_"), 3U) << dot;
  EXPECT_NE(dot.find("label=\"scan, program 1 of 1\""), std::string::npos) << dot;
  EXPECT_NE(dot.find("label=\"cond, program 2 of 2\""), std::string::npos) << dot;
  EXPECT_EQ(count(dot, "style=dashed"), 3U) << "a result of each program:\n" << dot;
  EXPECT_EQ(count(dot, "{"), count(dot, "}")) << dot;
  EXPECT_EQ(dot.back(), '\n');
}

TEST(Dot, EscapesWhatWouldEndALabel) {
  Graph graph;
  const Value x = input(graph, "x", f32, {2}).named(R"(a "quoted\")");
  const std::string dot = to_dot(extract(graph, {&x, 1}));
  EXPECT_NE(dot.find(R"(label="a \"quoted\\\"\ninput\nf32[2]")"), std::string::npos) << dot;
}

}  // namespace
}  // namespace weft
