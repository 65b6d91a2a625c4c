#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "weft/graph/passes/standard.h"
#include "weft/graph/print.h"
#include "weft/ops/compare.h"
#include "weft/ops/control.h"
#include "weft/ops/layout.h"
#include "weft/ops/matmul.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/tests/support/evaluate_values.h"

namespace weft {
namespace {

using testing_support::evaluate_program;
using testing_support::numbers;

/// The program as one expression: "add(x, y)". A constant is written as its type and elements.
std::string expression(const Graph& graph, ValueId id) {
  const Node& node = graph.node(id.node);
  if (const auto* input = node.op.as<Input>()) return input->label;
  if (const Tensor* tensor = node.op.constant()) return to_string(*tensor);
  std::string text(node.op.name());
  if (const auto* product = node.op.as<MatMul>()) {
    text += product->transpose_a ? "T" : "N";
    text += product->transpose_b ? "T" : "N";
  }
  if (const auto* permuted = node.op.as<Transpose>()) text += attribute_text(permuted->permutation);
  if (const auto* shaped = node.op.as<Reshape>()) text += to_string(shaped->shape);
  if (const auto* shaped = node.op.as<BroadcastTo>()) text += to_string(shaped->shape);
  text += '(';
  for (const ValueId& input : node.inputs) {
    if (text.back() != '(') text += ", ";
    text += expression(graph, input);
  }
  return text + ')';
}

struct Inputs {
  Value x;        // [2, 3]
  Value batch;    // [n, 3]
  Value cube;     // [2, 3, 4]
  Value thin;     // [2, 1, 3]
  Value integer;  // i32[2, 3]
};

struct SimplifyRow {
  std::string name;
  std::function<Value(const Inputs&)> build;
  std::string simplified;
};

Value tensor_of(const Value& like, std::initializer_list<double> values,
                std::initializer_list<std::int64_t> sizes) {
  return constant(like.graph(), Tensor::of<double>(values, sizes));
}

const std::vector<SimplifyRow>& rows() {
  static const std::vector<SimplifyRow> table = {
      {"TimesOne", [](const Inputs& in) { return in.x * 1.0; }, "x"},
      {"OneTimes", [](const Inputs& in) { return 1.0 * in.x; }, "x"},
      {"PlusZeroStays", [](const Inputs& in) { return in.x + 0.0; }, "add(x, f64[] {0})"},
      {"PlusMinusZero", [](const Inputs& in) { return in.x + -0.0; }, "x"},
      {"MinusZeroPlus", [](const Inputs& in) { return -0.0 + in.x; }, "x"},
      {"LessZero", [](const Inputs& in) { return in.x - 0.0; }, "x"},
      {"LessMinusZeroStays", [](const Inputs& in) { return in.x - -0.0; }, "sub(x, f64[] {-0})"},
      {"ZeroMinusStays", [](const Inputs& in) { return 0.0 - in.x; }, "sub(f64[] {0}, x)"},
      {"OverOne", [](const Inputs& in) { return in.x / 1.0; }, "x"},
      {"OneOverStays", [](const Inputs& in) { return 1.0 / in.x; }, "div(f64[] {1}, x)"},
      {"TimesTwoStays", [](const Inputs& in) { return in.x * 2.0; }, "mul(x, f64[] {2})"},
      {"IntegersToo", [](const Inputs& in) { return in.integer * 1 + 0; }, "integer"},
      {"SymbolsToo", [](const Inputs& in) { return in.batch * 1.0; }, "batch"},
      {"OnesOfTheSameShape", [](const Inputs& in) { return in.x * tensor_of(in.x, {1, 1, 1}, {3}); }, "x"},
      {"OnesThatBroadcastStay",
       [](const Inputs& in) { return sum(in.x * tensor_of(in.x, {1, 1}, {2, 1, 1}), {0}); },
       "sum(mul(x, f64[2, 1, 1] {1, 1}))"},
      {"NotAllOnesStay", [](const Inputs& in) { return in.x * tensor_of(in.x, {1, 1, 2}, {3}); },
       "mul(x, f64[3] {1, 1, 2})"},
      {"PowerOfOne", [](const Inputs& in) { return pow(in.x, 1.0); }, "x"},
      {"PowerOfTwo", [](const Inputs& in) { return pow(in.x, 2.0); }, "square(x)"},
      {"PowerOfZero", [](const Inputs& in) { return pow(in.x, 0.0); }, "broadcast_to[2, 3](f64[] {1})"},
      {"PowerOfMinusZero", [](const Inputs& in) { return pow(in.x, -0.0); }, "broadcast_to[2, 3](f64[] {1})"},
      {"OneToAPower", [](const Inputs& in) { return pow(1.0, in.x); }, "broadcast_to[2, 3](f64[] {1})"},
      {"PowerOfAHalfStays", [](const Inputs& in) { return pow(in.x, 0.5); }, "pow(x, f64[] {0.5})"},
      {"OverAPowerOfTwo", [](const Inputs& in) { return in.x / 4.0; }, "mul(x, f64[] {0.25})"},
      {"OverAFractionOfTwo", [](const Inputs& in) { return in.x / -0.5; }, "mul(x, f64[] {-2})"},
      {"OverThreeStays", [](const Inputs& in) { return in.x / 3.0; }, "div(x, f64[] {3})"},
      {"OverAPowerWithoutInverseStays", [](const Inputs& in) { return in.x / 0x1p-1030; },
       "div(x, f64[] {8.691694759794e-311})"},
      {"OverAPowerThatBroadcastsStays",
       [](const Inputs& in) { return in.x / tensor_of(in.x, {2}, {1, 1, 1}); }, "div(x, f64[1, 1, 1] {2})"},
      {"NegationTwice", [](const Inputs& in) { return -(-in.x); }, "x"},
      {"NegationThreeTimes", [](const Inputs& in) { return -(-(-in.x)); }, "neg(x)"},
      {"NegationFourTimes", [](const Inputs& in) { return -(-(-(-in.x))); }, "x"},
      {"PlusANegation", [](const Inputs& in) { return in.x + -in.x; }, "sub(x, x)"},
      {"ANegationPlus", [](const Inputs& in) { return -in.x + square(in.x); }, "sub(square(x), x)"},
      {"LessANegation", [](const Inputs& in) { return in.x - -in.x; }, "add(x, x)"},
      {"NegationsMultiplied", [](const Inputs& in) { return -in.x * -in.x; }, "mul(x, x)"},
      {"NegationsDivided", [](const Inputs& in) { return -in.x / -in.x; }, "div(x, x)"},
      {"NegationOfADifferenceStays", [](const Inputs& in) { return -(in.x - square(in.x)); },
       "neg(sub(x, square(x)))"},
      {"CastToItsOwnDType", [](const Inputs& in) { return cast(in.x, f64); }, "x"},
      {"CastToAnotherStays", [](const Inputs& in) { return cast(in.x, f32); }, "cast(x)"},
      {"StopGradient", [](const Inputs& in) { return stop_gradient(in.x); }, "x"},
      {"TransposeTwice", [](const Inputs& in) { return transpose(transpose(in.x)); }, "x"},
      {"TransposesCompose",
       [](const Inputs& in) { return transpose(transpose(in.cube, {1, 2, 0}), {1, 2, 0}); },
       "transpose[2, 0, 1](cube)"},
      {"TransposeOfNothing", [](const Inputs& in) { return transpose(in.cube, {0, 1, 2}); }, "cube"},
      {"ManyTransposes",
       [](const Inputs& in) {
         Value y = in.x;
         for (int i = 0; i < 101; ++i) y = transpose(y);
         return y;
       },
       "transpose[1, 0](x)"},
      {"ReshapesCompose", [](const Inputs& in) { return reshape(reshape(in.cube, {6, 4}), {4, 6}); },
       "reshape[4, 6](cube)"},
      {"ReshapeBack", [](const Inputs& in) { return reshape(reshape(in.x, {3, 2}), {2, 3}); }, "x"},
      {"ReshapeToItsOwnShape", [](const Inputs& in) { return reshape(in.batch, {"n", 3}); }, "batch"},
      {"BroadcastsCompose",
       [](const Inputs& in) { return broadcast_to(broadcast_to(in.thin, {2, 5, 3}), {7, 2, 5, 3}); },
       "broadcast_to[7, 2, 5, 3](thin)"},
      {"BroadcastToItsOwnShape", [](const Inputs& in) { return broadcast_to(in.x, {2, 3}); }, "x"},
      {"ConcatOfOne", [](const Inputs& in) { return concat({in.x}, 1); }, "x"},
      {"SliceOfAll", [](const Inputs& in) { return slice(in.x, 1, 0, 3); }, "x"},
      {"SliceOfAllWithAStepStays", [](const Inputs& in) { return slice(in.x, 1, 0, 3, 2); }, "slice(x)"},
      {"SumOverSizeOne", [](const Inputs& in) { return sum(in.thin, {1}); },
       "add(reshape[2, 3](thin), f64[] {0})"},
      {"SumOverSizeOneThatStays", [](const Inputs& in) { return sum(in.thin, {1}, true); },
       "add(thin, f64[] {0})"},
      {"SumOverMoreStays", [](const Inputs& in) { return sum(in.thin, {1, 2}); }, "sum(thin)"},
      {"MeanOverSizeOne", [](const Inputs& in) { return mean(in.thin, {1}); },
       "add(reshape[2, 3](thin), f64[] {0})"},
      {"MeanOverMoreStays", [](const Inputs& in) { return mean(in.thin, {1, 2}); }, "mean(thin)"},
      {"CountOfNumbers", [](const Inputs& in) { return apply(Count{{}, f64}, in.x); }, "f64[] {6}"},
      {"CountOfSymbolsStays", [](const Inputs& in) { return apply(Count{{0}, f64}, in.batch); },
       "count(batch)"},
      {"MatMulOfATransposeLeft", [](const Inputs& in) { return matmul(transpose(in.x), in.x); },
       "matmulTN(x, x)"},
      {"MatMulOfATransposeRight", [](const Inputs& in) { return matmul(in.x, transpose(in.x)); },
       "matmulNT(x, x)"},
      {"MatMulOfTransposesBoth",
       [](const Inputs& in) {
         return matmul(transpose(in.x), transpose(transpose(transpose(in.x))), false, true);
       },
       "matmulTN(x, x)"},
      {"MatMulUndoesItsFlag", [](const Inputs& in) { return matmul(transpose(in.x), in.x, true, true); },
       "matmulNT(x, x)"},
      {"MatMulOfBatchedTranspose",
       [](const Inputs& in) { return matmul(in.cube, transpose(in.cube, {0, 2, 1})); },
       "matmulNT(cube, cube)"},
      {"MatMulTakesTheSwapOfAnotherPermutation",
       [](const Inputs& in) { return matmul(transpose(in.cube, {1, 0, 2}), transpose(in.cube, {1, 2, 0})); },
       "matmulNT(transpose[1, 0, 2](cube), transpose[1, 0, 2](cube))"},
      {"ThroughSeveralLayers",
       [](const Inputs& in) { return transpose((transpose(in.x) - 0.0) * 1.0) - 0.0; }, "x"},
  };
  return table;
}

class Simplify : public testing::TestWithParam<SimplifyRow> {};

TEST_P(Simplify, FindsTheCheaperExpression) {
  Graph graph;
  const Inputs in{input(graph, "x", f64, {2, 3}), input(graph, "batch", f64, {"n", 3}),
                  input(graph, "cube", f64, {2, 3, 4}), input(graph, "thin", f64, {2, 1, 3}),
                  input(graph, "integer", i32, {2, 3})};
  const Value built = GetParam().build(in);
  const Pass pass = simplify();
  const Program after = run_passes(extract(graph, {&built, 1}), {&pass, 1});
  const Value root = after.roots[0];
  EXPECT_EQ(expression(*after.graph, {root.node(), root.output()}), GetParam().simplified) << to_text(after);
  EXPECT_EQ(root.type(), built.type());
}

INSTANTIATE_TEST_SUITE_P(Table, Simplify, testing::ValuesIn(rows()),
                         [](const auto& row) { return row.param.name; });

TEST(SimplifyPass, LeavesNothingBehindThatNobodyNeeds) {
  Graph graph;
  const Value x = input(graph, "x", f64, {2});
  const Value y = (x * 1.0 - 0.0) / 1.0;
  const Program after = simplify().run(extract(graph, {&y, 1}));
  EXPECT_EQ(after.graph->size(), 1U) << to_text(after);
}

TEST(SimplifyPass, KeepsTheUsersLineOnWhatItMakes) {
  Graph graph;
  const Value x = input(graph, "x", f64, {2, 3});
  const Value y = matmul(x, transpose(x)).named("gram");
  const Program after = simplify().run(extract(graph, {&y, 1}));
  EXPECT_EQ(to_string(after.graph->node(after.roots[0].node()).where), to_string(graph.node(y.node()).where));
}

/// Numbers whose bits rules of algebra tend to lose.
Tensor special_numbers() {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  return Tensor::of<double>({0.0, -0.0, kInfinity, -kInfinity, std::numeric_limits<double>::quiet_NaN(),
                             std::numeric_limits<double>::denorm_min(), -1.0, 3.0},
                            {8, 1});
}

TEST(SimplifyPass, KeepsTheBitsOfSignedZerosInfinitiesAndNaNs) {
  const std::vector<std::function<Value(const Value&)>> formulas = {
      [](const Value& x) { return 1.0 / (x + 0.0); },
      [](const Value& x) { return 1.0 / (0.0 + x); },
      [](const Value& x) { return 1.0 / (x + -0.0); },
      [](const Value& x) { return 1.0 / (x - 0.0); },
      [](const Value& x) { return 1.0 / (x - -0.0); },
      [](const Value& x) { return 1.0 / sum(x, {1}); },
      [](const Value& x) { return 1.0 / mean(x, {1}); },
      [](const Value& x) { return x * 0.0; },
      [](const Value& x) { return x - x; },
      [](const Value& x) { return x / x; },
      [](const Value& x) { return 0.0 / x; },
      [](const Value& x) { return pow(x, 0.0); },
      [](const Value& x) { return pow(1.0, x); },
      [](const Value& x) { return pow(x, 0.5); },
      [](const Value& x) { return x / 4.0; },
      [](const Value& x) { return 1.0 / (x / -0x1p-1020); },
      [](const Value& x) { return pow(x, 1.0); },
      [](const Value& x) { return pow(x, 2.0); },
      [](const Value& x) { return 1.0 / -(-x); },
      [](const Value& x) { return where(less(x, x), x, x); },
      [](const Value& x) { return maximum(x, -std::numeric_limits<double>::infinity()); },
      [](const Value& x) { return 1.0 / (x * 1.0 / 1.0); },
      [](const Value& x) { return 1.0 / (x + -square(x)); },
      [](const Value& x) { return 1.0 / (-x + abs(x)); },
      [](const Value& x) { return 1.0 / (x - -x); },
      [](const Value& x) { return 1.0 / (-x * -abs(x)); },
      [](const Value& x) { return 1.0 / (-x / -abs(x)); },
  };
  for (std::size_t i = 0; i < formulas.size(); ++i) {
    Graph graph;
    const Value y = formulas[i](input(graph, "x", f64, {8, 1}));
    const Program before = extract(graph, {&y, 1});
    const Pass passes[] = {simplify(), constant_folding(testing_support::make_constant), simplify(),
                           common_subexpressions()};
    const Program after = run_passes(extract(graph, {&y, 1}), passes);
    const Tensor expected = evaluate_program(before, {{"x", special_numbers()}})[0];
    const Tensor actual = evaluate_program(after, {{"x", special_numbers()}})[0];
    for (std::size_t j = 0; j < 8; ++j) {
      const double a = actual.values<double>()[j];
      const double b = expected.values<double>()[j];
      const bool equal = (a == b && std::signbit(a) == std::signbit(b)) || (std::isnan(a) && std::isnan(b));
      EXPECT_TRUE(equal) << "formula " << i << ", element " << j << ": " << a << " for " << b;
    }
  }
}

TEST(SimplifyPass, KeepsResults) {
  Graph graph;
  const Value x = input(graph, "x", f64, {2, 2});
  const Value y = matmul(transpose(x), transpose(transpose(x)) * 1.0) - 0.0;
  const Program after = simplify().run(extract(graph, {&y, 1}));
  EXPECT_EQ(numbers(evaluate_program(after, {{"x", Tensor::of<double>({1, 2, 3, 4}, {2, 2})}})[0]),
            (std::vector<double>{10, 14, 14, 20}));
}

}  // namespace
}  // namespace weft
