#include "weft/ops/layout.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "weft/ops/elementwise.h"
#include "weft/ops/source.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::at_line;
using testing_support::evaluate_value;
using testing_support::expect_error;
using testing_support::Feeds;
using testing_support::numbers;
using Numbers = std::vector<double>;

constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();

class LayoutTest : public testing::Test {
 protected:
  Numbers at(const Value& value, const Feeds& feeds = {}, const Bindings& bindings = {}) {
    return numbers(evaluate_value(value, feeds, bindings));
  }
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
}

TEST_F(LayoutTest, ReshapeRejectsAnotherNumberOfElements) {
  expect_error(ErrorCode::shape_mismatch,
               {"reshape", "as many elements as [2, 3]", "got [4]", "layout_test.cpp"},
               [&] { reshape(matrix_, Shape{4}); });
  expect_error(ErrorCode::shape_mismatch, {"reshape", "[2, 3]", "got [4, -1]", "layout_test.cpp"},
               [&] { reshape(matrix_, {4, -1}); });
  expect_error(ErrorCode::shape_mismatch, {"only one dimension may be -1", "got [-1, -1]", "layout_test.cpp"},
               [&] { reshape(matrix_, {-1, -1}); });
  expect_error(ErrorCode::invalid_argument, {"negative"}, [&] { reshape(matrix_, {-2, 3}); });
  expect_error(ErrorCode::invalid_argument, {"63 bits"}, [&] { reshape(matrix_, Shape{kHuge, kHuge}); });
}

TEST_F(LayoutTest, FlattenJoinsAllAxesButTheFirst) {
  EXPECT_EQ(flatten(in({"batch", 28, 28})).shape(), (Shape{"batch", 784}));
  EXPECT_EQ(flatten(in({3})).shape(), (Shape{3, 1}));
  EXPECT_EQ(flatten(in({})).shape(), (Shape{1, 1}));
  EXPECT_EQ(to_string(flatten(in({"batch", 3, "width"})).shape()), "[batch, width*3]");
  expect_error(ErrorCode::invalid_argument, {"flatten", "63 bits", "layout_test.cpp"},
               [&] { flatten(in({0, kHuge, 2})); });
}

TEST_F(LayoutTest, ReshapeComputesWithSymbols) {
  const auto shape = [&](const Value& x) { return to_string(x.shape()); };
  const Value rows = reshape(in({"b", "t", 3}), {-1, 3});
  EXPECT_EQ(shape(rows), "[b*t, 3]");
  EXPECT_EQ(shape(reshape(rows, {"b", "t", 3})), "[b, t, 3]");
  EXPECT_EQ(shape(reshape(rows, {"b", -1})), "[b, t*3]");
  EXPECT_EQ(shape(reshape(in({"b", 8, 8, 5}), {-1, 5})), "[b*64, 5]");
  EXPECT_EQ(shape(reshape(in({"b", 8, 8, 5}), {Dim("b") * 64, 5})), "[b*64, 5]");
  EXPECT_EQ(shape(reshape(in({"b", 4}), {-1})), "[b*4]");
  expect_error(ErrorCode::shape_mismatch, {"reshape", "as many elements as [b, t, 3]", "[c, 3]"},
               [&] { reshape(in({"b", "t", 3}), {"c", 3}); });
}

TEST_F(LayoutTest, ReshapeLeavesToARunWhetherARemainderIsLeft) {
  const Value x = input(graph_, "halved", f64, {"b", 3});
  const Value y = reshape(x, {-1, 2});
  const int line = __LINE__ - 1;
  EXPECT_EQ(to_string(y.shape()), "[b + b//2, 2]");
  EXPECT_EQ(at(y, {{"halved", Tensor::of<double>({1, 2, 3, 4, 5, 6}, {2, 3})}}, {{"b", 2}}),
            (Numbers{1, 2, 3, 4, 5, 6}));
  expect_error(ErrorCode::shape_mismatch,
               {at_line(line), "reshape", "[3, 3]", "[4, 2]", "f64[b, 3] -> f64[b + b//2, 2] with b = 3"},
               [&] { extract(graph_, {{y}}, {{"b", 3}}); });
}

TEST_F(LayoutTest, ConcatAddsUpSymbols) {
  EXPECT_EQ(to_string(concat({in({"c", 3}), in({"d", 3})}).shape()), "[c + d, 3]");
  EXPECT_EQ(to_string(concat({in({"c"}), in({"c"}), in({2})}).shape()), "[c*2 + 2]");
  const Value a = input(graph_, "a", f64, {"c"});
  const Value b = input(graph_, "b", f64, {"d"});
  EXPECT_EQ(
      at(concat({a, b}), {{"a", Tensor::of({1.0})}, {"b", Tensor::of({2.0, 3.0})}}, {{"c", 1}, {"d", 2}}),
      (Numbers{1, 2, 3}));
}

