#include "weft/runtime/fuse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "weft/autodiff/gradients.h"
#include "weft/graph/print.h"
#include "weft/ops/activation.h"
#include "weft/ops/compare.h"
#include "weft/ops/control.h"
#include "weft/ops/gather.h"
#include "weft/ops/layout.h"
#include "weft/ops/loss.h"
#include "weft/ops/matmul.h"
#include "weft/ops/reduce.h"
#include "weft/ops/softmax.h"
#include "weft/ops/source.h"
#include "weft/tests/runtime/expect_close.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing_support::close_to;
using testing_support::evaluate_program;
using testing_support::Feeds;
using testing_support::same_bits;
using testing_support::TensorSource;

/// Inputs of fixed shapes to write patterns with.
struct Inputs {
  explicit Inputs(DType dtype) : type(dtype) {
    TensorSource source("fuse inputs");
    const auto make = [&](const char* label, const std::vector<std::int64_t>& sizes) {
      feeds[label] = source.uniform(sizes, -1.0, 1.0, dtype);
      return input(graph, label, dtype, Shape::of(sizes));
    };
    a = make("a", {6, 5}), b = make("b", {5, 4}), c = make("c", {6, 4}), bias = make("bias", {4});
    column = make("column", {6, 1}), s = make("s", {}), one = make("one", {1}),
    cube = make("cube", {2, 6, 5});
  }
  Graph graph;
  DType type;
  Feeds feeds;
  Value a, b, c, bias, column, s, one, cube;
};

struct FusionCase {
  std::string name;
  Pass pass;
  std::function<std::vector<Value>(Inputs&)> build;
  std::vector<std::string> present;  // in the text of the fused program
  std::vector<std::string> absent;
};
void PrintTo(const FusionCase& fusion, std::ostream* out) { *out << fusion.name; }

using Roots = std::vector<Value>;

