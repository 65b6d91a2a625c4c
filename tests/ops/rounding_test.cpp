// Rounding, remainders, logic and bits: steps, signs, halves, division by zero and the ends of integers.

#include "weft/ops/rounding.h"

#include <gtest/gtest.h>

#include <limits>

#include "weft/ops/bits.h"
#include "weft/tests/ops/special_numbers.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/graph_numbers.h"

namespace weft {
namespace {

using testing_support::expect_error;
using testing_support::expect_near;
using testing_support::kInf;
using testing_support::kNaN;
using testing_support::numbers_of;
using testing_support::slopes_of;
using testing_support::vector_of;
using Numbers = std::vector<double>;
using OfOne = Value (*)(const Operand&);
using OfTwo = Value (*)(const Operand&, const Operand&);

TEST(Rounding, GoesDownUpToTheNearestAndTowardZero) {
  const Numbers x{-2.5, -1.5, -0.5, -0.0, 0.5, 1.5, 2.5, 1e300, -kInf, kNaN};
  for (const DType dtype : {f64, f32}) {
    const Tensor in = vector_of(x, dtype);
    const double huge = dtype == f64 ? 1e300 : kInf;
    expect_near(numbers_of(OfOne{floor}, in), {-3, -2, -1, -0.0, 0, 1, 2, huge, -kInf, kNaN});
    expect_near(numbers_of(OfOne{ceil}, in), {-2, -1, -0.0, -0.0, 1, 2, 3, huge, -kInf, kNaN});
    expect_near(numbers_of(OfOne{round}, in), {-2, -2, -0.0, -0.0, 0, 2, 2, huge, -kInf, kNaN});
    expect_near(numbers_of(OfOne{trunc}, in), {-2, -1, -0.0, -0.0, 0, 1, 2, huge, -kInf, kNaN});
    expect_near(numbers_of(OfOne{sign}, in), {-1, -1, -1, -0.0, 1, 1, 1, 1, -1, kNaN});
  }
}

TEST(Rounding, HasTheGradientZero) {
  for (const OfOne f : {floor, ceil, round, trunc, sign})
    expect_near(slopes_of(f, vector_of({-1.5, 0, 0.3, kInf})), {0, 0, 0, 0});
}

TEST(Rounding, LeavesIntegersAsTheyAre) {
  Graph graph;
  const Value x = input(graph, "x", i32, {3});
  for (const OfOne f : {floor, ceil, round, trunc}) EXPECT_EQ(f(x), x);
  expect_near(numbers_of(OfOne{sign}, vector_of({-7, 0, 9}, i64)), {-1, 0, 1});
  expect_near(numbers_of(OfOne{sign}, vector_of({0, 200}, u8)), {0, 1});
  const Value bools = input(graph, "b", boolean, {3});
  expect_error(ErrorCode::dtype_mismatch, {"floor", "floating point"}, [&] { floor(bools); });
}

TEST(Fmod, HasASlopeThatAgreesWithItsValueBesideAMultiple) {
  const auto slopes = slopes_of(OfTwo{fmod}, vector_of({7.1337495}, f32), vector_of({1.42675}, f32));
  EXPECT_EQ(slopes[1], -4.0);  // a / b rounds to 5
}

TEST(Mod, HasTheSignOfTheDivisorAndFmodThatOfTheDividend) {
  const Numbers a{7, -7, 7, -7, 6, -6};
  const Numbers b{3, 3, -3, -3, 3, 3};
  for (const DType dtype : {f64, f32, i32, i64}) {
    const Tensor u = vector_of(a, dtype);
    const Tensor v = vector_of(b, dtype);
    expect_near(numbers_of(OfTwo{mod}, u, v), {1, 2, -2, -1, 0, 0});
    expect_near(numbers_of(OfTwo{fmod}, u, v), {1, -1, 1, -1, 0, is_float(dtype) ? -0.0 : 0.0});
    expect_near(numbers_of(OfTwo{floor_divide}, u, v), {2, -3, -3, 2, 2, -2});
  }
  expect_near(numbers_of(OfTwo{integer_divide}, vector_of(a, i64), vector_of(b, i64)), {2, -2, -2, 2, 2, -2});
}

TEST(Mod, OfFloatsTakesZerosAndInfinitiesAsNumPyDoes) {
  const Tensor a = vector_of({1, -1, kInf, 5, -5, 0, 1, -0.0});
  const Tensor b = vector_of({0, 0, 2, kInf, kInf, -3, -kInf, 4});
  expect_near(numbers_of(OfTwo{mod}, a, b), {kNaN, kNaN, kNaN, 5, kInf, -0.0, -kInf, 0});
  expect_near(numbers_of(OfTwo{fmod}, a, b), {kNaN, kNaN, kNaN, 5, -5, 0, 1, -0.0});
  expect_near(numbers_of(OfTwo{floor_divide}, a, b), {kInf, -kInf, kNaN, 0, -1, -0.0, -1, -0.0});
}

TEST(Mod, OfIntegersGivesZeroByZeroAndWrapsAroundAtTheEnd) {
  const Tensor a = Tensor::of<std::int32_t>({5, 0, std::numeric_limits<std::int32_t>::min()});
  const Tensor b = Tensor::of<std::int32_t>({0, 0, -1});
  const double lowest = std::numeric_limits<std::int32_t>::min();
  expect_near(numbers_of(OfTwo{mod}, a, b), {0, 0, 0});
  expect_near(numbers_of(OfTwo{fmod}, a, b), {0, 0, 0});
  expect_near(numbers_of(OfTwo{floor_divide}, a, b), {0, 0, lowest});
  expect_near(numbers_of(OfTwo{integer_divide}, a, b), {0, 0, lowest});
  expect_near(numbers_of(OfTwo{mod}, vector_of({250, 7}, u8), vector_of({100, 0}, u8)), {50, 0});
}

TEST(Mod, HasTheSlopesOfALineBetweenItsSteps) {
  const Tensor a = vector_of({7.5, -7.5});
  const Tensor b = vector_of({2, 2});
  expect_near(slopes_of(OfTwo{mod}, a, b), {1, 1, -3, 4});
  expect_near(slopes_of(OfTwo{fmod}, a, b), {1, 1, -3, 3});
  expect_near(slopes_of(OfTwo{floor_divide}, a, b), {0, 0, 0, 0});
}

TEST(IntegerDivide, RefusesFloats) {
  Graph graph;
  const Value x = input(graph, "x", f32, {2});
  expect_error(ErrorCode::dtype_mismatch, {"integer_divide", "expected integers", "f32"},
               [&] { integer_divide(x, x); });
}

TEST(Logic, HasItsTablesAndOperators) {
  const Tensor a = Tensor::of<bool>({false, false, true, true});
  const Tensor b = Tensor::of<bool>({false, true, false, true});
  using OfBoth = std::function<Value(const Value&, const Value&)>;
  expect_near(numbers_of(OfBoth([](const Value& x, const Value& y) { return x & y; }), a, b), {0, 0, 0, 1});
  expect_near(numbers_of(OfBoth([](const Value& x, const Value& y) { return x | y; }), a, b), {0, 1, 1, 1});
  expect_near(numbers_of(OfBoth([](const Value& x, const Value& y) { return x ^ y; }), a, b), {0, 1, 1, 0});
  expect_near(numbers_of(OfBoth([](const Value& x, const Value&) { return ~x; }), a, b), {1, 1, 0, 0});
  Graph graph;
  const Value whole = input(graph, "i", i32, {2});
  expect_error(ErrorCode::dtype_mismatch, {"logical_and"}, [&] { logical_and(whole, whole); });
}

TEST(Bits, OperateOnIntegersOfEveryWidth) {
  const auto with = [](OfTwo f, const Numbers& a, const Numbers& b, DType dtype) {
    return numbers_of(f, vector_of(a, dtype), vector_of(b, dtype));
  };
  for (const DType dtype : {u8, i32, i64}) {
    expect_near(with(bitwise_and, {12, 7}, {10, 0}, dtype), {8, 0});
    expect_near(with(bitwise_or, {12, 7}, {10, 0}, dtype), {14, 7});
    expect_near(with(bitwise_xor, {12, 7}, {10, 7}, dtype), {6, 0});
    expect_near(with(shift_left, {3, 1}, {2, 0}, dtype), {12, 1});
    expect_near(with(shift_right, {12, 255}, {2, 7}, dtype), {3, 1});
  }
  expect_near(numbers_of(OfOne{bitwise_not}, vector_of({0, 5}, i32)), {-1, -6});
  expect_near(numbers_of(OfOne{bitwise_not}, vector_of({0, 5}, u8)), {255, 250});
}

TEST(Bits, ShiftOutOfTheNumberLeavesItsSign) {
  const Tensor a = vector_of({1, -1, 1, -8}, i32);
  const Tensor by = vector_of({32, 40, -1, 31}, i32);
  expect_near(numbers_of(OfTwo{shift_left}, a, by), {0, 0, 0, 0});
  expect_near(numbers_of(OfTwo{shift_right}, a, by), {0, -1, 0, -1});
  expect_near(numbers_of(OfTwo{shift_left}, vector_of({255}, u8), vector_of({4}, u8)), {240});
}

TEST(Predicates, TellNumbersApart) {
  const Tensor x = vector_of({1, -kInf, kInf, kNaN, std::numeric_limits<double>::max()});
  expect_near(numbers_of(OfOne{isnan}, x), {0, 0, 0, 1, 0});
  expect_near(numbers_of(OfOne{isinf}, x), {0, 1, 1, 0, 0});
  expect_near(numbers_of(OfOne{isfinite}, x), {1, 0, 0, 0, 1});
}

TEST(NanToNum, ReplacesWhatIsNotFiniteAndItsGradient) {
  const Tensor x = vector_of({1, -kInf, kInf, kNaN});
  const double largest = std::numeric_limits<double>::max();
  expect_near(numbers_of([](const Value& v) { return nan_to_num(v); }, x), {1, -largest, largest, 0});
  const auto chosen = [](const Value& v) { return nan_to_num(v, 7.0, 8.0, 9.0); };
  expect_near(numbers_of(chosen, x), {1, 9, 8, 7});
  expect_near(slopes_of(chosen, x), {1, 0, 0, 0});
  const double largest_f32 = std::numeric_limits<float>::max();
  expect_near(numbers_of([](const Value& v) { return nan_to_num(v); }, vector_of({kInf}, f32)),
              {largest_f32});
}

}  // namespace
}  // namespace weft
