#include "weft/ops/activation.h"
#include "weft/ops/gather.h"
#include "weft/ops/layout.h"
#include "weft/ops/matmul.h"
#include "weft/ops/reduce.h"
#include "weft/tests/runtime/fuse/fusion_case.h"

namespace weft {
namespace {

using testing_support::FusionCase;
using testing_support::Inputs;
using testing_support::Roots;
using testing_support::TensorSource;

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

class GatherFusion : public testing::TestWithParam<FusionCase> {};

TEST_P(GatherFusion, MakesTheExpectedOpsAndChangesNoResult) { testing_support::expect_fusion(GetParam()); }

INSTANTIATE_TEST_SUITE_P(Patterns, GatherFusion, testing::ValuesIn(gather_cases()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace weft
