#include "weft/autodiff/gradients.h"
#include "weft/ops/gather.h"
#include "weft/ops/layout.h"
#include "weft/ops/loss.h"
#include "weft/ops/reduce.h"
#include "weft/tests/runtime/fuse/fusion_case.h"

namespace weft {
namespace {

using testing_support::FusionCase;
using testing_support::Inputs;
using testing_support::Roots;

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
       {"= softmax_cross_entropy(", "= label_difference("}},
      {"WeightedSamples",
       pass,
       [=](Inputs& in) {
         const Value loss = sum(softmax_cross_entropy(in.c, labels(in)) * reshape(in.column, {6}));
         return Roots{loss, gradient(loss, in.c)};
       },
       {fused},
       {"= softmax_cross_entropy(", "= label_difference("}},
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

class CrossEntropyFusion : public testing::TestWithParam<FusionCase> {};

TEST_P(CrossEntropyFusion, MakesTheExpectedOpsAndChangesNoResult) {
  testing_support::expect_fusion(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Patterns, CrossEntropyFusion, testing::ValuesIn(cross_entropy_cases()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace weft