std::vector<FusionCase> matmul_cases() {
  const std::string fused = "fused_matmul";
  const Pass pass = fuse_matmul();
  return {
      {"Bias",
       pass,
       [](Inputs& in) { return Roots{matmul(in.a, in.b) + in.bias}; },
       {fused, "bias=true, activation=none"},
       {"add("}},
      {"BiasFirst", pass, [](Inputs& in) { return Roots{in.bias + matmul(in.a, in.b)}; }, {fused}, {"add("}},
      {"BiasAndRelu",
       pass,
       [](Inputs& in) { return Roots{relu(matmul(in.a, in.b) + in.bias)}; },
       {fused, "bias=true, activation=relu"},
       {"add(", "relu("}},
      {"BiasAndTanh",
       pass,
       [](Inputs& in) { return Roots{tanh(matmul(in.a, in.b) + in.bias)}; },
       {"activation=tanh"},
       {"tanh("}},
      {"BiasAndSigmoid",
       pass,
       [](Inputs& in) { return Roots{sigmoid(matmul(in.a, in.b) + in.bias)}; },
       {"activation=sigmoid"},
       {"sigmoid("}},
      {"ReluAlone",
       pass,
       [](Inputs& in) { return Roots{relu(matmul(in.a, in.b))}; },
       {fused, "bias=false, activation=relu"},
       {"relu("}},
      {"Transposed",
       pass,
       [](Inputs& in) { return Roots{tanh(matmul(in.b, in.a, true, true) + in.one)}; },
       {},
       {}},
      {"BatchOnTheLeft",
       pass,
       [](Inputs& in) { return Roots{relu(matmul(in.cube, in.b) + in.bias)}; },
       {fused},
       {"add("}},
      {"BiasAfterTheActivation",
       pass,
       [](Inputs& in) { return Roots{relu(matmul(in.a, in.b)) + in.bias}; },
       {fused, "bias=false", "add("},
       {}},
      {"SecondBias",
       pass,
       [](Inputs& in) { return Roots{matmul(in.a, in.b) + in.bias + in.bias}; },
       {fused, "add("},
       {}},
      {"SecondActivation",
       pass,
       [](Inputs& in) { return Roots{tanh(relu(matmul(in.a, in.b)))}; },
       {"activation=relu", "tanh("},
       {}},
      {"ActivationThatTheKernelLacks",
       pass,
       [](Inputs& in) { return Roots{elu(matmul(in.a, in.b) + in.bias)}; },
       {fused, "elu"},
       {}},
      {"ColumnIsNoBias",
       pass,
       [](Inputs& in) { return Roots{matmul(in.a, in.b) + in.column}; },
       {"matmul(", "add("},
       {fused}},
      {"ScalarIsNoBias",
       pass,
       [](Inputs& in) { return Roots{matmul(in.a, in.b) + in.s}; },
       {"add("},
       {fused}},
      {"MatrixIsNoBias",
       pass,
       [](Inputs& in) { return Roots{matmul(in.a, in.b) + in.c}; },
       {"add("},
       {fused}},
      {"SubtractionIsNoBias",
       pass,
       [](Inputs& in) { return Roots{matmul(in.a, in.b) - in.bias}; },
       {"sub("},
       {fused}},
      {"ProductUsedTwice",
       pass,
       [](Inputs& in) {
         const Value product = matmul(in.a, in.b);
         return Roots{relu(product + in.bias), product};
       },
       {"matmul(", "add(", "relu("},
       {fused}},
      {"ProductAddedToItself",
       pass,
       [](Inputs& in) {
         const Value product = matmul(in.a, in.b);
         return Roots{product + product};
       },
       {"add("},
       {fused}},
      {"SumUsedTwice",
       pass,
       [](Inputs& in) {
         const Value sum = matmul(in.a, in.b) + in.bias;
         return Roots{relu(sum) * sum};
       },
       {fused, "activation=none", "relu("},
       {}},
      {"ProductIsARoot",
       pass,
       [](Inputs& in) {
         const Value product = matmul(in.a, in.b);
         return Roots{product, product + in.bias};
       },
       {"add("},
       {fused}},
  };
}

std::vector<FusionCase> accumulate_cases() {
  const std::string op = "matmul_accumulate";
  const Pass pass = fuse_accumulate();
  return {
      {"AddProduct",
       pass,
       [](Inputs& in) { return Roots{in.c + matmul(in.a, in.b)}; },
       {op, "alpha=1}"},
       {"add("}},
      {"ProductFirst", pass, [](Inputs& in) { return Roots{matmul(in.a, in.b) + in.c}; }, {op}, {"add("}},
      {"OntoAnotherElementwiseOp",
       pass,
       [](Inputs& in) { return Roots{in.c * 0.9 + matmul(in.a, in.b)}; },
       {"= matmul(", "= add("},
       {op}},
      {"SubtractProduct",
       pass,
       [](Inputs& in) { return Roots{in.c - matmul(in.a, in.b)}; },
       {op, "alpha=-1}"},
       {"sub("}},
      {"SubtractScaled",
       pass,
       [](Inputs& in) { return Roots{in.c - 0.25 * matmul(in.a, in.b)}; },
       {op, "alpha=-0.25}"},
       {"sub(", "mul("}},
      {"AddScaledFromTheRight",
       pass,
       [](Inputs& in) { return Roots{in.c + matmul(in.a, in.b) * 0.5}; },
       {op, "alpha=0.5}"},
       {"mul("}},
      {"ScaledByAScalarThatVaries",
       pass,
       [](Inputs& in) { return Roots{in.c - in.s * matmul(in.a, in.b)}; },
       {op, "alpha=-1}", "mul("},
       {"sub("}},
      {"ScaledByAScalarThatVariesRight",
       pass,
       [](Inputs& in) { return Roots{in.c + matmul(in.a, in.b) * in.s}; },
       {op, "alpha=1}", "mul("},
       {"add("}},
      {"Transposed",
       pass,
       [](Inputs& in) { return Roots{in.b - 0.1 * matmul(in.a, in.c, true)}; },
       {op, "a^T x b"},
       {"sub("}},
      {"ProductMinusMatrix",
       pass,
       [](Inputs& in) { return Roots{matmul(in.a, in.b) - in.c}; },
       {"sub("},
       {op}},
      {"ScaledByARow",
       pass,
       [](Inputs& in) { return Roots{in.c + in.bias * matmul(in.a, in.b)}; },
       {"add("},
       {op}},
      {"ScaledByOneElementOfRankOne",
       pass,
       [](Inputs& in) { return Roots{in.c + in.one * matmul(in.a, in.b)}; },
       {"add("},
       {op}},
      {"BroadcastIntoTheProduct",
       pass,
       [](Inputs& in) { return Roots{in.bias + matmul(in.a, in.b)}; },
       {"add("},
       {op}},
      {"BroadcastProduct",
       pass,
       [](Inputs& in) { return Roots{broadcast_to(in.c, {2, 6, 4}) + matmul(in.a, in.b)}; },
       {"add("},
       {op}},
      {"ProductUsedTwice",
       pass,
       [](Inputs& in) {
         const Value product = matmul(in.a, in.b);
         return Roots{in.c - 0.1 * product, product};
       },
       {"sub("},
       {op}},
      {"ScaledUsedTwice",
       pass,
       [](Inputs& in) {
         const Value scaled = 0.1 * matmul(in.a, in.b);
         return Roots{in.c - scaled, scaled};
       },
       {"sub("},
       {op}},
      {"SumOfTwoProducts",
       pass,
       [](Inputs& in) { return Roots{matmul(in.a, in.b) + 2.0 * matmul(in.c, matmul(in.b, in.b, true))}; },
       {op},
       {"add("}},
  };
}

