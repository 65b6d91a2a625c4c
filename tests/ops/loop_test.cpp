#include "weft/ops/loop.h"

#include <gtest/gtest.h>

#include "weft/ops/branch.h"
#include "weft/ops/compare.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/random.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::at_line;
using testing_support::evaluate_value;
using testing_support::evaluate_values;
using testing_support::expect_error;
using testing_support::numbers;
using LoopNumbers = std::vector<double>;

class Loops : public testing::Test {
 protected:
  Value vector(const std::vector<double>& x) { return constant(graph_, Tensor::of<double>(x)); }
  Value number(double x) { return constant(graph_, x, f64); }

  Graph graph_;
};

ScanStep running_sum(std::span<const Value> states, std::span<const Value> elements) {
  const Value next = states[0] + elements[0];
  return {.states = {next}, .outputs = {next * 10.0}};
}

TEST_F(Loops, AScanCarriesStatesFromElementToElementAndStacksOutputs) {
  const ScanResult made = scan(running_sum, std::array{number(1)}, std::array{vector({1, 2, 3})});
  EXPECT_EQ(numbers(evaluate_value(made.states[0])), (LoopNumbers{7}));
  EXPECT_EQ(numbers(evaluate_value(made.outputs[0])), (LoopNumbers{20, 40, 70}));
}

TEST_F(Loops, AReverseScanBeginsAtTheLastElement) {
  const ScanResult made =
      scan(running_sum, std::array{number(1)}, std::array{vector({1, 2, 3})}, {.reverse = true});
  EXPECT_EQ(numbers(evaluate_value(made.outputs[0])), (LoopNumbers{70, 60, 40}));
}

TEST_F(Loops, AScanOfNoElementsKeepsItsStates) {
  const Value none = input(graph_, "none", f64, {0});
  const ScanResult made = scan(running_sum, std::array{number(5)}, std::array{none});
  EXPECT_EQ(numbers(evaluate_value(made.states[0], {{"none", Tensor::zeros(f64, {0})}})), (LoopNumbers{5}));
  EXPECT_EQ(made.outputs[0].type(), (TensorType{f64, {0}}));
}

TEST_F(Loops, BlocksOfStepsGiveTheSameWhateverIsLeftOver) {
  for (const std::int64_t k : {1, 2, 3, 5, 7}) {
    for (const bool reverse : {false, true}) {
      const Value x = vector({1, 2, 3, 4, 5});
      const ScanResult plain = scan(running_sum, std::array{number(1)}, std::array{x}, {.reverse = reverse});
      const ScanResult blocks =
          scan(running_sum, std::array{number(1)}, std::array{x}, {.reverse = reverse, .checkpoint = k});
      EXPECT_EQ(numbers(evaluate_value(blocks.outputs[0])), numbers(evaluate_value(plain.outputs[0]))) << k;
      EXPECT_EQ(numbers(evaluate_value(blocks.states[0])), numbers(evaluate_value(plain.states[0]))) << k;
    }
  }
}

TEST_F(Loops, BodiesUseValuesOfTheGraphAroundThem) {
  const Value outer = vector({10, 20});
  const Value doubled = outer * 2.0;
  const std::vector<Value> y =
      map([&](std::span<const Value> x) { return std::vector<Value>{x[0] * doubled + outer}; },
          std::array{vector({1, 2})});
  EXPECT_EQ(numbers(evaluate_value(y[0])), (LoopNumbers{30, 60, 50, 100}));
}

TEST_F(Loops, ScansOfScansAreScans) {
  const ScanFunction outer = [](std::span<const Value> states, std::span<const Value> rows) {
    const ScanResult inner = scan(running_sum, states, rows);
    return ScanStep{.states = inner.states, .outputs = {inner.outputs[0]}};
  };
  const Value x = constant(graph_, Tensor::of<double>({1, 2, 3, 4}, {2, 2}));
  const ScanResult made = scan(outer, std::array{number(0)}, std::array{x});
  EXPECT_EQ(numbers(evaluate_value(made.outputs[0])), (LoopNumbers{10, 30, 60, 100}));
}

