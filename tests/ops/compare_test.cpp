#include "weft/ops/compare.h"

#include <gtest/gtest.h>

#include <cmath>

#include "weft/ops/source.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::evaluate_value;
using testing_support::expect_error;
using testing_support::numbers;
using Numbers = std::vector<double>;

struct ComparisonRow {
  std::string name;
  Value (*f)(const Operand&, const Operand&);
  Numbers less_equal_greater;  // the answers for a < b, a == b, a > b
  double with_nan;
};

const std::vector<ComparisonRow>& comparison_rows() {
  static const std::vector<ComparisonRow> table = {
      {"equal", equal, {0, 1, 0}, 0},     {"not_equal", not_equal, {1, 0, 1}, 1},
      {"less", less, {1, 0, 0}, 0},       {"less_equal", less_equal, {1, 1, 0}, 0},
      {"greater", greater, {0, 0, 1}, 0}, {"greater_equal", greater_equal, {0, 1, 1}, 0},
  };
  return table;
}

TEST(Comparison, AnswersInBoolForEveryDType) {
  for (const ComparisonRow& row : comparison_rows()) {
    for (const DType dtype : {f32, f64, i32, i64, u8}) {
      SCOPED_TRACE(row.name + " of " + std::string(name_of(dtype)));
      Graph graph;
      const Value a = cast(constant(graph, Tensor::of<double>({1, 2, 3})), dtype);
      const Value y = row.f(a, constant(graph, 2.0, dtype));
      EXPECT_EQ(y.type(), (TensorType{boolean, {3}}));
      EXPECT_EQ(numbers(evaluate_value(y)), row.less_equal_greater);
    }
  }
}

TEST(Comparison, ComparesBools) {
  Graph graph;
  const Value a = constant(graph, Tensor::of<bool>({false, true}));
  EXPECT_EQ(numbers(evaluate_value(equal(a, constant(graph, Tensor::of<bool>({true}))))), (Numbers{0, 1}));
  EXPECT_EQ(numbers(evaluate_value(less(a, constant(graph, Tensor::of<bool>({true}))))), (Numbers{1, 0}));
}

TEST(Comparison, IsFalseForNaNButForNotEqual) {
  Graph graph;
  const Value nan = constant(graph, std::nan(""), f64);
  for (const ComparisonRow& row : comparison_rows()) {
    EXPECT_EQ(numbers(evaluate_value(row.f(nan, nan))), Numbers{row.with_nan}) << row.name;
    EXPECT_EQ(numbers(evaluate_value(row.f(nan, 1.0))), Numbers{row.with_nan}) << row.name;
  }
}

TEST(Comparison, BroadcastsAndTakesNumbersOnEitherSide) {
  Graph graph;
  const Value column = constant(graph, Tensor::of<float>({1, 2}, {2, 1}));
  const Value row = constant(graph, Tensor::of<float>({1, 2, 3}));
  EXPECT_EQ(numbers(evaluate_value(column < row)), (Numbers{0, 1, 1, 0, 0, 1}));
  EXPECT_EQ(numbers(evaluate_value(column <= row)), (Numbers{1, 1, 1, 0, 1, 1}));
  EXPECT_EQ(numbers(evaluate_value(row > 1.5)), (Numbers{0, 1, 1}));
  EXPECT_EQ(numbers(evaluate_value(2 >= row)), (Numbers{1, 1, 0}));
}

TEST(Comparison, RejectsMixedDTypesAndShapesThatDoNotBroadcast) {
  for (const ComparisonRow& row : comparison_rows()) {
    Graph graph;
    const Value a = input(graph, "a", f32, {2});
    expect_error(ErrorCode::dtype_mismatch,
                 {row.name, "different dtypes", "f32[2] and i64[2]", "compare_test.cpp"},
                 [&] { row.f(a, input(graph, "b", i64, {2})); });
    expect_error(ErrorCode::shape_mismatch, {row.name, "[2] and [3] do not broadcast"},
                 [&] { row.f(a, input(graph, "c", f32, {3})); });
  }
}

}  // namespace
}  // namespace weft