Value chain_of(Value x, int length) {
  for (int i = 0; i < length; ++i) x = i % 3 == 0 ? tanh(x) : i % 3 == 1 ? x * 1.5 : x + 0.25;
  return x;
}

std::vector<FusionCase> elementwise_cases() {
  const std::string op = "fused_elementwise";
  const Pass pass = fuse_elementwise();
  return {
      {"Two",
       pass,
       [](Inputs& in) { return Roots{tanh(in.c * 2.0)}; },
       {op, "tanh(mul(x0, 2))"},
       {"= tanh(", "= mul("}},
      {"One", pass, [](Inputs& in) { return Roots{tanh(in.c)}; }, {"= tanh("}, {op}},
      {"Tree",
       pass,
       [](Inputs& in) { return Roots{(in.c + in.bias) * sigmoid(in.c - in.column)}; },
       {op},
       {"= add(", "= sub(", "= mul("}},
      {"Diamond",
       pass,
       [](Inputs& in) {
         const Value shared = exp(in.c);
         return Roots{shared / (shared + 1.0)};
       },
       {"t2 = exp(x0); div(t2, add(t2, 1))"},
       {"%1 = exp("}},
      {"WithAComparison",
       pass,
       [](Inputs& in) { return Roots{where(in.c > 0.0, in.c, in.c * 0.1)}; },
       {op},
       {"= where(", "= greater("}},
      {"WithACast",
       pass,
       [](Inputs& in) { return Roots{cast(cast(in.c * 10.0, i32), in.type) + 1.0}; },
       {op},
       {"= cast("}},
      {"ScalarOperand",
       pass,
       [](Inputs& in) { return Roots{(in.c - in.s) * (in.c - in.one)}; },
       {op},
       {"= sub("}},
      {"NarrowPartStaysOutside",
       pass,
       [](Inputs& in) { return Roots{in.c * tanh(in.bias * 2.0)}; },
       {op, "tanh(mul("},
       {"= tanh("}},
      {"ReadInsideAndOutside",
       pass,
       [](Inputs& in) {
         const Value shared = tanh(in.c * 2.0);
         return Roots{exp(shared * 3.0), sum(shared)};
       },
       {"t4 = tanh(mul(x0, 2)); t4, exp(mul(t4, 3))"},
       {"= mul("}},
      {"IntermediateIsARoot",
       pass,
       [](Inputs& in) {
         const Value shared = in.c * 2.0;
         return Roots{tanh(shared), shared};
       },
       {"t2 = mul(x0, 2); t2, tanh(t2)"},
       {"%1 = tanh(", "%1 = mul("}},
      {"UpdateAndItsSlot",
       pass,
       [](Inputs& in) {
         in.feeds["w"] = in.feeds["v"] = in.feeds["c"];
         const Value w = parameter(in.graph, "w", in.feeds["w"]);
         const Value v = parameter(in.graph, "v", in.feeds["v"]);
         const Value next = v * 0.9 + in.c;
         const Value stored = assign(v, next);  // stands between the two
         return Roots{stored, assign(w, w - next * 0.1)};
       },
       {"t6 = add(mul(x0, 0.9), x1); t6, sub(x2, mul(t6, 0.1))"},
       {"= sub(", "%3 = add("}},
      {"WayOutAndBackIn",
       pass,
       [](Inputs& in) {
         const Value shared = in.c * 2.0;
         return Roots{tanh(softmax(shared) + shared)};
       },
       {"= mul(", "tanh(add("},
       {}},
      {"SharedByTwoChains",
       pass,
       [](Inputs& in) {
         const Value shared = in.c * 2.0;
         return Roots{tanh(shared + 1.0), exp(shared - 1.0)};
       },
       {"= mul(", "tanh(add(", "exp(sub("},
       {}},
      {"AcrossAMatmul",
       pass,
       [](Inputs& in) { return Roots{tanh(matmul(tanh(in.a * 2.0), in.b) + in.bias)}; },
       {op, "matmul("},
       {"= add("}},
      {"UniformConstant",
       pass,
       [](Inputs& in) {
         return Roots{tanh(in.c * constant(in.graph, TensorSource("u").uniform({6, 4}, 3.0, 3.0, in.type)))};
       },
       {"tanh(mul(x0, 3))"},
       {}},
      {"ConstantThatGivesTheShape",
       pass,
       [](Inputs& in) {
         return Roots{tanh(in.s + constant(in.graph, TensorSource("u").uniform({3}, 1.0, 1.0, in.type)))};
       },
       {op},
       {"= tanh("}},
      {"ConstantsOnly",
       pass,
       [](Inputs& in) {
         const Value ones = constant(in.graph, TensorSource("u").uniform({3}, 1.0, 1.0, in.type));
         return Roots{tanh(ones + ones)};
       },
       {op},
       {}},
      {"OtherConstant",
       pass,
       [](Inputs& in) { return Roots{tanh(in.c * constant(in.graph, in.feeds.at("bias").clone()))}; },
       {op, "tanh(mul(x0, x1))"},
       {}},
      {"LongChain", pass, [](Inputs& in) { return Roots{chain_of(in.c, 100)}; }, {op}, {"= tanh("}},
  };
}

