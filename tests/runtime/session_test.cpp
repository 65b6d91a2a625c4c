#include "weft/runtime/session.h"

#include <gtest/gtest.h>

#include <thread>

#include "weft/autodiff/gradients.h"
#include "weft/ops/activation.h"
#include "weft/ops/control.h"
#include "weft/ops/matmul.h"
#include "weft/ops/random.h"
#include "weft/ops/reduce.h"
#include "weft/tests/runtime/expect_close.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::at_line;
using testing_support::expect_error;
using testing_support::numbers;
using testing_support::same_bits;
using testing_support::TensorSource;

/// Three random parameters, declared in one order.
struct RandomModel {
  RandomModel() {
    for (const char* label : {"c", "a", "b"}) {
      parameters.push_back(parameter(graph, label, random_normal(graph, f32, {17, 5})));
    }
  }
  Graph graph;
  std::vector<Value> parameters;
};

TEST(Session, InitialValuesDependOnTheSeedAlone) {
  RandomModel model;
  Session reference(model.graph, {.seed = 3});
  for (const int threads : {1, 2, 3}) {
    Session session(model.graph, {.threads = threads, .exact_threads = true, .seed = 3});
    // Functions that use random numbers and parts of the parameters come first, in another order.
    Function noise =
        session.compile({.inputs = {},
                         .outputs = {random_uniform(model.graph, f32, {3}) + sum(model.parameters[2])},
                         .updates = {}});
    noise();
    noise();
    for (const char* label : {"b", "c", "a"}) {
      EXPECT_TRUE(same_bits(session.value(label), reference.value(label))) << label;
    }
  }
  Session other(model.graph, {.seed = 4});
  EXPECT_FALSE(identical(other.value("a"), reference.value("a")));
  EXPECT_FALSE(identical(reference.value("b"), reference.value("a")));
}

TEST(Session, ParametersDeclaredLaterStartAsIfDeclaredBefore) {
  RandomModel model;
  Session early(model.graph, {.seed = 3});
  const Tensor first = early.value("a");
  Function noise =
      early.compile({.inputs = {}, .outputs = {random_uniform(model.graph, f32, {3})}, .updates = {}});
  noise();
  early.set("a", Tensor::zeros(f32, {17, 5}));
  const Value late = parameter(model.graph, "late", random_normal(model.graph, f32, {9}));
  Session afterwards(model.graph, {.seed = 3});
  EXPECT_TRUE(same_bits(early.value(late), afterwards.value(late)));
  EXPECT_TRUE(same_bits(early.value("a"), Tensor::zeros(f32, {17, 5}))) << "what there is already stays";
}

TEST(Session, ValueAndSetCopy) {
  Graph graph;
  const Value w = parameter(graph, "layer/w", Tensor::of<float>({1, 2}));
  Session session(graph);
  Tensor value = session.value(w);
  value.mutable_values<float>()[0] = 50;
  EXPECT_TRUE(same_bits(session.value("layer/w"), Tensor::of<float>({1, 2})));
  session.set(w, value);
  value.mutable_values<float>()[1] = 60;
  EXPECT_TRUE(same_bits(session.value(w), Tensor::of<float>({50, 2})));
  session.set("layer/w", session.value(w));
  EXPECT_TRUE(same_bits(session.value(w), Tensor::of<float>({50, 2})));
}

TEST(Session, FunctionsSeeWhatIsSet) {
  Graph graph;
  const Value w = parameter(graph, "w", Tensor::of<float>({1, 2}));
  Session session(graph);
  Function twice = session.compile({.inputs = {}, .outputs = {w * 2.0}, .updates = {}});
  Function grow = session.compile({.inputs = {}, .outputs = {}, .updates = {assign(w, w + 1.0)}});
  twice();
  session.set(w, Tensor::of<float>({5, 6}));
  EXPECT_TRUE(same_bits(twice()[0], Tensor::of<float>({10, 12})));
  EXPECT_TRUE(grow().empty());
  EXPECT_TRUE(same_bits(twice()[0], Tensor::of<float>({12, 14})));
}

