// Functions that are fed values other than inputs, or that compute with replacements of values.

#include <gtest/gtest.h>

#include "weft/autodiff/gradients.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/gather.h"
#include "weft/ops/layout.h"
#include "weft/ops/random.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::expect_error;
using testing_support::numbers;
using GivenNumbers = std::vector<double>;

class Givens : public testing::Test {
 protected:
  Graph graph_;
  Value x_ = input(graph_, "x", f64, {"batch", 2});
  Value w_ = parameter(graph_, "w", Tensor::of<double>({1, 10}));
  Value hidden_ = (x_ * w_).named("hidden");
  Value y_ = sum(square(hidden_), {1});
  Session session_{graph_};
  Tensor fed_ = Tensor::of<double>({1, 2, 3, 4}, {2, 2});
};

TEST_F(Givens, FeedAValueThatIsOtherwiseComputed) {
  Function f = session_.compile({.inputs = {hidden_}, .outputs = {y_, hidden_ + 1.0}});
  const auto results = f({fed_});
  EXPECT_EQ(numbers(results[0]), (GivenNumbers{5, 25}));
  EXPECT_EQ(numbers(results[1]), (GivenNumbers{2, 3, 4, 5}));
  EXPECT_EQ(f({Tensor::of<double>({2, 0}, {1, 2})})[0].elements(), 1);  // symbols are bound by what is fed
  expect_error(ErrorCode::bad_feed, {"hidden", "f64[batch, 2]"}, [&] { f({Tensor::zeros(f64, {2, 3})}); });
}

TEST_F(Givens, FeedAParameterThatIsReadAndStillStoreIt) {
  const Value next = assign(w_, w_ + reshape(slice(x_, 0, 0, 1), {2}));
  Function step = session_.compile({.inputs = {x_, w_}, .outputs = {hidden_}, .updates = {next}});
  const auto results = step({fed_, Tensor::of<double>({100, 200})});
  EXPECT_EQ(numbers(results[0]), (GivenNumbers{100, 400, 300, 800}));
  EXPECT_EQ(numbers(session_.value(w_)), (GivenNumbers{101, 202}));
}

TEST_F(Givens, ReplaceAnInputByRowsOfAResidentDataSet) {
  const Value data = constant(graph_, Tensor::of<double>({1, 1, 2, 2, 3, 3}, {3, 2}));
  const Value rows = input(graph_, "rows", i64, {"batch"});
  Function f =
      session_.compile({.inputs = {rows}, .outputs = {hidden_}, .givens = {{x_, gather(data, rows)}}});
  EXPECT_EQ(numbers(f({Tensor::of<std::int64_t>({2, 0})})[0]), (GivenNumbers{3, 30, 1, 10}));
}

TEST_F(Givens, ReplaceAValueByAFunctionOfItself) {
  Function f =
      session_.compile({.inputs = {x_}, .outputs = {y_, hidden_}, .givens = {{hidden_, hidden_ * 2.0}}});
  const auto results = f({fed_});
  EXPECT_EQ(numbers(results[1]), (GivenNumbers{2, 40, 6, 80}));
  EXPECT_EQ(numbers(results[0]), (GivenNumbers{1604, 6436}));
}

TEST_F(Givens, ExchangeTwoValues) {
  const Value a = input(graph_, "a", f64, {});
  const Value b = input(graph_, "b", f64, {});
  Function f = session_.compile({.inputs = {a, b}, .outputs = {a - b}, .givens = {{a, b}, {b, a}}});
  EXPECT_EQ(numbers(f({Tensor::of<double>({5}, {}), Tensor::of<double>({3}, {})})[0]), (GivenNumbers{-2}));
}

TEST_F(Givens, ReplaceWhatIsFedByAFunctionOfIt) {
  Function f = session_.compile({.inputs = {x_}, .outputs = {hidden_}, .givens = {{x_, (x_ - 1.0) * 0.5}}});
  EXPECT_EQ(numbers(f({fed_})[0]), (GivenNumbers{0, 5, 1, 15}));
}

TEST_F(Givens, ReachThroughGradients) {
  const Value slope = gradient(sum(y_), x_);
  Function f = session_.compile({.inputs = {hidden_}, .outputs = {slope}});  // 2 hidden w, without x
  EXPECT_EQ(numbers(f({fed_})[0]), (GivenNumbers{2, 40, 6, 80}));
}

TEST_F(Givens, KeepRandomNumbersTheSameInBothPlaces) {
  const Value noise = random_uniform(graph_, f64, {3});
  Function f = session_.compile({.outputs = {noise, noise + 0.0}, .givens = {{noise, noise * 1.0}}});
  const auto results = f();
  EXPECT_EQ(numbers(results[0]), numbers(results[1]));
}

TEST_F(Givens, AreShownByInspect) {
  const Compilation made = session_.inspect({.inputs = {hidden_}, .outputs = {y_}}, {{"batch", 2}});
  for (const NodeId id : made.lowered.steps)
    EXPECT_FALSE(made.lowered.program.graph->node(id).op.is<Parameter>());
}

TEST_F(Givens, HaveTheTypeOfWhatTheyReplace) {
  expect_error(ErrorCode::shape_mismatch, {"a replacement", "f64[batch, 2]", "f64[2]"},
               [&] { session_.compile({.outputs = {y_}, .givens = {{x_, w_}}}); });
  expect_error(ErrorCode::dtype_mismatch, {"a replacement", "f32[batch, 2]"}, [&] {
    session_.compile({.inputs = {x_}, .outputs = {y_}, .givens = {{hidden_, cast(hidden_, f32)}}});
  });
}

TEST_F(Givens, AreMeantOnce) {
  expect_error(ErrorCode::invalid_argument, {"two replacements"}, [&] {
    session_.compile({.inputs = {x_}, .outputs = {y_}, .givens = {{x_, x_ * 2.0}, {x_, x_ * 3.0}}});
  });
  expect_error(ErrorCode::invalid_argument, {"'hidden' comes twice"},
               [&] { session_.compile({.inputs = {hidden_, hidden_}, .outputs = {y_}}); });
  Graph other;
  const Value stranger = constant(other, 1.0, f64);
  expect_error(ErrorCode::invalid_argument, {"belongs to another graph"},
               [&] { session_.compile({.inputs = {stranger}, .outputs = {y_}}); });
}

TEST_F(Givens, AreNotFedFormulas) {
  const Value flat = reshape(x_, {-1});
  expect_error(ErrorCode::invalid_argument, {"a formula of symbols cannot be fed", "f64[batch*2]"},
               [&] { session_.compile({.inputs = {flat}, .outputs = {flat * 2.0}}); });
}

TEST_F(Givens, MayHaveToBeUsed) {
  const Value extra = input(graph_, "extra", f64, {});
  EXPECT_EQ(session_.compile({.inputs = {x_, extra}, .outputs = {y_}}).plans(), 0U);
  expect_error(ErrorCode::invalid_argument, {"'extra' is needed by no output", "givens_test.cpp"}, [&] {
    session_.compile({.inputs = {x_, extra}, .outputs = {y_}, .unused = UnusedInputs::error});
  });
  EXPECT_NO_THROW(session_.compile({.inputs = {x_}, .outputs = {y_}, .unused = UnusedInputs::error}));
}

}  // namespace
}  // namespace weft
