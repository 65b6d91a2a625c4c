#include <gtest/gtest.h>

#include "weft/graph/passes/standard.h"
#include "weft/graph/print.h"
#include "weft/graph/verify.h"
#include "weft/ops/compare.h"
#include "weft/ops/control.h"
#include "weft/ops/gather.h"
#include "weft/ops/layout.h"
#include "weft/ops/random.h"
#include "weft/ops/source.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::evaluate_program;
using testing_support::expect_error;
using testing_support::make_constant;
using testing_support::numbers;

Program run(const Pass& pass, const Graph& graph, const std::vector<Value>& roots) {
  return run_passes(extract(graph, roots), {&pass, 1});
}

std::size_t count(const Program& program, std::string_view op) {
  std::size_t found = 0;
  for (const NodeId id : needed_nodes(*program.graph, program.roots)) {
    found += program.graph->node(id).op.name() == op ? 1U : 0U;
  }
  return found;
}

const Tensor* constant_root(const Program& program, std::size_t root = 0) {
  return program.graph->node(program.roots[root].node()).op.constant();
}

/// An op that counts its calls: equal inputs do not make equal outputs.
struct Tick {
  static constexpr std::string_view name = "tick";
  static constexpr Traits traits{.stateful = true};
  TensorType infer(const TensorType& x) const { return x; }
  void forward(const KernelArgs& args) const {
    static double ticks = 0.0;
    args.outputs[0].as<double>()[0] = ++ticks;
  }
  static constexpr NoGradient gradient{"it counts"};
};

class PassesTest : public testing::Test {
 protected:
  Graph graph_;
  Value x_ = input(graph_, "x", f64, {2});
  Value y_ = input(graph_, "y", f64, {2});
};

TEST_F(PassesTest, DeadCodeDropsWhatNoRootNeeds) {
  Program program = extract(graph_, std::vector{x_, y_});
  const Value kept = program.roots[0] + 1.0;
  exp(program.roots[1]);
  program.roots = {kept};
  const Program after = dead_code().run(program);
  EXPECT_EQ(after.graph->size(), 3U) << to_text(after);
  EXPECT_EQ(count(after, "exp"), 0U);
  EXPECT_EQ(after.roots[0].type(), kept.type());
}

TEST_F(PassesTest, CommonSubexpressionsMergesEqualNodes) {
  const Program after = run(common_subexpressions(), graph_, {exp(x_) + exp(x_), exp(x_), exp(y_)});
  EXPECT_EQ(count(after, "exp"), 2U);
  EXPECT_EQ(after.graph->node(after.roots[0].node()).inputs,
            (std::vector<ValueId>{{after.roots[1].node(), 0}, {after.roots[1].node(), 0}}));
}

TEST_F(PassesTest, CommonSubexpressionsMergesWholeTrees) {
  const auto tree = [&] { return exp(x_ * 2.0) + y_; };
  const Program after = run(common_subexpressions(), graph_, {tree(), tree()});
  EXPECT_EQ(after.roots[0], after.roots[1]);
  EXPECT_EQ(after.graph->size(), 6U) << to_text(after);
}

TEST_F(PassesTest, CommonSubexpressionsComparesOperandsOfCommutativeOpsInAnyOrder) {
  const Program after = run(common_subexpressions(), graph_,
                            {x_ + y_, y_ + x_, x_ * y_, y_ * x_, equal(x_, y_), equal(y_, x_)});
  EXPECT_EQ(after.roots[0], after.roots[1]);
  EXPECT_EQ(after.roots[2], after.roots[3]);
  EXPECT_EQ(after.roots[4], after.roots[5]);
  const Program apart =
      run(common_subexpressions(), graph_,
          {x_ - y_, y_ - x_, x_ / y_, y_ / x_, maximum(x_, y_), maximum(y_, x_), less(x_, y_), less(y_, x_)});
  for (std::size_t i = 0; i < apart.roots.size(); i += 2) EXPECT_NE(apart.roots[i], apart.roots[i + 1]) << i;
}

TEST_F(PassesTest, CommonSubexpressionsComparesAttributesAndConstantsByContents) {
  const Program after = run(
      common_subexpressions(), graph_,
      {clip(x_, 0, 1), clip(x_, 0, 2), clip(x_, 0, 1), x_ + 1.5, x_ + 1.5, x_ + 2.5, x_ * -0.0, x_ * 0.0});
  EXPECT_EQ(after.roots[0], after.roots[2]);
  EXPECT_NE(after.roots[0], after.roots[1]);
  EXPECT_EQ(after.roots[3], after.roots[4]);
  EXPECT_NE(after.roots[3], after.roots[5]);
  EXPECT_NE(after.roots[6], after.roots[7]);
}