TEST_F(LayoutTest, SliceCountsFromTheEndOfAnySize) {
  const Value x = input(graph_, "x", f64, {"n"});
  const Feeds feeds{{"x", Tensor::of<double>({1, 2, 3, 4, 5})}};
  EXPECT_EQ(to_string(slice(x, 0, 1, -1).shape()), "[n - 2]");
  EXPECT_EQ(to_string(slice(x, 0, -3, -1).shape()), "[2]");
  EXPECT_EQ(at(slice(x, 0, -3, -1), feeds, {{"n", 5}}), (Numbers{3, 4}));
  EXPECT_EQ(at(slice(x, 0, 1, x.shape()[0], 2), feeds, {{"n", 5}}), (Numbers{2, 4}));
  const Value short_one = slice(x, 0, -7, -1);
  expect_error(ErrorCode::shape_mismatch,
               {"slice", "layout_test.cpp", "n - 7 >= 0", "f64[n] -> f64[6] with n = 5"},
               [&] { extract(graph_, {{short_one}}, {{"n", 5}}); });
  const Value long_one = slice(x, 0, 2, 9);
  expect_error(ErrorCode::out_of_range, {"slice", "stop <= 5", "stop 9", "f64[n] -> f64[7] with n = 5"},
               [&] { extract(graph_, {{long_one}}, {{"n", 5}}); });
}

TEST_F(LayoutTest, NameTheLineOfAnEmptyValue) {
  expect_error(ErrorCode::invalid_argument, {"reshape", "empty value", "layout_test.cpp:"},
               [&] { reshape(Value(), {1}); });
  expect_error(ErrorCode::invalid_argument, {"concat", "empty value", "layout_test.cpp:"},
               [&] { concat({matrix_, Value()}); });
  const std::vector<Value> values{Value(), matrix_};
  expect_error(ErrorCode::invalid_argument, {"concat", "empty value", "layout_test.cpp:"},
               [&] { concat(values); });
  expect_error(ErrorCode::invalid_argument, {"reshape_like", "empty value", "layout_test.cpp:"},
               [&] { reshape_like(matrix_, {}); });
  expect_error(ErrorCode::invalid_argument, {"slice", "empty value", "layout_test.cpp:"},
               [&] { slice(Value(), 0, 0, 1); });
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
  expect_error(ErrorCode::invalid_argument, {"concat", "63 bits"},
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

TEST_F(LayoutTest, SliceOfNothingIsEmptyWhateverTheStep) {
  const Value x = input(graph_, "walked", f64, {"b"});
  for (const std::int64_t step : {std::int64_t{1}, std::int64_t{2}, std::int64_t{7}, kHuge}) {
    EXPECT_EQ(slice(matrix_, 1, 2, 2, step).shape(), (Shape{2, 0})) << step;
    const Value y = slice(x, 0, Dim(0), Dim("b"), step);
    for (const std::int64_t size : {0, 1, 2, 7, 8}) {
      Numbers given(static_cast<std::size_t>(size));
      std::iota(given.begin(), given.end(), 1.0);
      Numbers expected;
      for (std::int64_t i = 0; i < size; i += std::min(step, size)) expected.push_back(given[i]);
      EXPECT_EQ(at(y, {{"walked", Tensor::of<double>(given, {size})}}, {{"b", size}}), expected)
          << size << " by " << step;
    }
  }
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
  expect_error(ErrorCode::out_of_range, {"slice", "start -4, stop 2", "layout_test.cpp"},
               [&] { slice(matrix_, 1, -4, 2); });
  expect_error(ErrorCode::out_of_range, {"slice", "start b - 1, stop b - 2"},
               [&] { slice(in({"b"}), 0, -1, -2); });
  expect_error(ErrorCode::out_of_range, {"slice", "stop b + 1"},
               [&] { slice(in({"b"}), 0, 0, Dim("b") + 1); });
}

TEST_F(LayoutTest, UnslicePutsASliceBackAmongZeros) {
  const Slice every_second{.axis = 1, .start = 1, .stop = 6, .step = 2};
  const Value x = constant(graph_, Tensor::of<double>({1, 2, 3, 4, 5, 6}, {2, 3}));
  const Value y = apply(Unslice{{every_second}, {2, 7}}, x);
  EXPECT_EQ(at(y), (Numbers{0, 1, 0, 2, 0, 3, 0, 0, 4, 0, 5, 0, 6, 0}));
  EXPECT_EQ(at(apply(every_second, y)), at(x));
  expect_error(ErrorCode::shape_mismatch, {"unslice", "not such a slice"},
               [&] { apply(Unslice{{every_second}, {3, 7}}, x); });
  expect_error(ErrorCode::out_of_range, {"unslice"}, [&] { apply(Unslice{{every_second}, {2, 3}}, x); });
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
