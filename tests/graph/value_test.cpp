#include "weft/graph/value.h"

#include <gtest/gtest.h>

#include <string>
#include <type_traits>

#include "weft/graph/graph.h"
#include "weft/ops/compare.h"
#include "weft/ops/matmul.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::at_line;
using testing_support::expect_error;

class ValueTest : public testing::Test {
 protected:
  Graph graph_;
  Value a_ = input(graph_, "a", f32, {2, 3});
  Value b_ = input(graph_, "b", f32, {3, 4});
};

TEST_F(ValueTest, KnowsItsTypeAndName) {
  EXPECT_EQ(a_.type(), (TensorType{f32, {2, 3}}));
  EXPECT_EQ(a_.shape(), (Shape{2, 3}));
  EXPECT_EQ(a_.dtype(), f32);
  EXPECT_EQ(a_.name(), "a");
  EXPECT_EQ(&a_.graph(), &graph_);
  EXPECT_EQ(matmul(a_, b_).named("product").name(), "product");
}

TEST_F(ValueTest, EqualsTheSameHandleOnly) {
  EXPECT_EQ(a_, graph_.value({a_.node(), 0}));
  EXPECT_NE(a_, b_);
  EXPECT_NE(a_ + 1.0, a_ + 1.0);
  EXPECT_FALSE(Value().has_value());
  static_assert(!std::is_constructible_v<bool, Value>, "a comparison would always be true");
  EXPECT_TRUE(a_.has_value());
}

TEST_F(ValueTest, IsOrderedByItsNumbersAndNotByItsHandle) {
  static_assert(std::is_same_v<decltype(a_ < b_), Value>);
  static_assert(std::is_same_v<decltype(a_ <= b_), Value>);
  static_assert(std::is_same_v<decltype(a_ > b_), Value>);
  static_assert(std::is_same_v<decltype(a_ >= b_), Value>);
  static_assert(std::is_same_v<decltype(a_ < 1.0), Value>);
  EXPECT_EQ((a_ < a_).type(), (TensorType{boolean, {2, 3}}));
}

TEST_F(ValueTest, IsNoZeroWhereItIsAnEmptyOperand) {
  const Value none;
  const auto refuses = [](std::string_view op, const auto& use) {
    expect_error(ErrorCode::invalid_argument, {op, "empty value", "value_test.cpp:"}, use);
  };
  refuses("mul", [&] { return a_ * none; });
  refuses("div", [&] { return a_ / none; });
  refuses("sub", [&] { return none - a_; });
  refuses("add", [&] { return none + 1.0; });
  refuses("add", [&] { return 1.0 + none; });
  refuses("less", [&] { return a_ < none; });
  refuses("maximum", [&] { return maximum(a_, none); });
  refuses("exp", [&] { return exp(none); });
  refuses("where", [&] { return where(a_ > 0.0, a_, none); });
  refuses("where", [&] { return where(none, a_, a_); });
  refuses("matmul", [&] { return matmul(a_, none); });
  const auto line = std::to_string(__LINE__ + 1);
  const auto product = [&] { return a_ * none; };
  expect_error(ErrorCode::invalid_argument, {"value_test.cpp:" + line}, product);
  EXPECT_EQ(graph_.size(), 2U + 2U);  // a, b, and the comparisons whose branches were refused
}

TEST_F(ValueTest, RejectsToBeUsedWhenItIsEmpty) {
  expect_error(ErrorCode::invalid_argument, {"empty value"}, [] { return Value().type(); });
  expect_error(ErrorCode::invalid_argument, {"empty value"}, [] { Value().named("x"); });
  expect_error(ErrorCode::invalid_argument, {}, [&] { matmul(a_, Value()); });
  expect_error(ErrorCode::internal, {"no output 7"}, [&] { return Value(&graph_, a_.node(), 7).type(); });
}

TEST_F(ValueTest, ErrorsCarryOpShapesAndTheUsersLine) {
  try {
    matmul(a_, a_);
    FAIL() << "an error was expected";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::shape_mismatch);
    EXPECT_EQ(error.trail().op, "matmul");
    EXPECT_EQ(error.trail().actual, "f32[2, 3] and f32[2, 3]");
    EXPECT_EQ(error.trail().where, at_line(__LINE__ - 6));
  }
}