TEST_F(PassesTest, CommonSubexpressionsKeepsRandomStreamsApart) {
  const Value first = random_uniform(graph_, f64, {2});
  const Value second = random_uniform(graph_, f64, {2});
  const Program after = run(common_subexpressions(), graph_, {first, second, first + 1.0, first + 1.0});
  EXPECT_NE(after.roots[0], after.roots[1]);
  EXPECT_EQ(after.roots[2], after.roots[3]);
  EXPECT_EQ(count(after, "random_uniform"), 2U);
}

TEST_F(PassesTest, CommonSubexpressionsKeepsStatefulNodesApart) {
  const Value w = parameter(graph_, "w", Tensor::of<double>({1, 2}));
  const Program after = run(common_subexpressions(), graph_, {assign(w, x_), assign(w, x_)});
  EXPECT_EQ(count(after, "assign"), 2U);
  EXPECT_NE(after.roots[0], after.roots[1]);
  EXPECT_EQ(count(after, "parameter"), 1U);
}

TEST_F(PassesTest, ConstantFoldingComputesWhatDependsOnConstantsAlone) {
  const Value two = constant(graph_, 2.0, f64);
  const Value folded = square(two + 1.0) * two;
  const Program after = run(constant_folding(make_constant), graph_, {folded, folded + x_});
  ASSERT_NE(constant_root(after), nullptr) << to_text(after);
  EXPECT_EQ(constant_root(after)->item<double>(), 18.0);
  EXPECT_EQ(constant_root(after, 1), nullptr);
  EXPECT_EQ(needed_nodes(*after.graph, after.roots).size(), 3U) << to_text(after);
}

TEST_F(PassesTest, ConstantFoldingRespectsMaxElements) {
  const Value row = constant(graph_, Tensor::of<double>({1, 2, 3}));
  const Value wide = broadcast_to(row, {4, 3});
  const Program kept = run(constant_folding(make_constant, 11), graph_, {wide});
  EXPECT_EQ(constant_root(kept), nullptr);
  const Program folded = run(constant_folding(make_constant, 12), graph_, {wide});
  EXPECT_NE(constant_root(folded), nullptr);
}

TEST_F(PassesTest, ConstantFoldingKeepsANodeWhoseKernelFails) {
  const Value table = constant(graph_, Tensor::of<double>({1, 2}));
  const Value rows = gather(table, constant(graph_, Tensor::of<std::int32_t>({0, 2})));
  const Program after = run(constant_folding(make_constant), graph_, {rows});
  EXPECT_EQ(count(after, "gather"), 1U);
  expect_error(ErrorCode::out_of_range, {"index 2"}, [&] { evaluate_program(after); });
}

TEST_F(PassesTest, ConstantFoldingLeavesStateSourcesAndSymbolsAlone) {
  const Value w = parameter(graph_, "w", Tensor::of<double>({1, 2}));
  const Value reset = assign(w, constant(graph_, Tensor::of<double>({0, 0})));
  const Value noise = random_uniform(graph_, f64, {2});
  const Value zeros = broadcast_to(constant(graph_, 0.0, f64), {"batch"});
  const Value tick = apply(Tick{}, constant(graph_, 0.0, f64));
  const Program after = run(constant_folding(make_constant), graph_, {w, reset, noise, zeros, x_, tick});
  for (std::size_t root = 0; root < 6; ++root) EXPECT_EQ(constant_root(after, root), nullptr) << root;
  EXPECT_EQ(after.roots[3].shape(), (Shape{"batch"}));
}

TEST_F(PassesTest, ConstantFoldingFoldsWhatBindingMadeConcrete) {
  const Value zeros = broadcast_to(constant(graph_, 0.0, f64), {"batch"});
  const Pass fold = constant_folding(make_constant);
  const Program after = run_passes(extract(graph_, {&zeros, 1}, {{"batch", 3}}), {&fold, 1});
  ASSERT_NE(constant_root(after), nullptr);
  EXPECT_EQ(numbers(*constant_root(after)), (std::vector<double>{0, 0, 0}));
}

TEST_F(PassesTest, RunInOrderAndAreObserved) {
  std::vector<std::string> names;
  const std::vector<Pass> passes{simplify(), constant_folding(make_constant), common_subexpressions(),
                                 dead_code()};
  run_passes(extract(graph_, {&x_, 1}), passes, [&](const std::string& name, const Program& after) {
    names.push_back(name);
    verify_graph(after);
  });
  EXPECT_EQ(names,
            (std::vector<std::string>{"simplify", "constant_folding", "common_subexpressions", "dead_code"}));
}

}  // namespace
}  // namespace weft