std::vector<FusionCase> cross_entropy_cases() {
  const std::string fused = "fused_softmax_cross_entropy";
  const Pass pass = fuse_cross_entropy();
  const auto labels = [](Inputs& in) {
    in.feeds["labels"] = Tensor::of<std::int32_t>({0, 3, 1, 2, 2, 0});
    return input(in.graph, "labels", i32, {6});
  };
  return {
      {"ScaledLoss",
       pass,
       [=](Inputs& in) {
         const Value loss = sum(softmax_cross_entropy(in.c, labels(in)) * 0.25);
         return Roots{loss, gradient(loss, in.c)};
       },
       {fused},
       {"= softmax_cross_entropy(", "= one_hot("}},
      {"WeightedSamples",
       pass,
       [=](Inputs& in) {
         const Value loss = sum(softmax_cross_entropy(in.c, labels(in)) * reshape(in.column, {6}));
         return Roots{loss, gradient(loss, in.c)};
       },
       {fused},
       {"= softmax_cross_entropy(", "= one_hot("}},
      {"LossThatScalesItsOwnGradient",
       pass,
       [=](Inputs& in) {
         const Value loss = sum(square(softmax_cross_entropy(in.c, labels(in))));
         return Roots{loss, gradient(loss, in.c)};
       },
       {"= softmax_cross_entropy("},
       {fused}},
      {"ProbabilitiesReadElsewhere",
       pass,
       [=](Inputs& in) {
         const auto outputs = apply_all(SoftmaxCrossEntropy{}, {in.c, labels(in)});
         return Roots{gradient(mean(outputs[0]), in.c), outputs[1]};
       },
       {"= softmax_cross_entropy("},
       {fused}},
      {"LossAlone",
       pass,
       [=](Inputs& in) { return Roots{mean(softmax_cross_entropy(in.c, labels(in)))}; },
       {"= softmax_cross_entropy("},
       {fused}},
  };
}

