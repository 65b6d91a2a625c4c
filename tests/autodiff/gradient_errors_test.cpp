#include <gtest/gtest.h>

#include <cmath>

#include "weft/autodiff/gradients.h"
#include "weft/ops/compare.h"
#include "weft/ops/control.h"
#include "weft/ops/gather.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::at_line;
using testing_support::expect_error;

struct Rounded {
  static constexpr std::string_view name = "rounded";
  static constexpr Traits traits{.elementwise = true};
  TensorType infer(const TensorType& x) const { return x; }
  template <std::floating_point T>
  void forward(std::span<const T> x, std::span<T> y) const {
    map(x, y, [](T u) { return std::round(u); });
  }
  static constexpr NoGradient gradient{"it is a staircase"};
};

class GradientErrors : public testing::Test {
 protected:
  Graph graph_;
  Value x_ = input(graph_, "x", f32, {3});
  Value w_ = input(graph_, "w", f32, {3});
  Value labels_ = input(graph_, "labels", i64, {3});
};

TEST_F(GradientErrors, ALossMustBeOneFloatingPointNumber) {
  expect_error(ErrorCode::shape_mismatch,
               {"gradients 'x'", "one floating-point number", "f32[3]", at_line(__LINE__ + 1)},
               [&] { gradient(x_, x_); });
  expect_error(ErrorCode::shape_mismatch, {"one floating-point number", "f32[1]"},
               [&] { gradient(sum(x_, {0}, true), x_); });
  expect_error(ErrorCode::shape_mismatch, {"one floating-point number", "i64[]"},
               [&] { gradient(sum(labels_), x_); });
  expect_error(ErrorCode::invalid_argument, {"number 3"}, [&] { gradient(3.0, x_); });
}

TEST_F(GradientErrors, AnEmptyValueIsNamedWithItsPlaceInTheList) {
  const Value loss = sum(x_);
  expect_error(
      ErrorCode::invalid_argument,
      {"gradients", "among the values to differentiate by, value 1 is an empty value", at_line(__LINE__ + 1)},
      [&] { gradients(loss, {x_, Value()}); });
  expect_error(ErrorCode::invalid_argument,
               {"gradient: the value to differentiate by is an empty value", at_line(__LINE__ + 1)},
               [&] { gradient(loss, Value()); });
  expect_error(ErrorCode::invalid_argument, {"gradients", "empty value", at_line(__LINE__ + 1)},
               [&] { gradient(Value(), x_); });
  const std::vector<Value> none{Value()};
  const std::vector<Value> some{x_};
  expect_error(ErrorCode::invalid_argument, {"output 0", "empty value", "gradient_errors_test.cpp:"},
               [&] { vjp(none, some, some); });
  expect_error(ErrorCode::invalid_argument, {"cotangent 0", "empty value", "gradient_errors_test.cpp:"},
               [&] { vjp(some, none, some); });
}

TEST_F(GradientErrors, ThereIsNoGradientWithRespectToIntegers) {
  const Value loss = sum(gather(x_, labels_));
  expect_error(ErrorCode::not_differentiable, {"input 'labels'", "floating-point values only", "i64[3]"},
               [&] { gradients(loss, {x_, labels_}); });
}

TEST_F(GradientErrors, AnUnconnectedValueIsAnErrorByDefault) {
  expect_error(ErrorCode::not_differentiable,
               {"input 'w'", "does not depend", "Unconnected::zeros", at_line(__LINE__ + 1)},
               [&] { gradients(sum(x_), {x_, w_}); });
  expect_error(ErrorCode::not_differentiable, {"does not depend"},
               [&] { gradient(sum(stop_gradient(x_)), x_); });
}

TEST_F(GradientErrors, NamesThePathToAnOpWithoutGradient) {
  const Value scaled = (x_ * 2.0).named("scaled");
  const Value loss = mean(exp(apply(Rounded{}, scaled)) * w_);
  expect_error(ErrorCode::not_differentiable,
               {"rounded has no gradient: it is a staircase", "on the path input 'x'", "-> mul 'scaled'",
                "-> rounded (", "-> exp (", "-> mul (", "-> mean (", at_line(__LINE__ - 4)},
               [&] { gradient(loss, x_); });
  EXPECT_NO_THROW(gradient(loss, w_));
}

TEST_F(GradientErrors, NamesThePathThroughIntegersAndBools) {
  const Value loss = sum(cast(greater(x_, 0.0), f32));
  const std::string line = " (" + at_line(__LINE__ - 1) + ")";
  expect_error(ErrorCode::not_differentiable,
               {"do not pass through bool values", "greater" + line + " -> cast" + line + " -> sum" + line,
                "on the path input 'x' ("},
               [&] { gradient(loss, x_); });
  expect_error(ErrorCode::not_differentiable, {"through i64 values", "-> argmax", "-> cast"},
               [&] { gradient(sum(cast(argmax(x_), f32)), x_); });
  expect_error(ErrorCode::not_differentiable, {"through i32 values", "-> cast", "-> cast"},
               [&] { gradient(sum(cast(cast(x_, i32), f32)), x_); });
}