TEST(Session, RefusesWhatIsNoValueOfTheParameter) {
  Graph graph;
  const Value w = parameter(graph, "w", Tensor::of<float>({1, 2}));
  Session session(graph);
  for (const Tensor& wrong : {Tensor(), Tensor::of<double>({1, 2}), Tensor::of<float>({1, 2, 3}),
                              Tensor::of<float>({1, 2}, {1, 2}), Tensor::scalar(1.0F)}) {
    expect_error(ErrorCode::bad_feed, {"'w'", "f32[2]"}, [&] { session.set(w, wrong); });
  }
  EXPECT_TRUE(same_bits(session.value(w), Tensor::of<float>({1, 2})));
  expect_error(ErrorCode::invalid_argument, {"'v'"}, [&] { session.value("v"); });
  expect_error(ErrorCode::invalid_argument, {"'v'"}, [&] { session.set("v", Tensor::of<float>({1, 2})); });
  expect_error(ErrorCode::invalid_argument, {"parameter", "mul"}, [&] { session.value(w * 2.0); });
}

TEST(Session, RefusesValuesOfTheWrongKind) {
  Graph graph;
  const Value x = input(graph, "x", f32, {2});
  const Value w = parameter(graph, "w", Tensor::of<float>({1, 2}));
  Session session(graph);
  expect_error(ErrorCode::invalid_argument, {"update", "assign", "add"},
               [&] { session.compile({.inputs = {}, .outputs = {}, .updates = {w + 1.0}}); });
  expect_error(ErrorCode::invalid_argument, {"'x'", "twice"},
               [&] { session.compile({.inputs = {x, x}, .outputs = {x}, .updates = {}}); });
  expect_error(ErrorCode::invalid_argument, {},
               [&] { session.compile({.inputs = {}, .outputs = {Value()}, .updates = {}}); });
}

TEST(Session, RefusesValuesOfAnotherGraph) {
  Graph other;
  for (int i = 0; i < 10; ++i) constant(other, 1.0);
  const Value theirs = input(other, "x", f32, {2});
  const Value parameter_there = parameter(other, "w", Tensor::of<float>({7, 8}));
  Graph graph;
  const Value w = parameter(graph, "w", Tensor::of<float>({1, 2}));
  Session session(graph);
  const auto refused = [](const auto& action) {
    expect_error(ErrorCode::invalid_argument, {"another graph"}, action);
  };
  refused([&] { session.compile({.inputs = {theirs}, .outputs = {w}, .updates = {}}); });
  refused([&] { session.compile({.inputs = {}, .outputs = {theirs}, .updates = {}}); });
  refused(
      [&] { session.compile({.inputs = {}, .outputs = {}, .updates = {assign(parameter_there, theirs)}}); });
  refused([&] { session.value(parameter_there); });
  refused([&] { session.set(parameter_there, Tensor::of<float>({3, 4})); });
  EXPECT_TRUE(same_bits(session.value(w), Tensor::of<float>({1, 2})));
}

TEST(Session, NeedsAtLeastOneThread) {
  Graph graph;
  expect_error(ErrorCode::invalid_argument, {"thread"},
               [&] { const Session session(graph, {.threads = 0, .exact_threads = true}); });
}

TEST(Session, RandomNumbersDifferBetweenRunsAndRepeatWithTheSeed) {
  Graph graph;
  const Value noise = random_normal(graph, f64, {50});
  const Value other = random_normal(graph, f64, {50});
  std::vector<Tensor> drawn;
  for (const int threads : {1, 2, 1}) {
    Session session(graph, {.threads = threads, .exact_threads = true, .seed = drawn.size() == 8 ? 6U : 5U});
    Function function = session.compile({.inputs = {}, .outputs = {noise, other}, .updates = {}});
    Function again = session.compile({.inputs = {}, .outputs = {noise}, .updates = {}});
    drawn.push_back(function()[0]);
    drawn.push_back(function()[0]);
    drawn.push_back(function()[1]);
    drawn.push_back(again()[0]);
  }
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_TRUE(same_bits(drawn[i], drawn[4 + i])) << "the same seed, draw " << i;
    EXPECT_FALSE(identical(drawn[i], drawn[8 + i])) << "another seed, draw " << i;
    for (std::size_t j = 0; j < i; ++j) EXPECT_FALSE(identical(drawn[i], drawn[j])) << i << " and " << j;
  }
}

