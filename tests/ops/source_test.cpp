#include "weft/ops/source.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "weft/ops/elementwise.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

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

}  // namespace
}  // namespace weft
