#include "weft/autodiff/forward_mode.h"

#include <gtest/gtest.h>

#include "weft/autodiff/gradients.h"
#include "weft/ops/activation.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/matmul.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::evaluate_value;
using testing_support::evaluate_values;
using testing_support::expect_error;
using testing_support::Feeds;
using testing_support::numbers;
using Numbers = std::vector<double>;

class Jvp : public testing::Test {
 protected:
  Graph graph_;
  Value x_ = input(graph_, "x", f64, {2});
  Value z_ = input(graph_, "z", f64, {2});
  Value t_ = constant(graph_, Tensor::of<double>({5, 7}));
  Feeds feeds_{{"x", Tensor::of<double>({1, 2})}, {"z", Tensor::of<double>({3, 4})}};
};

TEST_F(Jvp, MultipliesTheJacobianWithTheTangent) {
  const Value y = x_ * x_ * x_;
  const auto found = jvp(std::vector{y}, std::vector{x_}, std::vector{t_});
  EXPECT_EQ(numbers(evaluate_values(found, feeds_)[0]), (Numbers{15, 84}));
}

TEST_F(Jvp, AddsUpOverInputsAndServesEveryOutput) {
  const std::vector<Value> outputs{x_ * z_, sum(x_), z_ * 2.0};
  const auto found = jvp(outputs, std::vector{x_, z_}, std::vector{t_, t_});
  const auto results = evaluate_values(found, feeds_);
  EXPECT_EQ(numbers(results[0]), (Numbers{5 * 3 + 5, 7 * 4 + 2 * 7}));
  EXPECT_EQ(numbers(results[1]), (Numbers{12}));
  EXPECT_EQ(numbers(results[2]), (Numbers{10, 14}));
}

TEST_F(Jvp, IsEmptyForAnOutputThatDependsOnNothingAsked) {
  const auto found = jvp(std::vector{z_ * 2.0, x_}, std::vector{x_}, std::vector{t_});
  EXPECT_FALSE(found[0].has_value());
  EXPECT_EQ(numbers(evaluate_value(found[1], feeds_)), (Numbers{5, 7}));
  EXPECT_FALSE(jvp(std::vector{stop_gradient(x_)}, std::vector{x_}, std::vector{t_})[0].has_value());
}

TEST_F(Jvp, WorksAtAValueWithinTheGraphAndWithSymbols) {
  const Value rows = input(graph_, "rows", f64, {"batch", 2});
  const Value hidden = rows * 2.0;
  const Value tangent = input(graph_, "tangent", f64, {"batch", 2});
  const auto found = jvp(std::vector{square(hidden)}, std::vector{hidden}, std::vector{tangent});
  const Feeds feeds{{"rows", Tensor::of<double>({1, 2, 3, 4}, {2, 2})},
                    {"tangent", Tensor::of<double>({1, 0, 0, 1}, {2, 2})}};
  EXPECT_EQ(numbers(evaluate_values(found, feeds, {{"batch", 2}})[0]), (Numbers{4, 0, 0, 16}));
}

TEST_F(Jvp, CanBeDifferentiatedAgain) {
  const Value y = x_ * x_ * x_;
  const Value pushed = jvp(std::vector{y}, std::vector{x_}, std::vector{t_})[0];
  const Value second = gradient(sum(pushed), x_);  // 6 x t
  EXPECT_EQ(numbers(evaluate_value(second, feeds_)), (Numbers{30, 84}));
}

TEST_F(Jvp, LeavesNothingOfTheReverseSweepBehind) {
  const Value a = input(graph_, "a", f64, {3, 2});
  const Value y = relu(matmul(a, input(graph_, "b", f64, {2, 4})));
  const Value tangent = constant(graph_, Tensor::zeros(f64, {3, 2}));
  const Value pushed = jvp(std::vector{y}, std::vector{a}, std::vector{tangent})[0];
  const Program program = extract(graph_, {&pushed, 1});
  std::size_t products = 0;
  for (NodeId id = 0; id < program.graph->size(); ++id) products += program.graph->node(id).op.is<MatMul>();
  EXPECT_EQ(products, 2U);  // of the values, and of the tangents
}

TEST_F(Jvp, RejectsTangentsOfOtherTypes) {
  const Value f = constant(graph_, Tensor::of<float>({1, 2}));
  const Value longer = constant(graph_, Tensor::of<double>({1, 2, 3}));
  const auto line = std::to_string(__LINE__ + 2);
  expect_error(ErrorCode::shape_mismatch, {"jvp", "f64[2]", "f64[3]", "forward_mode_test.cpp:" + line},
               [&] { jvp(std::vector{x_}, std::vector{x_}, std::vector{longer}); });
  expect_error(ErrorCode::shape_mismatch, {"f32[2]"},
               [&] { jvp(std::vector{x_}, std::vector{x_}, std::vector{f}); });
  expect_error(ErrorCode::invalid_argument, {"1 tangents", "0"},
               [&] { jvp(std::vector{x_}, std::vector{x_}, {}); });
}

}  // namespace
}  // namespace weft