TEST(Session, AFunctionWithoutRandomNumbersDoesNotMoveThem) {
  Graph graph;
  const Value noise = random_uniform(graph, f32, {5});
  const Value plain = constant(graph, 1.0) + 2.0;
  Session one(graph, {.seed = 5});
  Session two(graph, {.seed = 5});
  Function first = one.compile({.inputs = {}, .outputs = {noise}, .updates = {}});
  Function second = two.compile({.inputs = {}, .outputs = {noise}, .updates = {}});
  Function idle = two.compile({.inputs = {}, .outputs = {plain}, .updates = {}});
  first();
  second();
  idle();
  idle();
  EXPECT_TRUE(same_bits(first()[0], second()[0]));
}

TEST(Session, APositionBringsItsNumbersBack) {
  Graph graph;
  const Value noise = random_uniform(graph, f32, {5});
  Session session(graph, {.seed = 7});
  const Function draw = session.compile({.outputs = {noise}});
  draw();
  const RandomPosition second = session.random_position();
  EXPECT_EQ(second.seed, 7U);
  const Tensor numbers_then = draw()[0];
  EXPECT_NE(session.random_position(), second);
  Session other(graph);
  other.set_random_position(second);
  EXPECT_EQ(other.seed(), 7U);
  EXPECT_TRUE(same_bits(other.compile({.outputs = {noise}})()[0], numbers_then));
  EXPECT_EQ(other.random_position(), session.random_position());
}

TEST(Session, DropoutUsesOneMaskForwardAndBackward) {
  for (const int threads : {1, 2, 4}) {
    Graph graph;
    const Value x = input(graph, "x", f32, {40, 25});
    const Value y = dropout(x, 0.3);
    const Value dx = gradient(sum(y), x);
    Session session(graph, {.threads = threads, .exact_threads = true, .seed = 11});
    Function function = session.compile({.inputs = {x}, .outputs = {y, dx}, .updates = {}});
    const Tensor ones = TensorSource("ones").uniform({40, 25}, 1.0, 1.0, f32);
    Tensor last;
    for (int run = 0; run < 3; ++run) {
      const auto outputs = function({ones});
      EXPECT_TRUE(same_bits(outputs[0], outputs[1])) << "of ones, output and gradient are the scaled mask";
      EXPECT_TRUE(last.empty() || !identical(last, outputs[0])) << "each run has a mask of its own";
      last = outputs[0];
    }
    const auto mask = numbers(last);
    const auto kept = std::ranges::count_if(mask, [](double value) { return value > 0.0; });
    EXPECT_NEAR(static_cast<double>(kept), 700.0, 90.0);
  }
}

TEST(Session, TwoSessionsOfOneGraphWorkInTwoThreads) {
  Graph graph;
  const Value x = input(graph, "x", f32, {8, 6});
  const Value w = parameter(graph, "w", random_normal(graph, f32, {6, 6}));
  const Value y = tanh(matmul(x, w));
  const FunctionSpec spec{
      .inputs = {x}, .outputs = {sum(y)}, .updates = {assign(w, w - 0.01 * matmul(x, y, true))}};
  const Tensor data = TensorSource("two sessions").uniform({8, 6}, -1.0, 1.0, f32);
  const auto train = [&](std::uint64_t seed, int threads) {
    Session session(graph, {.threads = threads, .exact_threads = true, .seed = seed});
    Function step = session.compile(spec);
    for (int i = 0; i < 200; ++i) step({data});
    return session.value(w);
  };
  const Tensor first = train(1, 2);
  const Tensor second = train(2, 1);
  std::vector<Tensor> results(2);
  {
    const std::jthread one([&] { results[0] = train(1, 2); });
    const std::jthread two([&] { results[1] = train(2, 1); });
  }
  EXPECT_TRUE(same_bits(results[0], first));
  EXPECT_TRUE(same_bits(results[1], second));
}

