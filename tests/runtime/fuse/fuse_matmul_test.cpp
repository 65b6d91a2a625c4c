#include "weft/autodiff/gradients.h"
#include "weft/ops/activation.h"
#include "weft/ops/control.h"
#include "weft/ops/matmul.h"
#include "weft/ops/reduce.h"
#include "weft/tests/runtime/fuse/fusion_case.h"

namespace weft {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing_support::FusionCase;
using testing_support::Inputs;
using testing_support::Roots;

std::vector<FusionCase> matmul_cases() {
  const std::string fused = "= gemm(";
  const Pass pass = fuse_matmul();
  return {
      {"Bias",
       pass,
       [](Inputs& in) { return Roots{matmul(in.a, in.b) + in.bias}; },
       {fused, "=a b + bias}"},
       {"= add("}},
      {"BiasFirst",
       pass,
       [](Inputs& in) { return Roots{in.bias + matmul(in.a, in.b)}; },
       {fused},
       {"= add("}},
      {"BiasAndRelu",
       pass,
       [](Inputs& in) { return Roots{relu(matmul(in.a, in.b) + in.bias)}; },
       {fused, "=relu(a b + bias)}"},
       {"= add(", "= relu("}},
      {"BiasAndTanh",
       pass,
       [](Inputs& in) { return Roots{tanh(matmul(in.a, in.b) + in.bias)}; },
       {"=tanh(a b + bias)}"},
       {"= tanh("}},
      {"BiasAndSigmoid",
       pass,
       [](Inputs& in) { return Roots{sigmoid(matmul(in.a, in.b) + in.bias)}; },
       {"=sigmoid(a b + bias)}"},
       {"= sigmoid("}},
      {"ReluAlone",
       pass,
       [](Inputs& in) { return Roots{relu(matmul(in.a, in.b))}; },
       {fused, "=relu(a b)}"},
       {"= relu("}},
      {"Transposed",
       pass,
       [](Inputs& in) { return Roots{tanh(matmul(in.b, in.a, true, true) + in.one)}; },
       {},
       {}},
      {"BatchOnTheLeft",
       pass,
       [](Inputs& in) { return Roots{relu(matmul(in.cube, in.b) + in.bias)}; },
       {fused},
       {"= add("}},
      {"BiasAfterTheActivation",
       pass,
       [](Inputs& in) { return Roots{relu(matmul(in.a, in.b)) + in.bias}; },
       {fused, "=relu(a b)}", "= add("},
       {}},
      {"SecondBias",
       pass,
       [](Inputs& in) { return Roots{matmul(in.a, in.b) + in.bias + in.bias}; },
       {fused, "= add("},
       {}},
      {"SecondActivation",
       pass,
       [](Inputs& in) { return Roots{tanh(relu(matmul(in.a, in.b)))}; },
       {"=relu(a b", "= tanh("},
       {}},
      {"ActivationThatTheKernelLacks",
       pass,
       [](Inputs& in) { return Roots{elu(matmul(in.a, in.b) + in.bias)}; },
       {fused, "elu"},
       {}},
      {"ColumnIsNoBias",
       pass,
       [](Inputs& in) { return Roots{matmul(in.a, in.b) + in.column}; },
       {"matmul(", "= add("},
       {fused}},
      {"ScalarIsNoBias",
       pass,
       [](Inputs& in) { return Roots{matmul(in.a, in.b) + in.s}; },
       {"= add("},
       {fused}},
      {"MatrixIsNoBias",
       pass,
       [](Inputs& in) { return Roots{matmul(in.a, in.b) + in.c}; },
       {"= add("},
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
       {"matmul(", "= add(", "= relu("},
       {fused}},
      {"ProductAddedToItself",
       pass,
       [](Inputs& in) {
         const Value product = matmul(in.a, in.b);
         return Roots{product + product};
       },
       {"= add("},
       {fused}},
      {"SumUsedTwice",
       pass,
       [](Inputs& in) {
         const Value sum = matmul(in.a, in.b) + in.bias;
         return Roots{relu(sum) * sum};
       },
       {fused, "=a b + bias}", "= relu("},
       {}},
      {"ProductIsARoot",
       pass,
       [](Inputs& in) {
         const Value product = matmul(in.a, in.b);
         return Roots{product, product + in.bias};
       },
       {"= add("},
       {fused}},
  };
}

class MatMulFusion : public testing::TestWithParam<FusionCase> {};

TEST_P(MatMulFusion, MakesTheExpectedOpsAndChangesNoResult) { testing_support::expect_fusion(GetParam()); }

INSTANTIATE_TEST_SUITE_P(Patterns, MatMulFusion, testing::ValuesIn(matmul_cases()),
                         [](const auto& test) { return test.param.name; });

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
  EXPECT_THAT(text, HasSubstr("=" + name + "(a b + bias)}"));
  EXPECT_THAT(text, HasSubstr("=c - 0.1 a^T b}"));
  EXPECT_THAT(text, Not(HasSubstr("= matmul(")));
}

INSTANTIATE_TEST_SUITE_P(Activations, TrainingKeepsTheFusedMatMul,
                         testing::Values(std::pair{std::string("relu"), &relu},
                                         std::pair{std::string("tanh"), &tanh},
                                         std::pair{std::string("sigmoid"), &sigmoid}),
                         [](const auto& test) { return test.param.first; });

}  // namespace
}  // namespace weft