TEST_F(Loops, ALengthMayBeASymbol) {
  const Value x = input(graph_, "x", f64, {"steps"});
  const ScanResult made = scan(running_sum, std::array{number(0)}, std::array{x});
  EXPECT_EQ(made.outputs[0].type(), (TensorType{f64, {"steps"}}));
  EXPECT_EQ(numbers(evaluate_value(made.states[0], {{"x", Tensor::of<double>({1, 2, 3})}}, {{"steps", 3}})),
            (LoopNumbers{6}));
}

TEST_F(Loops, EachStepDrawsRandomNumbersOfItsOwn) {
  const ScanFunction step = [&](std::span<const Value>, std::span<const Value>) {
    return ScanStep{.states = {}, .outputs = {random_uniform(graph_, f64, {})}};
  };
  const Value drawn = scan(step, {}, std::array{vector({0, 0, 0})}).outputs[0];
  const LoopNumbers first = numbers(evaluate_value(drawn));
  EXPECT_NE(first[0], first[1]);
  EXPECT_NE(first[1], first[2]);
  EXPECT_EQ(numbers(evaluate_value(drawn)), first) << "of one key, the same";
  EXPECT_NE(numbers(evaluate_value(drawn, {{"random_key", Tensor::of<std::int64_t>({1, 1})}})), first);
}

TEST_F(Loops, AWhileLoopStepsUntilItsConditionIsFalse) {
  const WhileResult made =
      while_loop([](std::span<const Value> s) { return less(s[0], 100.0); },
                 [](std::span<const Value> s) { return std::vector<Value>{s[0] * 2.0, s[1] + s[0]}; },
                 std::array{number(3), number(0)});
  const auto found = evaluate_values(std::array{made.states[0], made.states[1], made.steps});
  EXPECT_EQ(numbers(found[0]), (LoopNumbers{192}));
  EXPECT_EQ(numbers(found[1]), (LoopNumbers{3 + 6 + 12 + 24 + 48 + 96}));
  EXPECT_EQ(numbers(found[2]), (LoopNumbers{6}));
}

TEST_F(Loops, AWhileLoopRecordsStatesAsTheyWereBeforeEachStep) {
  const WhileResult made =
      while_loop([](std::span<const Value> s) { return less(s[0], 20.0); },
                 [](std::span<const Value> s) { return std::vector<Value>{s[0] * 3.0, s[1] + 1}; },
                 std::array{number(1), constant(graph_, 5, i64)}, {.max_steps = 5});
  const Node& node = graph_.node(made.steps.node());
  WhileLoop recording = *node.op.as<WhileLoop>();
  recording.recorded = {1, 0};
  std::vector<Value> inputs;
  for (const ValueId& id : node.inputs) inputs.push_back(graph_.value(id));
  const std::vector<Value> outputs = graph_.outputs_of(graph_.add(recording, inputs, {}));
  EXPECT_EQ(numbers(evaluate_value(outputs[2])), (LoopNumbers{3}));
  EXPECT_EQ(numbers(evaluate_value(outputs[3])), (LoopNumbers{5, 6, 7, 0, 0}));
  EXPECT_EQ(numbers(evaluate_value(outputs[4])), (LoopNumbers{1, 3, 9, 0, 0}));
  recording.max_steps = -1;
  expect_error(ErrorCode::invalid_argument, {"up to max_steps"}, [&] { graph_.add(recording, inputs, {}); });
}

TEST_F(Loops, AWhileLoopEndsAfterItsMostSteps) {
  const auto doubles = [](std::span<const Value> s) { return std::vector<Value>{s[0] * 2.0}; };
  const auto always = [](std::span<const Value> s) { return less(s[0], 1e9); };
  const WhileResult made = while_loop(always, doubles, std::array{number(1)}, {.max_steps = 3});
  EXPECT_EQ(numbers(evaluate_value(made.states[0])), (LoopNumbers{8}));
  const WhileResult none = while_loop(always, doubles, std::array{number(1)}, {.max_steps = 0});
  EXPECT_EQ(numbers(evaluate_value(none.states[0])), (LoopNumbers{1}));
}

