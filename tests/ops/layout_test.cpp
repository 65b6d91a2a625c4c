#include "weft/ops/layout.h"

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

constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();

class LayoutTest : public testing::Test {
 protected:
  Numbers at(const Value& value) { return numbers(evaluate_value(value)); }
  Value in(const Shape& shape, DType dtype = f32) {
    return input(graph_, "x" + std::to_string(graph_.size()), dtype, shape);
  }

  Graph graph_;
  Value matrix_ = constant(graph_, Tensor::of<double>({1, 2, 3, 4, 5, 6}, {2, 3}));
};

TEST_F(LayoutTest, ReshapeKeepsTheElementsInTheirOrder) {
  EXPECT_EQ(reshape(matrix_, {3, 2}).shape(), (Shape{3, 2}));
  EXPECT_EQ(at(reshape(matrix_, {3, 2})), (Numbers{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(at(reshape(matrix_, Shape{6})), (Numbers{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(reshape(in({1, 1}), Shape{}).shape(), Shape{});
  EXPECT_EQ(reshape(in({0, 3}), Shape{5, 0}).shape(), (Shape{5, 0}));
}

TEST_F(LayoutTest, ReshapeFindsOneOpenDimension) {
  EXPECT_EQ(reshape(matrix_, {-1}).shape(), (Shape{6}));
  EXPECT_EQ(reshape(matrix_, {3, -1}).shape(), (Shape{3, 2}));
  EXPECT_EQ(reshape(matrix_, {-1, 1, 6}).shape(), (Shape{1, 1, 6}));
  EXPECT_EQ(reshape(in({}), {-1}).shape(), (Shape{1}));
  EXPECT_EQ(reshape(in({0, 3}), {-1, 3}).shape(), (Shape{0, 3}));
  EXPECT_EQ(reshape(in({"batch", 28, 28}), {-1, 784}).shape(), (Shape{"batch", 784}));
  EXPECT_EQ(reshape(in({"batch", 6}), {-1, 2, 3}).shape(), (Shape{"batch", 2, 3}));
}

TEST_F(LayoutTest, ReshapeMatchesSymbolsByName) {
  EXPECT_EQ(reshape(in({"batch", 4}), Shape{2, 2, "batch"}).shape(), (Shape{2, 2, "batch"}));
  EXPECT_EQ(reshape_like(in({"a", "b"}), in({"b", 1, "a"})).shape(), (Shape{"b", 1, "a"}));
  expect_error(ErrorCode::shape_mismatch, {"reshape", "[a, 2]", "[b, 2]"},
               [&] { reshape(in({"a", 2}), Shape{"b", 2}); });
  expect_error(ErrorCode::shape_mismatch, {"reshape"}, [&] { reshape(in({"batch", 4}), {-1}); });
}

TEST_F(LayoutTest, ReshapeRejectsAnotherNumberOfElements) {
  expect_error(ErrorCode::shape_mismatch,
               {"reshape", "as many elements as [2, 3]", "got [4]", "layout_test.cpp"},
               [&] { reshape(matrix_, Shape{4}); });
  expect_error(ErrorCode::shape_mismatch, {"reshape"}, [&] { reshape(matrix_, {4, -1}); });
  expect_error(ErrorCode::invalid_argument, {"negative"}, [&] { reshape(matrix_, {-1, -1}); });
  expect_error(ErrorCode::invalid_argument, {"negative"}, [&] { reshape(matrix_, {-2, 3}); });
  expect_error(ErrorCode::invalid_argument, {"63 bits"}, [&] { reshape(matrix_, Shape{kHuge, kHuge}); });
}

TEST_F(LayoutTest, FlattenJoinsAllAxesButTheFirst) {
  EXPECT_EQ(flatten(in({"batch", 28, 28})).shape(), (Shape{"batch", 784}));
  EXPECT_EQ(flatten(in({3})).shape(), (Shape{3, 1}));
  EXPECT_EQ(flatten(in({})).shape(), (Shape{1, 1}));
  expect_error(ErrorCode::shape_mismatch, {"'width' is not known"}, [&] { flatten(in({"batch", "width"})); });
  expect_error(ErrorCode::shape_mismatch, {"flatten", "63 bits"}, [&] { flatten(in({0, kHuge, 2})); });
}

TEST_F(LayoutTest, TransposePermutesAxes) {
  EXPECT_EQ(at(transpose(matrix_)), (Numbers{1, 4, 2, 5, 3, 6}));
  const Value cube = constant(graph_, Tensor::of<double>({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, {2, 3, 2}));
  EXPECT_EQ(transpose(cube, {1, 2, 0}).shape(), (Shape{3, 2, 2}));
  EXPECT_EQ(at(transpose(cube, {1, 2, 0})), (Numbers{0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11}));
  EXPECT_EQ(at(transpose(cube, {-1, 0, 1})), at(transpose(cube, {2, 0, 1})));
  EXPECT_EQ(transpose(in({})).shape(), Shape{});
  EXPECT_EQ(transpose(in({"batch", 3})).shape(), (Shape{3, "batch"}));
  EXPECT_EQ(evaluate_value(transpose(constant(graph_, Tensor::zeros(u8, {2, 0, 3})))).elements(), 0);
}

TEST_F(LayoutTest, TransposeRejectsWhatIsNoPermutation) {
  for (const std::vector<std::int64_t>& axes :
       {std::vector<std::int64_t>{0, 0}, {0}, {0, 1, 2}, {0, 2}, {0, -3}, {1, -1}}) {
    expect_error(ErrorCode::shape_mismatch, {"transpose", "every axis once", "2 axes"},
                 [&] { transpose(matrix_, axes); });
  }
}

TEST_F(LayoutTest, BroadcastToRepeats) {
  EXPECT_EQ(at(broadcast_to(constant(graph_, Tensor::of<double>({1, 2}, {2, 1})), {2, 2, 2})),
            (Numbers{1, 1, 2, 2, 1, 1, 2, 2}));
  EXPECT_EQ(at(broadcast_to(constant(graph_, 7.0), {3})), (Numbers{7, 7, 7}));
  EXPECT_EQ(evaluate_value(broadcast_to(constant(graph_, 7.0), {0, 3})).elements(), 0);
  EXPECT_EQ(broadcast_like(in({3}), in({"batch", 3})).shape(), (Shape{"batch", 3}));
}

TEST_F(LayoutTest, BroadcastToRejectsShapesThatWouldChangeTheTensor) {
  expect_error(ErrorCode::shape_mismatch, {"broadcast_to", "[2, 3]", "layout_test.cpp"},
               [&] { broadcast_to(matrix_, {2, 1}); });
  expect_error(ErrorCode::shape_mismatch, {"broadcast_to", "expected [3], got [2, 3]"},
               [&] { broadcast_to(matrix_, {3}); });
  expect_error(ErrorCode::shape_mismatch, {"do not broadcast"}, [&] { broadcast_to(matrix_, {4, 3}); });
}

TEST_F(LayoutTest, ConcatJoinsAlongAnAxis) {
  const Value column = constant(graph_, Tensor::of<double>({10, 20}, {2, 1}));
  EXPECT_EQ(at(concat({matrix_, column}, 1)), (Numbers{1, 2, 3, 10, 4, 5, 6, 20}));
  EXPECT_EQ(at(concat({column, matrix_, column}, -1)), (Numbers{10, 1, 2, 3, 10, 20, 4, 5, 6, 20}));
  EXPECT_EQ(at(concat({column, column})), (Numbers{10, 20, 10, 20}));
  EXPECT_EQ(concat({in({"batch", 2}), in({"batch", 5})}, 1).shape(), (Shape{"batch", 7}));
  EXPECT_EQ(concat({in({0, 2}), in({3, 2})}).shape(), (Shape{3, 2}));
  const std::vector<Value> one{matrix_};
  EXPECT_EQ(at(concat(one, 1)), (Numbers{1, 2, 3, 4, 5, 6}));
}

TEST_F(LayoutTest, ConcatRejectsInputsThatDoNotFit) {
  expect_error(ErrorCode::shape_mismatch,
               {"concat", "differ in axis 0", "f32[2, 3] and f32[4, 3]", "layout_test.cpp"},
               [&] { concat({in({2, 3}), in({4, 3})}, 1); });
  expect_error(ErrorCode::shape_mismatch, {"concat", "different ranks"},
               [&] { concat({in({2}), in({2, 1})}); });
  expect_error(ErrorCode::dtype_mismatch, {"concat", "different dtypes"},
               [&] { concat({in({2}), in({2}, f64)}); });
  expect_error(ErrorCode::invalid_argument, {"concat", "axis"}, [&] { concat({in({2}), in({2})}, 1); });
  expect_error(ErrorCode::invalid_argument, {"concat"}, [&] { concat({}, 0); });
  expect_error(ErrorCode::shape_mismatch, {"concat", "'n' is not known"},
               [&] { concat({in({"n"}), in({2})}); });
  expect_error(ErrorCode::shape_mismatch, {"concat", "63 bits"},
               [&] { concat({in({kHuge, 0}), in({kHuge, 0})}); });
}

TEST_F(LayoutTest, SliceTakesARange) {
  EXPECT_EQ(at(slice(matrix_, 1, 1, 3)), (Numbers{2, 3, 5, 6}));
  EXPECT_EQ(at(slice(matrix_, 0, 1, 2)), (Numbers{4, 5, 6}));
  EXPECT_EQ(at(slice(matrix_, -1, 0, 3, 2)), (Numbers{1, 3, 4, 6}));
  EXPECT_EQ(at(slice(matrix_, 1, -2, -1)), (Numbers{2, 5}));
  EXPECT_EQ(slice(matrix_, 1, 2, 2).shape(), (Shape{2, 0}));
  EXPECT_EQ(at(slice(matrix_, 1, 0, 3, kHuge)), (Numbers{1, 4}));
  EXPECT_EQ(slice(in({"batch", 3}), 1, 0, 2).shape(), (Shape{"batch", 2}));
  EXPECT_EQ(slice(in({"batch", 3}), 0, 0, 2).shape(), (Shape{2, 3}));
}

TEST_F(LayoutTest, SliceRejectsBoundsOutside) {
  const auto rejects = [&](std::int64_t start, std::int64_t stop, std::int64_t step) {
    expect_error(ErrorCode::out_of_range,
                 {"slice", "0 <= start <= stop <= 3 and step >= 1", "layout_test.cpp"},
                 [&] { slice(matrix_, 1, start, stop, step); });
  };
  rejects(0, 4, 1);
  rejects(2, 1, 1);
  rejects(-4, 2, 1);
  rejects(0, 3, 0);
  rejects(0, 3, -1);
  rejects(0, kHuge, 1);
  rejects(-kHuge, kHuge, 1);
  expect_error(ErrorCode::invalid_argument, {"axis"}, [&] { slice(matrix_, 2, 0, 1); });
  expect_error(ErrorCode::out_of_range, {"slice"}, [&] { slice(in({"batch"}), 0, -1, 2); });
}

TEST_F(LayoutTest, UnslicePutsASliceBackAmongZeros) {
  const Slice every_second{.axis = 1, .start = 1, .stop = 6, .step = 2};
  const Value x = constant(graph_, Tensor::of<double>({1, 2, 3, 4, 5, 6}, {2, 3}));
  const Value y = apply(Unslice{every_second, {2, 7}}, x);
  EXPECT_EQ(at(y), (Numbers{0, 1, 0, 2, 0, 3, 0, 0, 4, 0, 5, 0, 6, 0}));
  EXPECT_EQ(at(apply(every_second, y)), at(x));
  expect_error(ErrorCode::shape_mismatch, {"unslice", "not such a slice"},
               [&] { apply(Unslice{every_second, {3, 7}}, x); });
  expect_error(ErrorCode::out_of_range, {"unslice"}, [&] { apply(Unslice{every_second, {2, 3}}, x); });
}

TEST_F(LayoutTest, MoveElementsOfEveryDType) {
  for (const DType dtype : {f32, f64, i32, i64, u8, boolean}) {
    const Value x = cast(constant(graph_, Tensor::of<double>({0, 1, 1, 0, 0, 1}, {2, 3})), dtype);
    EXPECT_EQ(at(transpose(x)), (Numbers{0, 0, 1, 0, 1, 1})) << name_of(dtype);
    EXPECT_EQ(at(slice(x, 1, 1, 3)), (Numbers{1, 1, 0, 1})) << name_of(dtype);
    EXPECT_EQ(at(concat({x, x}, 1)), (Numbers{0, 1, 1, 0, 1, 1, 0, 0, 1, 0, 0, 1})) << name_of(dtype);
    EXPECT_EQ(broadcast_to(x, {2, 2, 3}).dtype(), dtype);
    EXPECT_EQ(reshape(x, Shape{6}).dtype(), dtype);
  }
}

}  // namespace
}  // namespace weft