std::vector<FusionCase> gather_cases() {
  const std::string fused = "fused_gather";
  const Pass pass = fuse_gather();
  const auto rows = [](Inputs& in) {
    in.feeds["rows"] = Tensor::of<std::int32_t>({5, 0, 3});
    return gather(in.a, input(in.graph, "rows", i32, {3}));
  };
  return {
      {"OneOp", pass, [=](Inputs& in) { return Roots{tanh(rows(in))}; }, {fused, "slot=0"}, {"= gather("}},
      {"BesideABroadcast",
       pass,
       [=](Inputs& in) { return Roots{slice(in.a, 0, 0, 1) - rows(in)}; },
       {fused, "slot=1"},
       {"= gather(", "= sub("}},
      {"ReadTwice",
       pass,
       [=](Inputs& in) {
         const Value picked = rows(in);
         return Roots{tanh(picked), sum(picked)};
       },
       {"= gather("},
       {fused}},
      {"Broadcast",
       pass,
       [=](Inputs& in) {
         return Roots{rows(in) + constant(in.graph, TensorSource("g").uniform({2, 3, 5}, 0.0, 1.0, in.type))};
       },
       {"= gather("},
       {fused}},
      {"BeforeAMatmul",
       pass,
       [=](Inputs& in) { return Roots{matmul(rows(in), in.b)}; },
       {"= gather("},
       {fused}},
  };
}

class Fusion : public testing::TestWithParam<FusionCase> {};

