#include "weft/ops/elementwise.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "weft/ops/activation.h"
#include "weft/ops/compare.h"
#include "weft/ops/layout.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/tests/ops/special_numbers.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::evaluate_value;
using testing_support::expect_error;
using testing_support::kInf;
using testing_support::kNaN;
using testing_support::numbers;
using testing_support::sizes_of;
using Numbers = std::vector<double>;

/// Equal or both NaN.
void expect_numbers(const Numbers& actual, const Numbers& expected, double tolerance) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    if (std::isnan(expected[i])) {
      EXPECT_TRUE(std::isnan(actual[i])) << "element " << i << " is " << actual[i];
    } else if (std::isinf(expected[i])) {
      EXPECT_EQ(actual[i], expected[i]) << "element " << i;
    } else {
      EXPECT_NEAR(actual[i], expected[i], tolerance) << "element " << i;
    }
  }
}

Tensor tensor_of(const Numbers& values, DType dtype) {
  Tensor tensor = Tensor::uninitialized(dtype, {static_cast<std::int64_t>(values.size())});
  visit_dtype(dtype, [&]<typename T>(T) {
    for (std::size_t i = 0; i < values.size(); ++i) tensor.mutable_values<T>()[i] = static_cast<T>(values[i]);
  });
  return tensor;
}

struct UnaryRow {
  std::string name;
  std::function<Value(const Value&)> f;
  Numbers in;
  Numbers out;
};

const std::vector<UnaryRow>& unary_rows() {
  static const std::vector<UnaryRow> rows = {
      {"neg", [](const Value& x) { return -x; }, {1, -2, 0, kInf, kNaN}, {-1, 2, 0, -kInf, kNaN}},
      {"square", [](const Value& x) { return square(x); }, {3, -2, 0, -kInf, kNaN}, {9, 4, 0, kInf, kNaN}},
      {"sqrt", [](const Value& x) { return sqrt(x); }, {4, 2, 0, -1}, {2, 1.414213562373095, 0, kNaN}},
      {"exp", [](const Value& x) { return exp(x); }, {0, 1, -kInf, 1000}, {1, 2.718281828459045, 0, kInf}},
      {"log", [](const Value& x) { return log(x); }, {1, 2, 0, -1}, {0, 0.693147180559945, -kInf, kNaN}},
      {"abs", [](const Value& x) { return abs(x); }, {1.5, -2, -0.0, kNaN}, {1.5, 2, 0, kNaN}},
      {"erf",
       [](const Value& x) { return erf(x); },
       {0, 1, -1, kInf},
       {0, 0.842700792949715, -0.842700792949715, 1}},
      {"clip",
       [](const Value& x) { return clip(x, -1, 2); },
       {-3, -1, 0.5, 2, 7, kNaN},
       {-1, -1, 0.5, 2, 2, kNaN}},
      {"clip_infinite", [](const Value& x) { return clip(x, -kInf, 0); }, {-kInf, -3, 1}, {-kInf, -3, 0}},
      {"tanh", [](const Value& x) { return tanh(x); }, {0, 1, -100}, {0, 0.761594155955765, -1}},
      {"relu",
       [](const Value& x) { return relu(x); },
       {-1, 0, 2.5, -kInf, kInf, kNaN},
       {0, 0, 2.5, 0, kInf, kNaN}},
      {"sigmoid",
       [](const Value& x) { return sigmoid(x); },
       {0, 1, -800, 800},
       {0.5, 0.731058578630005, 0, 1}},
      {"leaky_relu", [](const Value& x) { return leaky_relu(x, 0.1); }, {-2, 0, 3, kNaN}, {-0.2, 0, 3, kNaN}},
      {"elu", [](const Value& x) { return elu(x, 2.0); }, {-1, 0, 3, -kInf}, {-1.264241117657115, 0, 3, -2}},
      {"softplus",
       [](const Value& x) { return softplus(x); },
       {0, 1, -1000, 1000, kNaN},
       {0.693147180559945, 1.313261687518223, 0, 1000, kNaN}},
      {"gelu",
       [](const Value& x) { return gelu(x); },
       {0, 1, -1},
       {0, 0.841344746068543, -0.158655253931457}},
  };
  return rows;
}

