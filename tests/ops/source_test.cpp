#include "weft/ops/source.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::at_line;
using testing_support::evaluate_value;
using testing_support::expect_error;
using testing_support::numbers;

TEST(Input, HasTheTypeAndNameItWasGiven) {
  Graph graph;
  const Value x = input(graph, "pixels", u8, {"batch", 28, 28});
  EXPECT_EQ(x.type(), (TensorType{u8, {"batch", 28, 28}}));
  EXPECT_EQ(x.name(), "pixels");
  expect_error(ErrorCode::invalid_argument, {"input needs a name", "source_test.cpp"},
               [&] { input(graph, "", f32, {}); });
}

TEST(Constant, SharesTheMemoryOfItsTensor) {
  Graph graph;
  const Tensor tensor = Tensor::of<float>({1, 2});
  const Value x = constant(graph, tensor);
  EXPECT_EQ(x.type(), tensor.type());
  EXPECT_EQ(graph.node(x.node()).op.constant()->data(), tensor.data());
  EXPECT_EQ(evaluate_value(x).data(), tensor.data());
  EXPECT_TRUE(identical(evaluate(Constant{tensor}, {})[0], tensor));
}

TEST(Constant, MakesScalarsOfEveryDType) {
  Graph graph;
  for (const DType dtype : {f32, f64, i32, i64, u8, boolean}) {
    const Value x = constant(graph, 1.0, dtype);
    EXPECT_EQ(x.type(), (TensorType{dtype, {}}));
    EXPECT_EQ(numbers(evaluate_value(x)), std::vector<double>{1});
  }
  EXPECT_EQ(constant(graph, 2.5).dtype(), f32);
  EXPECT_EQ(evaluate_value(constant(graph, -9007199254740992.0, i64)).item<std::int64_t>(), -(1LL << 53));
}

TEST(Input, HasANameOfItsOwn) {
  Graph graph;
  const int first = __LINE__ + 1;
  input(graph, "x", f32, {3});
  const auto again = [&](DType dtype, const Shape& shape) {
    expect_error(ErrorCode::invalid_argument,
                 {"the graph has the input 'x' already", "f32[3]", at_line(first), at_line(__LINE__ + 1)},
                 [&] { input(graph, "x", dtype, shape); });
  };
  again(f32, {3});
  again(f64, {30});
  EXPECT_EQ(graph.size(), 1U);
  const Scope scope(graph, "encoder");
  EXPECT_EQ(input(graph, "x", f32, {3}).name(), "encoder/x");
}

TEST(Input, IsFedNumbersAndSymbolsOnly) {
  Graph graph;
  expect_error(ErrorCode::shape_mismatch, {"cannot be fed", "[b*2, 3]", "source_test.cpp"},
               [&] { input(graph, "x", f32, {Dim("b") * 2, 3}); });
}

TEST(Parameter, HasANameOfItsOwn) {
  Graph graph;
  parameter(graph, "w", Tensor::of({1.0F}));
  const int first = __LINE__ - 1;
  expect_error(ErrorCode::invalid_argument,
               {"the graph has the parameter 'w' already", at_line(first), at_line(__LINE__ + 1)},
               [&] { parameter(graph, "w", Tensor::of({1.0F, 2.0F})); });
  expect_error(ErrorCode::invalid_argument, {"initial value", "empty value", "source_test.cpp"},
               [&] { parameter(graph, "v", Value()); });
}

TEST(Constant, KeepsEveryInteger) {
  Graph graph;
  constexpr std::int64_t kBeyondDouble = 9007199254740993;
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(evaluate_value(constant(graph, kBeyondDouble, i64)).item<std::int64_t>(), kBeyondDouble);
  EXPECT_EQ(evaluate_value(constant(graph, kMost, i64)).item<std::int64_t>(), kMost);
  const Value x = constant(graph, Tensor::of<std::int64_t>({kBeyondDouble - 1, kBeyondDouble}));
  EXPECT_EQ(evaluate_value(x * 0 + kBeyondDouble).values<std::int64_t>()[0], kBeyondDouble);
  EXPECT_EQ(numbers(evaluate_value(equal(x, kBeyondDouble))), (std::vector<double>{0, 1}));
  EXPECT_EQ(numbers(evaluate_value(x >= kBeyondDouble)), (std::vector<double>{0, 1}));
  EXPECT_EQ(evaluate_value(where(x > kBeyondDouble, x, kMost)).values<std::int64_t>()[0], kMost);
  EXPECT_EQ(evaluate_value(maximum(x, kMost)).values<std::int64_t>()[1], kMost);
  expect_error(ErrorCode::dtype_mismatch,
               {"add", "i64 cannot hold the number 9223372036854775809", "source_test.cpp"},
               [&] { return x + ((std::uint64_t{1} << 63) + 1); });
  expect_error(ErrorCode::invalid_argument, {"an empty tensor"}, [&] { constant(graph, Tensor()); });
}

