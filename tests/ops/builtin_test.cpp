// What holds of every built-in op, by the table in tests/support/op_cases: an op without an entry there
// fails.

#include "weft/ops/builtin.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/guarded_buffer.h"
#include "weft/tests/support/op_cases.h"

namespace weft {
namespace {

using testing_support::case_name;
using testing_support::evaluate_program;
using testing_support::Feeds;
using testing_support::GuardedBuffer;
using testing_support::numbers;
using testing_support::op_cases;
using testing_support::OpCase;
using testing_support::ops_without_gradient;
using testing_support::replay;
using testing_support::TensorSource;

std::vector<std::string_view> builtin_names() {
  std::vector<std::string_view> names;
  for_each_builtin([&]<typename O>() { names.push_back(O::name); });
  return names;
}

TEST(BuiltinOps, HaveNamesOfTheirOwn) {
  const auto names = builtin_names();
  EXPECT_EQ(std::set(names.begin(), names.end()).size(), names.size());
}

TEST(BuiltinOps, HaveAGradientCheckOrNoGradientOnPurpose) {
  std::set<std::string_view> checked;
  for (const OpCase& op_case : op_cases()) checked.insert(op_case.op);
  const auto& none = ops_without_gradient();
  for_each_builtin([&]<typename O>() {
    const bool listed = std::ranges::count(none, O::name) == 1;
    EXPECT_EQ(listed, detail::HasNoGradient<O>) << O::name << ": ops_without_gradient() is not up to date";
    EXPECT_TRUE(listed || checked.contains(O::name)) << O::name << " has no entry in op_cases()";
    if constexpr (detail::HasNoGradient<O>) {
      EXPECT_FALSE(NoGradient(O::gradient).reason.empty()) << O::name << " does not say why";
    }
  });
}

TEST(BuiltinOps, AreAllOfTheOpsInTheTables) {
  const auto names = builtin_names();
  for (const OpCase& op_case : op_cases()) EXPECT_EQ(std::ranges::count(names, op_case.op), 1) << op_case.op;
  for (const std::string_view name : ops_without_gradient()) {
    EXPECT_EQ(std::ranges::count(names, name), 1) << name;
  }
}

TEST(BuiltinOps, HaveTraitsThatFitTheirForm) {
  for_each_builtin([]<typename O>() {
    const Op op{O{}};
    const Traits traits = op.traits();
    EXPECT_FALSE(traits.commutative && op.arity() != 2U) << O::name;
    EXPECT_FALSE(traits.elementwise && (traits.view || traits.row_wise)) << O::name;
    EXPECT_EQ(op.name(), O::name);
    EXPECT_TRUE(op.is<O>());
    EXPECT_EQ(op, Op{O{}});
  });
}

/// A case as a program over inputs "x0", "x1", ... and the tensors that it is fed.
struct Instance {
  explicit Instance(const OpCase& op_case) {
    TensorSource source("kernel/" + case_name(op_case));
    const auto tensors = op_case.inputs(source);
    Graph graph;
    std::vector<Value> inputs;
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const std::string label = "x" + std::to_string(i);
      inputs.push_back(input(graph, label, tensors[i].dtype(), Shape::of(tensors[i].sizes())));
      feeds.emplace(label, tensors[i]);
    }
    const Value root = op_case.function(inputs);
    program = extract(graph, {&root, 1});
  }

