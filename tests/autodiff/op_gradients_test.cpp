// The gradient of every op against central differences, and the gradient of the gradient.

#include <gtest/gtest.h>

#include <algorithm>

#include "weft/ops/builtin.h"
#include "weft/tests/support/gradient_check.h"
#include "weft/tests/support/op_cases.h"

namespace weft {
namespace {

using testing_support::case_name;
using testing_support::forward_matches_reverse;
using testing_support::gradients_match;
using testing_support::op_cases;
using testing_support::OpCase;
using testing_support::second_gradients_match;
using testing_support::TensorSource;

class OpGradient : public testing::TestWithParam<OpCase> {};

TEST_P(OpGradient, MatchesDifferences) {
  TensorSource source(case_name(GetParam()));
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(gradients_match(GetParam().function, GetParam().inputs(source), 1e-6)) << "round " << i;
  }
}

TEST_P(OpGradient, HasAGradientThatMatchesDifferences) {
  TensorSource source(case_name(GetParam()) + "/second");
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(second_gradients_match(GetParam().function, GetParam().inputs(source), 1e-5))
        << "round " << i;
  }
}

TEST_P(OpGradient, IsTheSameInForwardMode) {
  TensorSource source(case_name(GetParam()) + "/forward");
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(forward_matches_reverse(GetParam().function, GetParam().inputs(source))) << "round " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, OpGradient, testing::ValuesIn(op_cases()),
                         [](const auto& op_case) { return case_name(op_case.param); });

/// x^3 with a rule that is off by a thousandth.
struct Wrong {
  static constexpr std::string_view name = "wrong";
  static constexpr Traits traits{.elementwise = true};
  TensorType infer(const TensorType& x) const { return x; }
  void forward(const KernelArgs& args) const {
    const auto x = args.inputs[0].as<const double>();
    const auto y = args.outputs[0].as<double>();
    for (std::size_t i = 0; i < y.size(); ++i) y[i] = x[i] * x[i] * x[i];
  }
  Value gradient(Value x, Value, Value dy) const { return dy * square(x) * 3.001; }
};

TEST(GradientCheck, FindsAWrongGradient) {
  const auto result = gradients_match([](std::span<const Value> in) { return apply(Wrong{}, in[0]); },
                                      std::vector{Tensor::of<double>({1.0, 2.0})});
  EXPECT_FALSE(result);
  EXPECT_NE(std::string(result.message()).find("of input 0"), std::string::npos) << result.message();
  EXPECT_NE(std::string(result.message()).find("WEFT_TEST_SEED="), std::string::npos) << result.message();
}

}  // namespace
}  // namespace weft
