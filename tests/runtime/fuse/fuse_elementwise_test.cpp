#include "weft/ops/activation.h"
#include "weft/ops/bits.h"
#include "weft/ops/compare.h"
#include "weft/ops/control.h"
#include "weft/ops/matmul.h"
#include "weft/ops/reduce.h"
#include "weft/ops/rounding.h"
#include "weft/ops/softmax.h"
#include "weft/ops/trigonometry.h"
#include "weft/tests/runtime/fuse/fusion_case.h"

namespace weft {
namespace {

using testing::HasSubstr;
using testing_support::evaluate_program;
using testing_support::Feeds;
using testing_support::FusionCase;
using testing_support::Inputs;
using testing_support::Roots;
using testing_support::same_bits;
using testing_support::TensorSource;

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
      {"WithFunctionsRemaindersAndLogic",
       pass,
       [](Inputs& in) {
         const Value inside = (sin(in.c) > 0.0) & isfinite(in.c);
         return Roots{where(inside, mod(in.c, 0.3), floor(in.c * 5.0))};
       },
       {op},
       {"= sin(", "= logical_and(", "= isfinite(", "= mod(", "= floor("}},
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

class ElementwiseFusion : public testing::TestWithParam<FusionCase> {};

TEST_P(ElementwiseFusion, MakesTheExpectedOpsAndChangesNoResult) {
  testing_support::expect_fusion(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Patterns, ElementwiseFusion, testing::ValuesIn(elementwise_cases()),
                         [](const auto& test) { return test.param.name; });

TEST(ElementwiseFusionOf, KeepsTheSignsOfZerosInConstants) {
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

TEST(ElementwiseFusionOf, HidesNothingThatCanFail) {
  Graph graph;
  const Value x = input(graph, "x", f32, {4});
  const std::vector<Value> roots{tanh(apply(Checked{}, exp(x * 2.0)) + 1.0)};
  const Pass passes[] = {fuse_elementwise()};
  const std::string text = to_text(run_passes(extract(graph, roots), passes));
  EXPECT_THAT(text, HasSubstr("= checked("));
  EXPECT_THAT(text, HasSubstr("exp(mul(x0, 2))"));
  EXPECT_THAT(text, HasSubstr("tanh(add(x0, 1))"));
}

}  // namespace
}  // namespace weft