TEST(Session, RefusesToCompileWithoutAnInputThatIsNeeded) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 2});
  const auto built = at_line(__LINE__ + 1);
  const Value labels = input(graph, "labels", f32, {"batch"});
  const Value fixed = input(graph, "fixed", f32, {2});
  const Value w = parameter(graph, "w", Tensor::of<float>({1, 2}));
  Session session(graph);
  expect_error(
      ErrorCode::invalid_argument,
      {at_line(__LINE__ + 2), "the input 'labels' (built at " + built + "), which is not among its inputs",
       "expected 'labels' f32[batch] among the inputs, got x"},
      [&] { session.compile({.inputs = {x}, .outputs = {sum(x, {1}) * labels}}); });
  expect_error(ErrorCode::invalid_argument, {"the input 'fixed'", "got no inputs"},
               [&] { session.compile({.updates = {assign(w, fixed)}}); });
  expect_error(ErrorCode::invalid_argument, {"the input 'labels'", at_line(__LINE__ + 1)},
               [&] { session.inspect({.inputs = {x}, .outputs = {labels}}, {{"batch", 3}}); });
}

TEST(Session, RefusesToCompileTwoUpdatesOfOneParameter) {
  Graph graph;
  const Value w = parameter(graph, "w", Tensor::of<float>({1, 2}));
  const auto line = at_line(__LINE__ + 1);
  const Value first = assign(w, w + 1.0);
  const Value second = assign(w, w * 2.0);
  Session session(graph);
  expect_error(
      ErrorCode::invalid_argument,
      {at_line(__LINE__ + 1), "'w' has two updates, at " + line + " and at " + at_line(__LINE__ - 4)},
      [&] { session.compile({.updates = {first, second}}); });
  expect_error(ErrorCode::invalid_argument, {"two updates"},
               [&] { session.compile({.updates = {first, first}}); });
}

TEST(Session, NamesTheEmptyValueOfASpecification) {
  Graph graph;
  const Value w = parameter(graph, "w", Tensor::of<float>({1, 2}));
  Session session(graph);
  const auto refused = [](const std::string& what, const auto& action) {
    expect_error(ErrorCode::invalid_argument, {what + " is an empty value", "session_test.cpp:"}, action);
  };
  refused("output 1", [&] { session.compile({.outputs = {w, Value()}}); });
  refused("input 0", [&] { session.compile({.inputs = {Value()}, .outputs = {w}}); });
  refused("update 0", [&] { session.compile({.updates = {Value()}}); });
  refused("a parameter", [&] { session.value(Value()); });
}

TEST(Session, SuggestsTheNamesOfParameters) {
  Graph graph;
  Session session(graph);
  expect_error(ErrorCode::invalid_argument, {"value", "'w'", "no parameters", at_line(__LINE__ + 1)},
               [&] { session.value("w"); });
  parameter(graph, "dense1/weight", Tensor::of<float>({1, 2}));
  parameter(graph, "dense1/bias", Tensor::of<float>({1, 2}));
  expect_error(ErrorCode::invalid_argument,
               {"no parameter 'dense1/wieght' (did you mean 'dense1/weight'?)",
                "one of: dense1/bias, dense1/weight", at_line(__LINE__ + 1)},
               [&] { session.value("dense1/wieght"); });
}

TEST(Session, ParametersMayStartFromOthers) {
  Graph graph;
  // In the order of names, each comes before what it starts from.
  const Value c = parameter(graph, "c", random_normal(graph, f32, {3}));
  const Value b = parameter(graph, "b", cast(c, f64));
  const Value a = parameter(graph, "a", b * 2.0 + b);
  Session session(graph);
  const auto start = numbers(session.value(c));
  const auto scaled = numbers(session.value(a));
  EXPECT_EQ(numbers(session.value(b)), start);
  for (std::size_t i = 0; i < start.size(); ++i) EXPECT_EQ(scaled[i], 3.0 * start[i]);
  session.set(c, Tensor::of<float>({1, 2, 3}));
  const Value late = parameter(graph, "late", c + 1.0);
  EXPECT_EQ(numbers(session.value(late)), (std::vector<double>{2, 3, 4})) << "from what there is now";
  EXPECT_EQ(numbers(session.value(b)), start) << "what there is already stays";
}

}  // namespace
}  // namespace weft
