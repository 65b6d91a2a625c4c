#include "weft/ops/layout.h"
#include "weft/ops/matmul.h"
#include "weft/tests/runtime/fusion_case.h"

namespace weft {
namespace {

using testing_support::FusionCase;
using testing_support::Inputs;
using testing_support::Roots;

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

class AccumulateFusion : public testing::TestWithParam<FusionCase> {};

TEST_P(AccumulateFusion, MakesTheExpectedOpsAndChangesNoResult) {
  testing_support::expect_fusion(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Patterns, AccumulateFusion, testing::ValuesIn(accumulate_cases()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace weft