TEST(Unary, GivesTheNumbersOfItsFormulaInBothPrecisions) {
  for (const UnaryRow& row : unary_rows()) {
    for (const auto& [dtype, tolerance] : {std::pair{f64, 1e-14}, std::pair{f32, 3e-7}}) {
      SCOPED_TRACE(row.name + " in " + std::string(name_of(dtype)));
      Graph graph;
      const Value y = row.f(constant(graph, tensor_of(row.in, dtype)));
      EXPECT_EQ(y.dtype(), dtype);
      expect_numbers(numbers(evaluate_value(y)), row.out, tolerance);
    }
  }
}

TEST(Unary, KeepsEveryShape) {
  for (const UnaryRow& row : unary_rows()) {
    Graph graph;
    for (const Shape& shape : {Shape{}, Shape{1}, Shape{0, 3}, Shape{"batch", 2, 3, 4}}) {
      const Value x = input(graph, "x" + std::to_string(graph.size()), f32, shape);
      EXPECT_EQ(row.f(x).type(), x.type()) << row.name;
    }
  }
}

TEST(Unary, RejectsDTypesThatItHasNoMeaningFor) {
  Graph graph;
  const Value integers = input(graph, "i", i32, {2});
  const Value bools = input(graph, "b", boolean, {2});
  const Value bytes = input(graph, "u", u8, {2});
  for (const UnaryRow& row : unary_rows()) {
    expect_error(ErrorCode::dtype_mismatch, {"bool[2]", "elementwise_test.cpp"}, [&] { row.f(bools); });
  }
  for (const auto f : {sqrt, exp, log, erf, tanh, relu, sigmoid, softplus, gelu}) {
    expect_error(ErrorCode::dtype_mismatch, {"floating point", "expected f32 or f64", "i32[2]"},
                 [&] { f(integers); });
  }
  expect_error(ErrorCode::dtype_mismatch, {"clip", "floating point"}, [&] { clip(integers, 0, 1); });
  expect_error(ErrorCode::dtype_mismatch, {"neg", "no kernel for u8"}, [&] { neg(bytes); });
  expect_error(ErrorCode::dtype_mismatch, {"abs", "no kernel for u8"}, [&] { abs(bytes); });
}

TEST(Clip, RejectsBoundsInTheWrongOrder) {
  Graph graph;
  const Value x = input(graph, "x", f32, {2});
  expect_error(ErrorCode::invalid_argument, {"clip", "low <= high", "low=2, high=1"}, [&] { clip(x, 2, 1); });
  expect_error(ErrorCode::invalid_argument, {"clip", "low <= high"}, [&] { clip(x, kNaN, 1); });
  EXPECT_NO_THROW(clip(x, 1, 1));
}

struct BinaryRow {
  std::string name;
  Value (*f)(const Operand&, const Operand&);
  Numbers a;
  Numbers b;
  Numbers out;
  bool floats_only;
};

const std::vector<BinaryRow>& binary_rows() {
  static const std::vector<BinaryRow> rows = {
      {"add", add, {1, 5, 7}, {2, 3, 0}, {3, 8, 7}, false},
      {"sub", sub, {7, 5, 7}, {2, 3, 0}, {5, 2, 7}, false},
      {"mul", mul, {7, 5, 7}, {2, 3, 0}, {14, 15, 0}, false},
      {"div", div, {7, 5, 0}, {2, 4, 1}, {3.5, 1.25, 0}, true},
      {"pow", pow, {2, 9, 5}, {3, 0.5, 0}, {8, 3, 1}, true},
      {"minimum", minimum, {7, 3, 1}, {2, 3, 9}, {2, 3, 1}, false},
      {"maximum", maximum, {7, 3, 1}, {2, 3, 9}, {7, 3, 9}, false},
  };
  return rows;
}

