#include "weft/ops/layout.h"
#include "weft/ops/matmul.h"
#include "weft/ops/reduce.h"
#include "weft/tests/runtime/fuse/fusion_case.h"

namespace weft {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing_support::close_to;
using testing_support::evaluate_program;
using testing_support::FusionCase;
using testing_support::Inputs;
using testing_support::Roots;

std::vector<FusionCase> accumulate_cases() {
  const std::string op = "{formula=c ";
  const Pass pass = fuse_accumulate();
  return {
      {"AddProduct",
       pass,
       [](Inputs& in) { return Roots{in.c + matmul(in.a, in.b)}; },
       {op, "=c + a b}"},
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
       {op, "=c - a b}"},
       {"sub("}},
      {"SubtractScaled",
       pass,
       [](Inputs& in) { return Roots{in.c - 0.25 * matmul(in.a, in.b)}; },
       {op, "=c - 0.25 a b}"},
       {"sub(", "mul("}},
      {"AddScaledFromTheRight",
       pass,
       [](Inputs& in) { return Roots{in.c + matmul(in.a, in.b) * 0.5}; },
       {op, "=c + 0.5 a b}"},
       {"mul("}},
      {"ScaledByAScalarThatVaries",
       pass,
       [](Inputs& in) { return Roots{in.c - in.s * matmul(in.a, in.b)}; },
       {op, "=c - a b}", "mul("},
       {"sub("}},
      {"ScaledByAScalarThatVariesRight",
       pass,
       [](Inputs& in) { return Roots{in.c + matmul(in.a, in.b) * in.s}; },
       {op, "=c + a b}", "mul("},
       {"add("}},
      {"Transposed",
       pass,
       [](Inputs& in) { return Roots{in.b - 0.1 * matmul(in.a, in.c, true)}; },
       {op, "a^T b"},
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

class AccumulateFusion : public testing::TestWithParam<FusionCase> {};

TEST_P(AccumulateFusion, MakesTheExpectedOpsAndChangesNoResult) {
  testing_support::expect_fusion(GetParam());
}

std::string fused(const std::function<Value(Inputs&)>& build, DType dtype = f32) {
  Inputs in(dtype);
  const Program before = extract(in.graph, Roots{build(in)});
  const Program after = fuse_accumulate().run(before);
  const auto expected = evaluate_program(before, in.feeds);
  EXPECT_TRUE(close_to(evaluate_program(after, in.feeds)[0], expected[0], 1e-6));
  return to_text(after);
}

TEST(AccumulateSums, AddsSumsOverTheFirstAxesAsTheyAreMade) {
  const auto expect_fused = [](const char* attributes, const std::function<Value(Inputs&)>& build) {
    const std::string text = fused(build);
    EXPECT_THAT(text, AllOf(HasSubstr("sum_accumulate"), HasSubstr(attributes), Not(HasSubstr("= sum("))));
    EXPECT_THAT(text, AllOf(Not(HasSubstr("= mul(")), Not(HasSubstr("= add(")), Not(HasSubstr("= sub("))));
  };
  expect_fused("axes=[0], alpha=1}", [](Inputs& in) { return in.bias + sum(in.c, {0}); });
  expect_fused("axes=[0], alpha=-1}", [](Inputs& in) { return in.bias - sum(in.c, {0}); });
  expect_fused("axes=[0], alpha=-0.25}", [](Inputs& in) { return in.bias - 0.25 * sum(in.c, {0}); });
  expect_fused("axes=[-2], alpha=0.5}", [](Inputs& in) { return sum(in.c, {-2}) * 0.5 + in.bias; });
  expect_fused("axes=[0], alpha=1}",
               [](Inputs& in) { return in.c + sum(broadcast_to(in.c, {3, 6, 4}), {0}); });
  expect_fused("axes=[1, 0], alpha=1}",
               [](Inputs& in) { return in.bias + sum(broadcast_to(in.c, {3, 6, 4}), {1, 0}); });
}

TEST(AccumulateSums, LeavesOtherSumsAlone) {
  const auto expect_left = [](const std::function<Value(Inputs&)>& build, DType dtype = f32) {
    EXPECT_THAT(fused(build, dtype), Not(HasSubstr("sum_accumulate")));
  };
  expect_left([](Inputs& in) { return in.bias - 0.25 * sum(in.c, {0}); }, f64);
  expect_left([](Inputs& in) { return in.bias - in.s * sum(in.c, {0}); });
  expect_left([](Inputs& in) { return in.bias * 0.9 - sum(in.c, {0}); });
  expect_left([](Inputs& in) { return in.s + sum(in.c); });
  expect_left([](Inputs& in) { return reshape(in.column, {6}) + sum(in.c, {1}); });
  expect_left([](Inputs& in) { return in.column + sum(in.c, {1}, true); });
  expect_left([](Inputs& in) { return in.one + sum(in.column, {0}, true); });
  expect_left([](Inputs& in) { return in.c + sum(in.c, {0}); });
  expect_left([](Inputs& in) {
    const Value total = sum(in.c, {0});
    return (in.bias - 0.5 * total) * total;
  });
}

INSTANTIATE_TEST_SUITE_P(Patterns, AccumulateFusion, testing::ValuesIn(accumulate_cases()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace weft