TEST_F(GradientErrors, AssignHasNoGradientAndSaysWhatToDo) {
  const Value p = parameter(graph_, "p", Tensor::of<float>({1, 2, 3}));
  expect_error(ErrorCode::not_differentiable, {"assign has no gradient", "differentiate what is assigned"},
               [&] { gradient(sum(assign(p, x_)), x_); });
}

TEST_F(GradientErrors, IndicesAndConditionsDoNotBlockWhatTheySelect) {
  EXPECT_NO_THROW(gradient(sum(where(greater(x_, 0.0), x_, w_)), x_));
  EXPECT_NO_THROW(gradient(sum(gather(x_, labels_)), x_));
  EXPECT_NO_THROW(gradient(sum(x_ * cast(labels_, f32)), x_));
  EXPECT_NO_THROW(gradient(sum(gather(x_, argmax(x_))), x_));
}

TEST_F(GradientErrors, RejectsValuesOfAnotherGraph) {
  Graph other;
  Value foreign = input(other, "foreign", f32, {3});
  for (int i = 0; i < 50; ++i) foreign = foreign + 1.0;  // an id that graph_ does not have
  const Value loss = sum(x_);
  expect_error(ErrorCode::invalid_argument, {"different graphs", at_line(__LINE__ + 1)},
               [&] { gradient(loss, foreign); });
  expect_error(ErrorCode::invalid_argument, {"empty value"}, [&] { gradient(loss, Value()); });
  expect_error(ErrorCode::invalid_argument, {"different graphs"},
               [&] { vjp(std::vector{x_}, std::vector{foreign}, std::vector{x_}); });
}

/// Gradient rules that break their promises.
struct Broken {
  static constexpr std::string_view name = "broken";
  static constexpr Traits traits{.elementwise = true};
  std::int64_t how = 0;
  static constexpr auto attributes = weft::attributes(&Broken::how);
  TensorType infer(const TensorType& x) const { return x; }
  void forward(const KernelArgs&) const {}
  std::vector<Value> gradient(const GradientArgs& args) const {
    const Value dy = args.output_gradients[0];
    if (how == 0) return {dy, dy};
    if (how == 1) return {cast(dy, f64)};
    return {sum(dy)};
  }
};

struct Sized {  // with a rule that needs the size of its input as a number
  static constexpr std::string_view name = "sized";
  TensorType infer(const TensorType& x) const { return x; }
  void forward(const KernelArgs& /*args*/) const {}
  Value gradient(const Value& x, const Value& /*y*/, const Value& dy) const {
    return dy * static_cast<double>(x.shape()[0].size());
  }
};

TEST_F(GradientErrors, NameTheOpWhoseRuleIsBroken) {
  const auto differentiate = [&](std::int64_t how) { gradient(sum(apply(Broken{how}, x_)), x_); };
  expect_error(ErrorCode::internal, {"broken", "one value for each input", "expected 1, got 2"},
               [&] { differentiate(0); });
  expect_error(ErrorCode::internal, {"broken", "another dtype", "f32[3]", "f64[3]"},
               [&] { differentiate(1); });
  expect_error(ErrorCode::internal, {"the gradient of broken", "does not have the shape", "[3]"},
               [&] { differentiate(2); });
}

TEST_F(GradientErrors, NameTheOpWhoseRuleNeedsASizeThatIsNotKnown) {
  const Value row = input(graph_, "row", f32, {"columns"});
  const std::string line = at_line(__LINE__ + 1);
  const Value loss = sum(apply(Sized{}, row));
  expect_error(ErrorCode::shape_mismatch, {line + ": the gradient of sized", "'columns' is not known"},
               [&] { gradient(loss, row); });
}

TEST_F(GradientErrors, LeaveTheGraphUsable) {
  const Value loss = sum(x_ * w_);
  expect_error(ErrorCode::not_differentiable, {}, [&] { gradient(sum(cast(greater(x_, 0.0), f32)), x_); });
  const Value found = gradient(loss, x_);
  EXPECT_EQ((x_ + 1.0).name(), "");  // no scope of the failed sweep is open
  EXPECT_EQ(testing_support::numbers(testing_support::evaluate_value(
                found, {{"w", Tensor::of<float>({4, 5, 6})}, {"x", Tensor::of<float>({1, 2, 3})}})),
            (std::vector<double>{4, 5, 6}));
}

TEST_F(GradientErrors, LeaveTheGraphAsItWas) {
  const Value loss = sum(x_ * x_);
  const std::size_t size = graph_.size();
  EXPECT_THROW(gradients(loss, {x_, w_}), Error);
  EXPECT_EQ(graph_.size(), size);
}

}  // namespace
}  // namespace weft
