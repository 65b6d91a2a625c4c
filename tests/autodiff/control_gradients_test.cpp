// Gradients that the user scales or replaces.

#include <gtest/gtest.h>

#include "weft/autodiff/gradients.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::evaluate_value;
using testing_support::expect_error;
using testing_support::Feeds;
using testing_support::numbers;
using Numbers = std::vector<double>;

class ControlGradients : public testing::Test {
 protected:
  Numbers slope(const Value& loss, const Value& wrt) {
    return numbers(evaluate_value(gradient(loss, wrt), feeds_));
  }

  Graph graph_;
  Value x_ = input(graph_, "x", f64, {2});
  Feeds feeds_{{"x", Tensor::of<double>({0.4, 1.6})}};
};

TEST_F(ControlGradients, ScaleMultipliesTheGradientAlone) {
  const Value y = scale_gradient(square(x_), -0.5);
  EXPECT_EQ(numbers(evaluate_value(y, feeds_)), numbers(evaluate_value(square(x_), feeds_)));
  EXPECT_EQ(slope(sum(y), x_), (Numbers{-0.4, -1.6}));
  expect_error(ErrorCode::dtype_mismatch, {"scale_gradient", "control_gradients_test.cpp"},
               [&] { scale_gradient(cast(x_, i32), 2.0); });
}

TEST_F(ControlGradients, CustomReplacesWhatLiesBetween) {
  // Straight through a rounding, which has no gradient of its own.
  const Value rounded = cast(cast(x_ + 0.5, i64), f64);
  const Value y = custom_gradient(rounded, std::vector{x_}, [](const GradientArgs& args) {
    return std::vector(args.output_gradients.begin(), args.output_gradients.end());
  });
  EXPECT_EQ(numbers(evaluate_value(y, feeds_)), (Numbers{0, 2}));
  EXPECT_EQ(slope(sum(y * 3.0), x_), (Numbers{3, 3}));
}

TEST_F(ControlGradients, CustomSeesInputsAndOutput) {
  const Value z = input(graph_, "z", f64, {2});
  feeds_.emplace("z", Tensor::of<double>({10, 20}));
  const auto rule = [](const GradientArgs& args) {
    const Value dy = args.output_gradients[0];
    return std::vector{dy * args.outputs[0], dy * args.inputs[1]};
  };
  const Value y = custom_gradient(x_ + z, std::vector{x_, z}, rule);
  EXPECT_EQ(slope(sum(y), x_), (Numbers{10.4, 21.6}));
  EXPECT_EQ(slope(sum(y), z), (Numbers{10, 20}));
}

TEST_F(ControlGradients, CustomMayLeaveAnInputOut) {
  const Value y =
      custom_gradient(square(x_), std::vector{x_}, [](const GradientArgs&) { return std::vector{Value()}; });
  expect_error(ErrorCode::not_differentiable, {"does not depend"}, [&] { gradient(sum(y), x_); });
}

TEST_F(ControlGradients, CustomMustAnswerForEveryInput) {
  const Value y =
      custom_gradient(square(x_), std::vector{x_}, [](const GradientArgs&) { return std::vector<Value>(); });
  expect_error(ErrorCode::invalid_argument, {"one value for each input", "control_gradients_test.cpp"},
               [&] { gradient(sum(y), x_); });
}

TEST_F(ControlGradients, CustomRulesAreEqualOnlyToThemselves) {
  const auto rule = [](const GradientArgs& args) {
    return std::vector(args.output_gradients.begin(), args.output_gradients.end());
  };
  const Value a = custom_gradient(x_, std::vector{x_}, rule);
  const Value b = custom_gradient(x_, std::vector{x_}, rule);
  const Op& op = graph_.node(a.node()).op;
  EXPECT_EQ(op, Op(op));
  EXPECT_FALSE(op == graph_.node(b.node()).op);
}

TEST_F(ControlGradients, ABarrierLetsGradientsThroughButNotToWhatItWaitsFor) {
  const Value y = optimization_barrier(square(x_), exp(x_));
  EXPECT_EQ(slope(sum(y), x_), (Numbers{0.8, 3.2}));
}

}  // namespace
}  // namespace weft
