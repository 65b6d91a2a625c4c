#include "weft/ops/gather.h"

#include <gtest/gtest.h>

#include <limits>

#include "weft/ops/elementwise.h"
#include "weft/ops/source.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::evaluate_value;
using testing_support::expect_error;
using testing_support::numbers;
using Numbers = std::vector<double>;

class GatherTest : public testing::Test {
 protected:
  Numbers at(const Value& value) { return numbers(evaluate_value(value)); }
  Value indices(std::initializer_list<double> values, DType dtype) {
    return cast(constant(graph_, Tensor::of<double>(values)), dtype);
  }

  Graph graph_;
  Value table_ = constant(graph_, Tensor::of<double>({1, 2, 3, 4, 5, 6}, {3, 2}));
};

TEST_F(GatherTest, TakesRowsByIndicesOfEveryIntegerDType) {
  for (const DType dtype : {i32, i64, u8}) {
    EXPECT_EQ(at(gather(table_, indices({2, 0, 2}, dtype))), (Numbers{5, 6, 1, 2, 5, 6}));
  }
}

TEST_F(GatherTest, KeepsTheShapeOfTheIndicesBeforeThatOfARow) {
  const auto shape = [&](const Shape& table, const Shape& at_indices) {
    return gather(input(graph_, "t" + std::to_string(graph_.size()), f32, table),
                  input(graph_, "i" + std::to_string(graph_.size()), i64, at_indices))
        .shape();
  };
  EXPECT_EQ(shape({5, 2}, {}), (Shape{2}));
  EXPECT_EQ(shape({5}, {3}), (Shape{3}));
  EXPECT_EQ(shape({5}, {}), Shape{});
  EXPECT_EQ(shape({5, 2, 7}, {3, 4}), (Shape{3, 4, 2, 7}));
  EXPECT_EQ(shape({"words", 2}, {"batch", 4}), (Shape{"batch", 4, 2}));
  EXPECT_EQ(shape({5, 0}, {3}), (Shape{3, 0}));
}

TEST_F(GatherTest, MovesRowsOfEveryDType) {
  for (const DType dtype : {f32, f64, i32, i64, u8, boolean}) {
    const Value table = cast(constant(graph_, Tensor::of<double>({1, 0, 1})), dtype);
    EXPECT_EQ(at(gather(table, indices({1, 2}, i32))), (Numbers{0, 1})) << name_of(dtype);
  }
}

TEST_F(GatherTest, AcceptsNoIndicesEvenOfAnEmptyTable) {
  const Value none = constant(graph_, Tensor::zeros(i32, {0}));
  EXPECT_EQ(evaluate_value(gather(table_, none)).elements(), 0);
  EXPECT_EQ(evaluate_value(gather(constant(graph_, Tensor::zeros(f32, {0, 2})), none)).elements(), 0);
}

template <typename T>
constexpr T kLowest = std::numeric_limits<T>::lowest();
template <typename T>
constexpr T kHighest = std::numeric_limits<T>::max();

/// Index tensors with one bad index at position 1, and that index.
std::vector<std::pair<Tensor, std::string>> bad_indices(std::int32_t limit) {
  std::vector<std::pair<Tensor, std::string>> rows;
  for (const std::int32_t bad : {-1, limit, kLowest<std::int32_t>, kHighest<std::int32_t>}) {
    rows.emplace_back(Tensor::of<std::int32_t>({0, bad, -5}), std::to_string(bad));
  }
  for (const std::int64_t bad : {std::int64_t{-1}, std::int64_t{limit}, kLowest<std::int64_t>,
                                 kHighest<std::int64_t>, std::int64_t{1} << 32}) {
    rows.emplace_back(Tensor::of<std::int64_t>({0, bad, -5}), std::to_string(bad));
  }
  for (const std::uint8_t bad : {static_cast<std::uint8_t>(limit), std::uint8_t{255}}) {
    rows.emplace_back(Tensor::of<std::uint8_t>({0, bad, 250}), std::to_string(bad));
  }
  return rows;
}

TEST_F(GatherTest, EveryOpRejectsIndicesOutsideAndNamesTheFirst) {
  const Value rows = constant(graph_, Tensor::zeros(f64, {3, 2}));
  for (const auto& [tensor, bad] : bad_indices(3)) {
    SCOPED_TRACE(to_string(tensor));
    const Value at_indices = constant(graph_, tensor);
    expect_error(ErrorCode::out_of_range,
                 {"index " + bad + " at position 1", "an integer in [0, 3)", "got " + bad},
                 [&] { evaluate_value(gather(table_, at_indices)); });
    expect_error(ErrorCode::out_of_range, {"index " + bad + " at position 1", "[0, 3)"},
                 [&] { evaluate_value(scatter_add(rows, at_indices, {3, 2})); });
    expect_error(ErrorCode::out_of_range, {"label " + bad + " at position 1", "[0, 3)"},
                 [&] { evaluate_value(one_hot(at_indices, 3)); });
  }
}