TEST(Binary, GivesTheNumbersOfItsFormulaInEveryDType) {
  for (const BinaryRow& row : binary_rows()) {
    for (const DType dtype : {f32, f64, i32, i64, u8}) {
      if (row.floats_only && !is_float(dtype)) continue;
      SCOPED_TRACE(row.name + " in " + std::string(name_of(dtype)));
      Graph graph;
      const Value y =
          row.f(constant(graph, tensor_of(row.a, dtype)), constant(graph, tensor_of(row.b, dtype)));
      EXPECT_EQ(y.dtype(), dtype);
      EXPECT_EQ(numbers(evaluate_value(y)), row.out);
    }
  }
}

TEST(Binary, RejectsDTypesThatItHasNoMeaningForAndMixedOnes) {
  Graph graph;
  const Value single = input(graph, "single", f32, {2});
  const Value wide = input(graph, "wide", f64, {2});
  const Value integers = input(graph, "integers", i32, {2});
  const Value bools = input(graph, "bools", boolean, {2});
  for (const BinaryRow& row : binary_rows()) {
    expect_error(ErrorCode::dtype_mismatch, {row.name, "different dtypes", "f32[2] and f64[2]"},
                 [&] { row.f(single, wide); });
    expect_error(ErrorCode::dtype_mismatch, {row.name, "no kernel for bool"}, [&] { row.f(bools, bools); });
    if (!row.floats_only) continue;
    expect_error(ErrorCode::dtype_mismatch, {row.name, "no kernel for i32", "i32[2] and i32[2]"},
                 [&] { row.f(integers, integers); });
  }
}

TEST(Binary, RejectsShapesThatDoNotBroadcast) {
  Graph graph;
  const Value a = input(graph, "a", f32, {2, 3});
  const Value b = input(graph, "b", f32, {2});
  for (const BinaryRow& row : binary_rows()) {
    expect_error(ErrorCode::shape_mismatch,
                 {row.name, "[2, 3] and [2] do not broadcast", "elementwise_test.cpp"}, [&] { row.f(a, b); });
  }
}

TEST(MinimumAndMaximum, KeepNaNFromEitherSide) {
  Graph graph;
  const Value a = constant(graph, Tensor::of<double>({kNaN, 1, kNaN, kInf}));
  const Value b = constant(graph, Tensor::of<double>({1, kNaN, kNaN, -kInf}));
  expect_numbers(numbers(evaluate_value(minimum(a, b))), {kNaN, kNaN, kNaN, -kInf}, 0);
  expect_numbers(numbers(evaluate_value(maximum(a, b))), {kNaN, kNaN, kNaN, kInf}, 0);
}

TEST(Integers, WrapAroundOnOverflow) {
  Graph graph;
  constexpr std::int32_t kMost = std::numeric_limits<std::int32_t>::max();
  constexpr std::int32_t kLeast = std::numeric_limits<std::int32_t>::lowest();
  const Value most = constant(graph, Tensor::of<std::int32_t>({kMost}));
  const Value least = constant(graph, Tensor::of<std::int32_t>({kLeast}));
  const Value wide = constant(graph, Tensor::of<std::int64_t>({std::numeric_limits<std::int64_t>::max()}));
  const Value bytes = constant(graph, Tensor::of<std::uint8_t>({200}));
  const auto first = [](const Value& value) { return numbers(evaluate_value(value))[0]; };
  EXPECT_EQ(first(most + 1), kLeast);
  EXPECT_EQ(first(least - 1), kMost);
  EXPECT_EQ(first(most * 2), -2);
  EXPECT_EQ(first(square(most)), 1);
  EXPECT_EQ(first(-least), kLeast);
  EXPECT_EQ(first(abs(least)), kLeast);
  EXPECT_EQ(first(abs(least + 1)), kMost);
  EXPECT_EQ(first(square(wide)), 1);
  EXPECT_EQ(first(bytes + bytes), 144);
  EXPECT_EQ(first(sum(concat({most, most}, 0))), -2);
}