  Program program;
  Feeds feeds;
};

class BuiltinOp : public testing::TestWithParam<OpCase> {};

TEST_P(BuiltinOp, IsInItsOwnCase) {
  const Instance instance(GetParam());
  std::set<std::string_view> names;
  for (NodeId id = 0; id < instance.program.graph->size(); ++id)
    names.insert(instance.program.graph->node(id).op.name());
  EXPECT_TRUE(names.contains(GetParam().op));
}

/// Runs one node's reference kernel into guarded memory.
void expect_clean_kernel(const Node& node, const std::vector<Tensor>& inputs) {
  std::vector<Tensor> operands = inputs;
  const auto types = node.op.infer([&] {
    std::vector<TensorType> in;
    for (const Tensor& tensor : inputs) in.push_back(tensor.type());
    return in;
  }());
  if (node.op.traits().elementwise) {
    for (Tensor& operand : operands) operand = broadcast_to_sizes(operand, types[0].shape.sizes());
  }
  std::vector<GuardedBuffer> buffers;
  for (const TensorType& type : types) buffers.emplace_back(type.dtype, type.shape.sizes());
  std::vector<ConstArg> in;
  std::vector<Arg> out;
  for (const Tensor& operand : operands) in.push_back(const_arg(operand));
  for (GuardedBuffer& buffer : buffers) out.push_back(buffer.arg());
  node.op.forward({in, out});
  const auto expected = evaluate(node.op, inputs);
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    EXPECT_TRUE(buffers[i].intact()) << node.op.name() << " wrote outside of output " << i;
    EXPECT_TRUE(identical(buffers[i].tensor(), expected[i])) << node.op.name() << ", output " << i;
    if (types[i].dtype != f64) continue;
    EXPECT_TRUE(std::ranges::none_of(numbers(buffers[i].tensor()), [](double x) { return std::isnan(x); }))
        << node.op.name() << " left out elements of output " << i;
  }
}

TEST_P(BuiltinOp, WritesAllOfItsOutputAndNothingElse) {
  SCOPED_TRACE(replay());
  const Instance instance(GetParam());
  const Graph& graph = *instance.program.graph;
  std::map<NodeId, std::vector<Tensor>> results;
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph.node(id);
    if (node.inputs.empty()) {
      const Tensor* constant = node.op.constant();
      results[id] = {constant != nullptr ? *constant : testing_support::fed(node, instance.feeds)};
      continue;
    }
    std::vector<Tensor> inputs;
    for (const ValueId& from : node.inputs) inputs.push_back(results[from.node][from.output]);
    expect_clean_kernel(node, inputs);
    results[id] = evaluate(node.op, inputs);
  }
}

TEST_P(BuiltinOp, ComputesTheSameInSinglePrecision) {
  SCOPED_TRACE(replay());
  if (GetParam().op.starts_with("random")) return;  // other numbers in each precision
  const Instance instance(GetParam());
  const Program& wide = instance.program;
  // The same program with f32 in the place of f64.
  Program narrow = rewrite(
      *wide.graph, wide.roots,
      [](Graph& target, const Node& node, std::span<const Value> inputs) -> std::vector<Value> {
        const auto* source = node.op.as<Input>();
        if (source != nullptr && source->type.dtype == f64)
          return {input(target, source->label, f32, source->type.shape)};
        const Tensor* tensor = node.op.constant();
        if (tensor != nullptr && tensor->dtype() == f64) {
          return {constant(target, evaluate(Cast{f32}, std::vector{*tensor})[0])};
        }
        if (const auto* cast_op = node.op.as<Cast>(); cast_op != nullptr && cast_op->to == f64) {
          return {cast(inputs[0], f32)};
        }
        if (const auto* hot = node.op.as<OneHot>()) return {one_hot(inputs[0], hot->depth, f32)};
        if (const auto* count = node.op.as<Count>()) return {apply(Count{count->axes, f32}, inputs[0])};
        return {};
      },
      true);
  Feeds feeds;
  for (const auto& [label, tensor] : instance.feeds) {
    feeds.emplace(label, tensor.dtype() == f64 ? evaluate(Cast{f32}, std::vector{tensor})[0] : tensor);
  }
  const auto expected = numbers(evaluate_program(wide, instance.feeds)[0]);
  const Tensor result = evaluate_program(narrow, feeds)[0];
  ASSERT_EQ(result.dtype(), f32);
  const auto actual = numbers(result);
  ASSERT_EQ(expected.size(), actual.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(expected[i], actual[i], 2e-5 * std::max(1.0, std::abs(expected[i]))) << "element " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, BuiltinOp, testing::ValuesIn(op_cases()),
                         [](const auto& op_case) { return case_name(op_case.param); });

}  // namespace
}  // namespace weft