TEST_F(GatherTest, RejectsEveryIndexIntoAnEmptyTable) {
  const Value empty = constant(graph_, Tensor::zeros(f32, {0, 2}));
  expect_error(ErrorCode::out_of_range, {"index 0", "[0, 0)"},
               [&] { evaluate_value(gather(empty, indices({0}, i32))); });
  expect_error(ErrorCode::out_of_range, {"label 0", "[0, 0)"},
               [&] { evaluate_value(one_hot(indices({0}, i32), 0)); });
}

TEST_F(GatherTest, RejectsIndicesThatAreNoIntegersAndTablesWithoutRows) {
  const Value x = input(graph_, "x", f32, {3, 2});
  for (const DType dtype : {f32, f64, boolean}) {
    const Value wrong = input(graph_, "i" + std::string(name_of(dtype)), dtype, {3});
    const std::string text = to_string(wrong.type());
    expect_error(ErrorCode::dtype_mismatch,
                 {"gather", "indices must be integers", "got " + text, "gather_test.cpp"},
                 [&] { gather(x, wrong); });
    expect_error(ErrorCode::dtype_mismatch, {"scatter_add", "indices must be integers"},
                 [&] { scatter_add(x, wrong, {3, 2}); });
    expect_error(ErrorCode::dtype_mismatch, {"one_hot", "indices must be integers", text},
                 [&] { one_hot(wrong, 3); });
  }
  const Value good = input(graph_, "good", i64, {3});
  expect_error(ErrorCode::shape_mismatch, {"gather", "a scalar has none"},
               [&] { gather(input(graph_, "s", f32, {}), good); });
  expect_error(ErrorCode::shape_mismatch, {"scatter_add", "a scalar has none"},
               [&] { scatter_add(x, good, {}); });
}

TEST_F(GatherTest, ScatterAddAddsRowsWithEqualIndices) {
  const Value x = constant(graph_, Tensor::of<double>({1, 2, 3, 4, 5, 6}, {3, 2}));
  EXPECT_EQ(at(scatter_add(x, indices({1, 3, 1}, i32), {4, 2})), (Numbers{0, 0, 6, 8, 0, 0, 3, 4}));
  EXPECT_EQ(at(scatter_add(cast(x, f32), indices({1, 3, 1}, u8), {4, 2})), (Numbers{0, 0, 6, 8, 0, 0, 3, 4}));
  EXPECT_EQ(at(scatter_add(constant(graph_, Tensor::zeros(f64, {0, 2})),
                           constant(graph_, Tensor::zeros(i64, {0})), {2, 2})),
            (Numbers{0, 0, 0, 0}));
}

TEST_F(GatherTest, ScatterAddRejectsRowsThatDoNotFitTheTable) {
  const Value x = input(graph_, "x", f32, {3, 2});
  const Value at_indices = input(graph_, "i", i64, {3});
  expect_error(ErrorCode::shape_mismatch,
               {"scatter_add", "floats of shape [3, 5]", "f32[3, 2]", "gather_test.cpp"},
               [&] { scatter_add(x, at_indices, {4, 5}); });
  expect_error(ErrorCode::shape_mismatch, {"scatter_add", "floats"},
               [&] { scatter_add(cast(x, i32), at_indices, {4, 2}); });
}

TEST_F(GatherTest, OneHotMarksTheIndex) {
  for (const DType dtype : {f32, f64, i32, i64, u8, boolean}) {
    const Value y = one_hot(indices({2, 0}, u8), 3, dtype);
    EXPECT_EQ(y.type(), (TensorType{dtype, {2, 3}}));
    EXPECT_EQ(at(y), (Numbers{0, 0, 1, 1, 0, 0}));
  }
  EXPECT_EQ(one_hot(input(graph_, "labels", i64, {"batch", 4}), 10).shape(), (Shape{"batch", 4, 10}));
  expect_error(ErrorCode::invalid_argument, {"one_hot", "negative"}, [&] { one_hot(indices({0}, i32), -1); });
}

}  // namespace
}  // namespace weft
