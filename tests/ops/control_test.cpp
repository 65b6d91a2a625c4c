#include "weft/ops/control.h"

#include <gtest/gtest.h>

#include "weft/ops/elementwise.h"
#include "weft/ops/source.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::evaluate_value;
using testing_support::expect_error;
using testing_support::numbers;

TEST(StopGradient, ChangesNoNumber) {
  Graph graph;
  for (const DType dtype : {f32, f64, i32, i64, u8, boolean}) {
    const Value x = cast(constant(graph, Tensor::of<double>({1, 0})), dtype);
    EXPECT_EQ(stop_gradient(x).type(), x.type());
    EXPECT_EQ(numbers(evaluate_value(stop_gradient(x))), (std::vector<double>{1, 0}));
  }
}

TEST(Assign, PassesOnWhatItStores) {
  Graph graph;
  const Value w = parameter(graph, "w", Tensor::of<float>({1, 2}));
  const Value update = assign(w, w * 3.0);
  EXPECT_EQ(update.type(), w.type());
  const testing_support::Feeds feeds{{"w", Tensor::of<float>({1, 2})}};
  EXPECT_EQ(numbers(evaluate_value(update, feeds)), (std::vector<double>{3, 6}));
  EXPECT_EQ(numbers(feeds.at("w")), (std::vector<double>{1, 2}));
  EXPECT_TRUE(graph.node(update.node()).op.traits().stateful);
}

TEST(Assign, TakesANumberForAScalar) {
  Graph graph;
  const Value step = parameter(graph, "step", Tensor::scalar<std::int64_t>(0));
  EXPECT_EQ(assign(step, 5).type(), step.type());
  expect_error(ErrorCode::dtype_mismatch, {"i64 cannot hold the number 0.5"}, [&] { assign(step, 0.5); });
}

TEST(Assign, RejectsTargetsThatAreNoParameters) {
  Graph graph;
  const Value w = parameter(graph, "w", Tensor::of<float>({1, 2}));
  const Value x = input(graph, "x", f32, {2});
  expect_error(ErrorCode::invalid_argument,
               {"assign 'x'", "only a parameter", "got input", "control_test.cpp"}, [&] { assign(x, w); });
  expect_error(ErrorCode::invalid_argument, {"only a parameter", "got mul"}, [&] { assign(w * 1.0, w); });
  expect_error(ErrorCode::invalid_argument, {"number 1"}, [&] { assign(1.0, w); });
}

TEST(Assign, RejectsValuesOfAnotherType) {
  Graph graph;
  const Value w = parameter(graph, "w", Tensor::of<float>({1, 2}));
  expect_error(ErrorCode::shape_mismatch,
               {"assign", "keeps its type", "expected f32[2], got f32[3]", "control_test.cpp"},
               [&] { assign(w, input(graph, "x", f32, {3})); });
  expect_error(ErrorCode::shape_mismatch, {"expected f32[2], got f32[]"}, [&] { assign(w, 0.0); });
  expect_error(ErrorCode::dtype_mismatch, {"keeps its type", "got f64[2]"}, [&] { assign(w, cast(w, f64)); });
}

}  // namespace
}  // namespace weft