TEST(Cast, LimitsFloatsToTheRangeOfAnInteger) {
  Graph graph;
  const Value x = constant(graph, Tensor::of<float>({-1e30F, -0.9F, 1.9F, 255.9F, 256.0F, 3e9F,
                                                     std::numeric_limits<float>::infinity(),
                                                     std::numeric_limits<float>::quiet_NaN()}));
  const double most = std::numeric_limits<std::int32_t>::max();
  expect_numbers(numbers(evaluate_value(cast(x, u8))), {0, 0, 1, 255, 255, 255, 255, 0}, 0.0);
  expect_numbers(numbers(evaluate_value(cast(x, i32))), {-most - 1, 0, 1, 255, 256, most, most, 0}, 0.0);
  constexpr double kTwoTo63 = 0x1p63;
  expect_numbers(numbers(evaluate_value(cast(x, i64))), {-kTwoTo63, 0, 1, 255, 256, 3e9, kTwoTo63, 0}, 0.0);
  expect_numbers(numbers(evaluate_value(cast(cast(x, f64), i32))), {-most - 1, 0, 1, 255, 256, most, most, 0},
                 0.0);
}

TEST(Cast, ConvertsAsStaticCastDoes) {
  Graph graph;
  const auto cast_to = [&](DType to) {
    return numbers(evaluate_value(cast(constant(graph, Tensor::of<double>({-1.9, 0, 0.5, 3.7})), to)));
  };
  EXPECT_EQ(cast_to(i32), (Numbers{-1, 0, 0, 3}));
  EXPECT_EQ(cast_to(i64), (Numbers{-1, 0, 0, 3}));
  EXPECT_EQ(cast_to(boolean), (Numbers{1, 0, 1, 1}));
  EXPECT_EQ(cast_to(f64), (Numbers{-1.9, 0, 0.5, 3.7}));
  for (const DType from : {f32, f64, i32, i64, u8, boolean}) {
    for (const DType to : {f32, f64, i32, i64, u8, boolean}) {
      const Value y = cast(constant(graph, tensor_of({1, 0}, from)), to);
      EXPECT_EQ(y.type(), (TensorType{to, {2}}));
      EXPECT_EQ(numbers(evaluate_value(y)), (Numbers{1, 0}));
    }
  }
}

TEST(Where, ChoosesElementByElement) {
  Graph graph;
  const Value condition = constant(graph, Tensor::of<bool>({true, false}, {2, 1}));
  for (const DType dtype : {f32, f64, i32, i64, u8, boolean}) {
    const Value a = constant(graph, tensor_of({1, 1, 1}, dtype));
    const Tensor y = evaluate_value(where(condition, a, constant(graph, tensor_of({0}, dtype))));
    EXPECT_EQ(y.dtype(), dtype);
    EXPECT_EQ(sizes_of(y), (std::vector<std::int64_t>{2, 3}));
    EXPECT_EQ(numbers(y), (Numbers{1, 1, 1, 0, 0, 0}));
  }
  EXPECT_EQ(where(condition, 1.0, 2.0).type(), (TensorType{f32, {2, 1}}));
}

TEST(Where, TakesNothingFromTheSideThatItDoesNotChoose) {
  Graph graph;
  const Value condition = constant(graph, Tensor::of<bool>({true, false}));
  const Value y = where(condition, constant(graph, Tensor::of<double>({1, kNaN})),
                        constant(graph, Tensor::of<double>({kInf, 2})));
  EXPECT_EQ(numbers(evaluate_value(y)), (Numbers{1, 2}));
}

TEST(Where, RejectsConditionsAndBranchesThatDoNotFit) {
  Graph graph;
  const Value condition = input(graph, "c", boolean, {2});
  const Value x = input(graph, "x", f32, {2});
  expect_error(ErrorCode::dtype_mismatch, {"where", "condition must be bool"}, [&] { where(x, x, x); });
  expect_error(ErrorCode::dtype_mismatch, {"where", "different dtypes"},
               [&] { where(condition, x, cast(x, f64)); });
  expect_error(ErrorCode::shape_mismatch, {"where", "do not broadcast"},
               [&] { where(condition, x, input(graph, "y", f32, {3})); });
  expect_error(ErrorCode::shape_mismatch, {"where", "do not broadcast"},
               [&] { where(input(graph, "wide", boolean, {3}), x, x); });
}

}  // namespace
}  // namespace weft
