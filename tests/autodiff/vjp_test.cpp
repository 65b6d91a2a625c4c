#include <gtest/gtest.h>

#include "weft/autodiff/gradients.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/matmul.h"
#include "weft/ops/source.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::evaluate_values;
using testing_support::expect_error;
using testing_support::Feeds;
using testing_support::numbers;
using Numbers = std::vector<double>;

class Vjp : public testing::Test {
 protected:
  Graph graph_;
  Value x_ = input(graph_, "x", f64, {2});
  Value a_ = constant(graph_, Tensor::of<double>({1, 2, 3, 4}, {2, 2}));
  Value v_ = input(graph_, "v", f64, {2});
  Feeds feeds_{{"x", Tensor::of<double>({1, 2})}, {"v", Tensor::of<double>({10, 100})}};
};

TEST_F(Vjp, MultipliesTheCotangentWithTheJacobian) {
  const Value y = x_ * x_ * x_;
  const auto found = vjp(std::vector{y}, std::vector{v_}, std::vector{x_});
  EXPECT_EQ(numbers(evaluate_values(found, feeds_)[0]), (Numbers{30, 1200}));
}

TEST_F(Vjp, AddsUpOverOutputs) {
  const Value y = x_ * 2.0;
  const Value z = x_ * 3.0;
  const auto found = vjp(std::vector{y, z, x_}, std::vector{v_, v_, v_}, std::vector{x_, y});
  const auto results = evaluate_values(found, feeds_);
  EXPECT_EQ(numbers(results[0]), (Numbers{60, 600}));
  EXPECT_EQ(numbers(results[1]), (Numbers{10, 100}));
}

TEST_F(Vjp, CountsAnOutputThatIsGivenTwiceTwice) {
  const auto found = vjp(std::vector{x_, x_}, std::vector{v_, v_}, std::vector{x_});
  EXPECT_EQ(numbers(evaluate_values(found, feeds_)[0]), (Numbers{20, 200}));
}

TEST_F(Vjp, IsEmptyForAValueThatNoOutputDependsOn) {
  const Value y = x_ * 2.0;
  const auto found = vjp(std::vector{y}, std::vector{v_}, std::vector{v_, x_});
  EXPECT_FALSE(found[0].has_value());
  EXPECT_TRUE(found[1].has_value());
}

TEST_F(Vjp, IsLinearInTheCotangentAndSoGivesTheJvp) {
  // The derivative of v -> v^T J with respect to v, applied to t, is J t.
  const Value y = square(x_);
  const Value pulled = vjp(std::vector{y}, std::vector{v_}, std::vector{x_})[0];
  const Value direction = constant(graph_, Tensor::of<double>({5, 7}));
  const auto pushed = vjp(std::vector{pulled}, std::vector{direction}, std::vector{v_});
  EXPECT_EQ(numbers(evaluate_values(pushed, feeds_)[0]), (Numbers{10, 28}));
}

TEST_F(Vjp, RejectsCotangentsThatDoNotFit) {
  expect_error(ErrorCode::invalid_argument, {"one cotangent for each output", "expected 2 cotangents, got 1"},
               [&] { vjp(std::vector{x_, x_}, std::vector{v_}, std::vector{x_}); });
  expect_error(ErrorCode::invalid_argument, {"one cotangent"}, [&] { vjp({}, {}, std::vector{x_}); });
  expect_error(ErrorCode::shape_mismatch, {"type of its output", "f64[2, 2]", "f64[2]", "vjp_test.cpp"},
               [&] { vjp(std::vector{a_}, std::vector{v_}, std::vector{x_}); });
  const Value single = cast(v_, f32);
  expect_error(ErrorCode::shape_mismatch, {"type of its output", "f32[2]"},
               [&] { vjp(std::vector{x_}, std::vector{single}, std::vector{x_}); });
}

}  // namespace
}  // namespace weft