TEST(Constant, RejectsNumbersThatAnIntegerCannotHold) {
  struct Row {
    double number;
    DType dtype;
  };
  Graph graph;
  for (const auto& [number, dtype] :
       {Row{1.5, i32}, Row{3e9, i32}, Row{-3e9, i32}, Row{256, u8}, Row{-1, u8}, Row{2, boolean},
        Row{0.5, boolean}, Row{0x1p63, i64}, Row{1e30, i64}, Row{std::nan(""), i64},
        Row{std::numeric_limits<double>::infinity(), i32}}) {
    expect_error(ErrorCode::dtype_mismatch,
                 {std::string(name_of(dtype)) + " cannot hold the number", "source_test.cpp"},
                 [&] { constant(graph, number, dtype); });
  }
}

TEST(Constant, RejectsAnEmptyTensor) {
  Graph graph;
  expect_error(ErrorCode::invalid_argument, {"empty tensor"}, [&] { constant(graph, Tensor()); });
}

TEST(Parameter, IsDeclaredWithItsInitialValue) {
  Graph graph;
  const Value w = parameter(graph, "w", Tensor::of<float>({1, 2}));
  const Value computed = parameter(graph, "v", constant(graph, 1.0) * 2.0);
  EXPECT_EQ(w.type(), (TensorType{f32, {2}}));
  EXPECT_EQ(graph.states().at("w").value, w);
  EXPECT_EQ(numbers(evaluate_value(graph.states().at("v").initial)), std::vector<double>{2});
  EXPECT_EQ(computed.shape(), Shape{});
}

TEST(Parameter, RejectsSymbolsAndNamesThatAreEmptyOrTaken) {
  Graph graph;
  const Value symbolic = input(graph, "x", f32, {"batch"});
  expect_error(ErrorCode::invalid_argument,
               {"parameter 'w'", "without symbols", "f32[batch]", "source_test.cpp"},
               [&] { parameter(graph, "w", symbolic); });
  expect_error(ErrorCode::invalid_argument, {"needs a name"},
               [&] { parameter(graph, "", Tensor::scalar(1.0F)); });
  parameter(graph, "w", Tensor::scalar(1.0F));
  expect_error(ErrorCode::invalid_argument, {"'w' already"},
               [&] { parameter(graph, "w", Tensor::scalar(1.0F)); });
}

TEST(AsValue, KeepsValuesAndMakesConstantsOfNumbers) {
  Graph graph;
  const Value x = input(graph, "x", f64, {2});
  EXPECT_EQ(as_value(x, graph, f32), x);
  EXPECT_EQ(as_value(3, graph, i64).type(), (TensorType{i64, {}}));
  expect_error(ErrorCode::dtype_mismatch, {"u8 cannot hold the number -1"}, [&] { as_value(-1, graph, u8); });
}

TEST(Parameter, RejectsAnInitialValueThatDependsOnAnInput) {
  Graph graph;
  const Value x = input(graph, "x", f32, {2});
  expect_error(ErrorCode::invalid_argument, {"parameter 'w'", "depends on the input 'x'", "source_test.cpp:"},
               [&] { parameter(graph, "w", x * 2.0 + 1.0); });
  EXPECT_TRUE(graph.states().empty());
}

TEST(Parameter, LeavesNoConstantBehindWhenItIsRejected) {
  Graph graph;
  parameter(graph, "w", Tensor::scalar(1.0F));
  const std::size_t size = graph.size();
  EXPECT_THROW(parameter(graph, "w", Tensor::scalar(1.0F)), Error);
  EXPECT_EQ(graph.size(), size);
}

}  // namespace
}  // namespace weft