TEST_F(ValueTest, OperatorsCarryTheUsersLine) {
  const auto line_of = [](const auto& build) -> std::string {
    try {
      build();
    } catch (const Error& error) {
      return error.trail().where;
    }
    return "no error";
  };
  EXPECT_EQ(line_of([&] { return a_ + b_; }), at_line(__LINE__));
  EXPECT_EQ(line_of([&] { return a_ - b_; }), at_line(__LINE__));
  EXPECT_EQ(line_of([&] { return a_ * b_; }), at_line(__LINE__));
  EXPECT_EQ(line_of([&] { return a_ / b_; }), at_line(__LINE__));
  EXPECT_EQ(line_of([&] { return a_ < b_; }), at_line(__LINE__));
  EXPECT_EQ(line_of([&] { return a_ >= b_; }), at_line(__LINE__));
  EXPECT_EQ(line_of([&] { return -(a_ > 0.0); }), at_line(__LINE__));
  EXPECT_EQ(line_of([&] { return mean(a_, {5}); }), at_line(__LINE__));
}

// `a == b` asks whether two handles are one value; taken for numbers, its answer must not compile.
static_assert(std::is_convertible_v<int, Operand> && !std::is_convertible_v<bool, Operand>);

TEST_F(ValueTest, AnExpressionOverSeveralLinesIsAtTheLineOfItsFirstOperand) {
  const int line = __LINE__ + 2;
  const auto build = [&] {
    return (a_ + 1.0)  // the first line
           * b_;
  };
  expect_error(ErrorCode::shape_mismatch, {"mul", at_line(line + 1)}, build);
}

TEST_F(ValueTest, NodesRememberTheUsersLine) {
  const auto line = [&](const Value& value) { return to_string(graph_.node(value.node()).where); };
  EXPECT_EQ(line(a_ + a_), at_line(__LINE__));
  EXPECT_EQ(line(a_ + 1.0), at_line(__LINE__));
  EXPECT_EQ(line(2.0 * a_), at_line(__LINE__));
  EXPECT_EQ(line(mean(a_)), at_line(__LINE__));
  EXPECT_EQ(line(constant(graph_, 1.0)), at_line(__LINE__));
  EXPECT_EQ(line(input(graph_, "c", f32, {})), at_line(__LINE__));
  EXPECT_EQ(line(parameter(graph_, "w", Tensor::scalar(1.0F))), at_line(__LINE__));
}

TEST_F(ValueTest, EveryNodeBelowAFunctionHasTheUsersLine) {
  const std::size_t before = graph_.size();
  const int line = __LINE__ + 1;
  mean(a_ * 2.0);
  for (auto id = static_cast<NodeId>(before); id < graph_.size(); ++id) {
    EXPECT_EQ(to_string(graph_.node(id).where), at_line(line)) << graph_.node(id).op.name();
  }
}

TEST_F(ValueTest, RejectsToMixGraphs) {
  Graph other;
  const Value c = input(other, "c", f32, {2, 3});
  const std::size_t size = graph_.size();
  const auto mix = [&] { a_ + c; };
  const std::string line = at_line(__LINE__ - 1);
  expect_error(ErrorCode::invalid_argument, {"add", "different graphs", line}, mix);
  expect_error(ErrorCode::invalid_argument, {"different graphs"}, [&] { matmul(c, b_); });
  EXPECT_EQ(graph_.size(), size);
  EXPECT_EQ(other.size(), 1U);
}

TEST_F(ValueTest, LeavesTheGraphUnchangedAfterAnError) {
  const std::size_t size = graph_.size();
  expect_error(ErrorCode::shape_mismatch, {}, [&] { a_ + b_; });
  expect_error(ErrorCode::dtype_mismatch, {}, [&] { a_ + cast(a_, f64); });
  EXPECT_EQ(graph_.size(), size + 1);  // the cast
  EXPECT_EQ((a_ + 1.0).shape(), a_.shape());
}

TEST_F(ValueTest, NumbersTakeTheDTypeOfTheTensorBesideThem) {
  EXPECT_EQ((a_ + 1).dtype(), f32);
  EXPECT_EQ((1.5 * cast(a_, f64)).dtype(), f64);
  EXPECT_EQ((cast(a_, i32) + 1).dtype(), i32);
  expect_error(ErrorCode::dtype_mismatch, {"i32 cannot hold the number 1.5", at_line(__LINE__ + 1)},
               [&] { cast(a_, i32) + 1.5; });
}

TEST_F(ValueTest, RejectsNumbersWithoutATensor) {
  expect_error(ErrorCode::invalid_argument, {"add", "at least one tensor", at_line(__LINE__ + 1)},
               [] { add(1, 2); });
  const auto multiply = [&] { matmul(a_, 2); };
  const std::string line = at_line(__LINE__ - 1);
  expect_error(ErrorCode::invalid_argument, {"number 2 stands where a tensor is needed", line}, multiply);
}

}  // namespace
}  // namespace weft