TEST_P(Fusion, MakesTheExpectedOpsAndChangesNoResult) {
  const FusionCase& fusion = GetParam();
  for (const DType dtype : {f32, f64}) {
    SCOPED_TRACE(name_of(dtype));
    Inputs in(dtype);
    const Program before = extract(in.graph, fusion.build(in));
    const Pass passes[] = {fusion.pass};
    const Program after = run_passes(extract(*before.graph, before.roots), passes);
    const std::string text = to_text(after);
    for (const std::string& part : fusion.present) EXPECT_THAT(text, HasSubstr(part));
    for (const std::string& part : fusion.absent) EXPECT_THAT(text, Not(HasSubstr(part)));
    const auto expected = evaluate_program(before, in.feeds);
    const auto actual = evaluate_program(after, in.feeds);
    ASSERT_EQ(actual.size(), expected.size());
    for (std::size_t i = 0; i < actual.size(); ++i) {
      EXPECT_TRUE(close_to(actual[i], expected[i], dtype == f32 ? 1e-6 : 1e-14)) << text;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(MatMul, Fusion, testing::ValuesIn(matmul_cases()),
                         [](const auto& test) { return test.param.name; });
INSTANTIATE_TEST_SUITE_P(Accumulate, Fusion, testing::ValuesIn(accumulate_cases()),
                         [](const auto& test) { return test.param.name; });
INSTANTIATE_TEST_SUITE_P(Elementwise, Fusion, testing::ValuesIn(elementwise_cases()),
                         [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(CrossEntropy, Fusion, testing::ValuesIn(cross_entropy_cases()),
                         [](const auto& test) { return test.param.name; });
INSTANTIATE_TEST_SUITE_P(Gather, Fusion, testing::ValuesIn(gather_cases()),
                         [](const auto& test) { return test.param.name; });

TEST(Fusion, KeepsTheSignsOfZerosInConstants) {
  Graph graph;
  const Value x = input(graph, "x", f32, {2});
  const Value zeros = constant(graph, Tensor::of<float>({0.0F, -0.0F}));
  const std::vector<Value> roots{exp(x / zeros)};
  const Program before = extract(graph, roots);
  const Pass passes[] = {fuse_elementwise()};
  const Feeds feeds{{"x", Tensor::of<float>({1, 1})}};
  const Program after = run_passes(extract(graph, roots), passes);
  EXPECT_TRUE(same_bits(evaluate_program(after, feeds)[0], evaluate_program(before, feeds)[0]));
}

/// An elementwise op that can fail.
struct Checked {
  static constexpr std::string_view name = "checked";
  static constexpr Traits traits{.elementwise = true, .can_fail = true};
  TensorType infer(const TensorType& x) const { return x; }
  template <std::floating_point T>
  void forward(std::span<const T> x, std::span<T> y) const {
    std::ranges::copy(x, y.begin());
  }
  static constexpr NoGradient gradient{"the test needs none"};
};

TEST(Fusion, HidesNothingThatCanFail) {
  Graph graph;
  const Value x = input(graph, "x", f32, {4});
  const std::vector<Value> roots{tanh(apply(Checked{}, exp(x * 2.0)) + 1.0)};
  const Pass passes[] = {fuse_elementwise()};
  const std::string text = to_text(run_passes(extract(graph, roots), passes));
  EXPECT_THAT(text, HasSubstr("= checked("));
  EXPECT_THAT(text, HasSubstr("exp(mul(x0, 2))"));
  EXPECT_THAT(text, HasSubstr("tanh(add(x0, 1))"));
}

class TrainingKeepsTheFusedMatMul
    : public testing::TestWithParam<std::pair<std::string, Value (*)(const Operand&)>> {};

TEST_P(TrainingKeepsTheFusedMatMul, ForActivationsWhoseGradientReadsTheirOutput) {
  const auto& [name, activation] = GetParam();
  Graph graph;
  const Value x = input(graph, "x", f32, {6, 5});
  const Value w = parameter(graph, "w", Tensor::zeros(f32, {5, 4}));
  const Value b = parameter(graph, "b", Tensor::zeros(f32, {4}));
  const Value loss = sum(square(activation(matmul(x, w) + b)));
  const auto grads = gradients(loss, {w, b});
  const std::vector<Value> roots{loss, assign(w, w - 0.1 * grads[0]), assign(b, b - 0.1 * grads[1])};
  const Pass passes[] = {fuse_matmul(), fuse_accumulate(), fuse_elementwise()};
  const std::string text = to_text(run_passes(extract(graph, roots), passes));
  EXPECT_THAT(text, HasSubstr("bias=true, activation=" + name));
  EXPECT_THAT(text, HasSubstr("matmul_accumulate"));
  EXPECT_THAT(text, HasSubstr("alpha=-0.1"));
  EXPECT_THAT(text, Not(HasSubstr("= matmul(")));
}

INSTANTIATE_TEST_SUITE_P(Activations, TrainingKeepsTheFusedMatMul,
                         testing::Values(std::pair{std::string("relu"), &relu},
                                         std::pair{std::string("tanh"), &tanh},
                                         std::pair{std::string("sigmoid"), &sigmoid}),
                         [](const auto& test) { return test.param.first; });

}  // namespace
}  // namespace weft