TEST_F(Loops, ABranchComputesWhatItsPredicateSays) {
  const Value x = input(graph_, "x", f64, {});
  const std::vector<Value> y = cond(
      greater(x, 0.0), [&] { return std::vector<Value>{sqrt(x)}; }, [&] { return std::vector<Value>{-x}; });
  EXPECT_EQ(numbers(evaluate_value(y[0], {{"x", Tensor::scalar(9.0)}})), (LoopNumbers{3}));
  EXPECT_EQ(numbers(evaluate_value(y[0], {{"x", Tensor::scalar(-9.0)}})), (LoopNumbers{9}));
}

TEST_F(Loops, ErrorsNameWhatIsWrongAndTheUsersLine) {
  const std::size_t before = graph_.size();
  const Value state = number(1);
  const Value x = vector({1, 2});
  const auto widens = [&](std::span<const Value> s, std::span<const Value>) {
    return ScanStep{.states = {s[0] + vector({1, 2})}, .outputs = {}};
  };
  expect_error(ErrorCode::invalid_argument,
               {"must keep the type of state 0", "f64[]", "f64[2]", at_line(__LINE__ + 1)},
               [&] { scan(widens, std::array{state}, std::array{x}); });
  const auto forgets = [](std::span<const Value>, std::span<const Value>) { return ScanStep{}; };
  expect_error(ErrorCode::invalid_argument, {"as many states", at_line(__LINE__ + 1)},
               [&] { scan(forgets, std::array{state}, std::array{x}); });
  expect_error(ErrorCode::shape_mismatch, {"sequence 1 has another length", at_line(__LINE__ + 1)},
               [&] { scan(running_sum, std::array{state}, std::array{x, vector({1})}); });
  expect_error(ErrorCode::invalid_argument, {"needs a length", at_line(__LINE__ + 1)},
               [&] { scan(running_sum, std::array{state}, {}); });
  expect_error(ErrorCode::shape_mismatch, {"one bool", "bool[]", "f64[]"}, [&] {
    while_loop([](std::span<const Value> s) { return s[0]; },
               [](std::span<const Value> s) { return std::vector<Value>{s[0]}; }, std::array{state});
  });
  expect_error(ErrorCode::invalid_argument, {"values of the same types", "f64[]", "f64[2]"}, [&] {
    cond(less(state, 2.0), [&] { return std::vector<Value>{state}; }, [&] { return std::vector<Value>{x}; });
  });
  const auto adds_one = [](std::span<const Value> s) { return std::vector<Value>{s[0], s[0]}; };
  expect_error(ErrorCode::invalid_argument, {"while_loop", "as many states", at_line(__LINE__ + 1)}, [&] {
    while_loop([](std::span<const Value> s) { return equal(s[0], s[0]); }, adds_one, std::array{state});
  });
  const std::size_t given = 5;  // the state, two sequences, and a comparison with a number
  EXPECT_EQ(graph_.size(), before + given) << "a loop that fails leaves nothing behind";
}

TEST_F(Loops, AnUpdateHasNoMeaningInside) {
  const Value weight = parameter(graph_, "w", Tensor::scalar(1.0));
  const auto updates = [&](std::span<const Value> s, std::span<const Value>) {
    return ScanStep{.states = {assign(weight, s[0])}, .outputs = {}};
  };
  expect_error(ErrorCode::invalid_argument, {"no place inside of scan"},
               [&] { scan(updates, std::array{number(1)}, std::array{vector({1})}); });
}

TEST_F(Loops, AValueOfAStepIsOfNoUseOutside) {
  Value kept;
  const auto leaks = [&](std::span<const Value> s, std::span<const Value>) {
    kept = s[0];
    return ScanStep{.states = {s[0]}, .outputs = {}};
  };
  scan(leaks, std::array{number(1)}, std::array{vector({1})});
  expect_error(ErrorCode::unsupported, {"one step of scan", "outside"}, [&] { evaluate_value(kept); });
}

TEST_F(Loops, BodiesAreEqualWhenTheyDoTheSame) {
  const auto made = [&](double factor) {
    const auto step = [factor](std::span<const Value> s, std::span<const Value> x) {
      return ScanStep{.states = {s[0] + x[0] * factor}, .outputs = {}};
    };
    return graph_.node(scan(step, std::array{number(1)}, std::array{vector({1})}).states[0].node()).op;
  };
  EXPECT_EQ(made(2.0), made(2.0));
  EXPECT_NE(made(2.0), made(3.0));
}

}  // namespace
}  // namespace weft
