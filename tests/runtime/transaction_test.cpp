// A run is a transaction: reads see what was there before it, updates are visible after it.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>

#include "weft/ops/activation.h"
#include "weft/ops/compare.h"
#include "weft/ops/control.h"
#include "weft/ops/layout.h"
#include "weft/ops/loss.h"
#include "weft/ops/matmul.h"
#include "weft/ops/reduce.h"
#include "weft/runtime/session.h"
#include "weft/tests/runtime/expect_close.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::close_to;
using testing_support::evaluate_values;
using testing_support::expect_error;
using testing_support::Feeds;
using testing_support::replay;
using testing_support::same_bits;
using testing_support::TensorSource;

/// Four square parameters and an input to build updates from.
struct UpdatedModel {
  explicit UpdatedModel(TensorSource& source) {
    x = input(graph, "x", f64, {5, 5});
    for (const char* label : {"a", "b", "c", "d"}) {
      parameters.push_back(parameter(graph, label, source.uniform({5, 5})));
    }
  }
  Value operator[](std::size_t i) const { return parameters[i]; }
  Value& out(const Value& value) { return outputs.emplace_back(value); }
  Value& update(const Value& parameter, const Value& value) {
    return updates.emplace_back(assign(parameter, value));
  }

  Graph graph;
  Value x;
  std::vector<Value> parameters;
  std::vector<Value> outputs;
  std::vector<Value> updates;
};

struct UpdateCase {
  std::string name;
  std::function<void(UpdatedModel&)> build;
};

const std::vector<UpdateCase>& update_cases() {
  static const std::vector<UpdateCase> cases{
      {"Swap", [](UpdatedModel& m) { m.update(m[0], m[1]), m.update(m[1], m[0]); }},
      {"SwapOfSums", [](UpdatedModel& m) { m.update(m[0], m[1] + m.x), m.update(m[1], m[0] * 2.0 + m.x); }},
      {"RotationOfFour",
       [](UpdatedModel& m) {
         for (std::size_t i = 0; i < 4; ++i) m.update(m[i], tanh(m[(i + 1) % 4]));
       }},
      {"OutputReadsAnUpdatedParameter",
       [](UpdatedModel& m) { m.out(m[0] * 3.0), m.update(m[0], m[0] + 1.0), m.out(matmul(m[0], m.x)); }},
      {"OutputIsTheOldValue", [](UpdatedModel& m) { m.out(m[0]), m.update(m[0], m[0] - m.x); }},
      {"OutputIsTheNewValue",
       [](UpdatedModel& m) {
         const Value next = m[0] - 0.5 * m.x;
         m.out(next), m.update(m[0], next), m.out(next * 2.0);
       }},
      {"OutputIsTheUpdateItself", [](UpdatedModel& m) { m.out(m.update(m[0], m[0] + m.x)); }},
      {"OutputReadsTheUpdate", [](UpdatedModel& m) { m.out(m.update(m[0], m[0] + m.x) * 2.0 - m[0]); }},
      {"UpdateFromAnUpdate",
       [](UpdatedModel& m) {
         const Value first = m.update(m[0], m[0] + m.x);
         m.update(m[1], first * 0.5), m.update(m[2], first);
       }},
      {"DifferenceOfNewAndOld",
       [](UpdatedModel& m) {
         const Value next = sigmoid(m[0]) + m.x;
         m.update(m[0], next), m.out(next - m[0]);
       }},
      {"FromTheFeed", [](UpdatedModel& m) { m.update(m[0], m.x), m.out(m.x + m[0]); }},
      {"FromAConstant",
       [](UpdatedModel& m) { m.update(m[0], broadcast_to(constant(m.graph, 2.5, f64), {5, 5})); }},
      {"FromItself", [](UpdatedModel& m) { m.update(m[0], m[0]), m.out(m[0]); }},
      {"FromAViewOfItself",
       [](UpdatedModel& m) { m.update(m[0], reshape(reshape(m[0], {25}) * 2.0, {5, 5})); }},
      {"FromItsTranspose", [](UpdatedModel& m) { m.update(m[0], transpose(m[0])); }},
      {"FromItselfAndItsTranspose", [](UpdatedModel& m) { m.update(m[0], m[0] + transpose(m[0])); }},
      {"FromItsOwnRow", [](UpdatedModel& m) { m.update(m[0], m[0] * slice(m[0], 0, 2, 3)); }},
      {"FromItsOwnColumn", [](UpdatedModel& m) { m.update(m[0], m[0] - slice(m[0], 1, 1, 2)); }},
      {"FromItsProductWithItself", [](UpdatedModel& m) { m.update(m[0], matmul(m[0], m[0])); }},
      {"AccumulatedOntoItself", [](UpdatedModel& m) { m.update(m[0], m[0] - 0.1 * matmul(m[0], m[0])); }},
      {"TwoFromOneValue",
       [](UpdatedModel& m) {
         const Value shared = m[2] * m.x;
         m.update(m[0], shared), m.update(m[1], shared), m.out(shared);
       }},
      {"OneFromTheOtherNewValue",
       [](UpdatedModel& m) {
         const Value next = 0.9 * m[0] + m.x;
         m.update(m[0], next), m.update(m[1], m[1] - 0.1 * next), m.update(m[2], next + m[1]);
       }},
      {"GradientDescent",
       [](UpdatedModel& m) {
         const Value h = relu(matmul(m.x, m[0]));
         const Value y = matmul(h, m[1]);
         const Value dh = matmul(y, m[1], false, true);
         m.out(sum(square(y)));
         m.update(m[1], m[1] - 0.01 * matmul(h, y, true));
         m.update(m[0], m[0] - 0.01 * matmul(m.x, where(h > 0.0, dh, 0.0), true));
       }},
      {"FromTheSecondOutput",
       [](UpdatedModel& m) {
         const Value labels = constant(m.graph, Tensor::of<std::int64_t>({0, 1, 2, 3, 4}));
         const auto outputs = apply_all(SoftmaxCrossEntropy{}, {m[0], labels});
         m.update(m[0], outputs[1]), m.out(outputs[0]), m.out(outputs[1]);
       }},
      {"NothingButAnUpdate", [](UpdatedModel& m) { m.update(m[3], m[3] + 1.0); }},
  };
  return cases;
}

struct Setting {
  int threads;
  bool in_place;
};

class TransactionWith : public testing::TestWithParam<Setting> {};

/// Runs the model several times, and each time compares everything with what the interpreter makes of the
/// values from before the run.
void expect_transactions(UpdatedModel& model, TensorSource& source, const Setting& setting) {
  Session session(
      model.graph,
      {.threads = setting.threads, .exact_threads = true, .compile = {.in_place_updates = setting.in_place}});
  Function step = session.compile({.inputs = {model.x}, .outputs = model.outputs, .updates = model.updates});
  std::vector<Value> roots = model.outputs;
  roots.insert(roots.end(), model.updates.begin(), model.updates.end());
  for (int run = 0; run < 3; ++run) {
    const Tensor x = source.uniform({5, 5});
    Feeds feeds{{"x", x}};
    for (const auto& [label, state] : model.graph.states()) feeds[label] = session.value(label);
    const auto expected = evaluate_values(roots, feeds);
    const auto outputs = step({x});
    for (std::size_t i = 0; i < outputs.size(); ++i) EXPECT_TRUE(close_to(outputs[i], expected[i], 1e-12));
    std::map<std::string, Tensor> after(feeds.begin(), feeds.end());
    for (std::size_t i = 0; i < model.updates.size(); ++i) {
      const Node& node = model.graph.node(model.updates[i].node());
      after[model.graph.node(node.inputs[0].node).name] = expected[outputs.size() + i];
    }
    for (const auto& [label, state] : model.graph.states()) {
      EXPECT_TRUE(close_to(session.value(label), after.at(label), 1e-12)) << "parameter " << label;
    }
  }
}

TEST_P(TransactionWith, ReadsSeeTheValuesFromBeforeTheRun) {
  for (const UpdateCase& update_case : update_cases()) {
    SCOPED_TRACE(update_case.name + "; " + replay());
    TensorSource source("transaction " + update_case.name);
    UpdatedModel model(source);
    update_case.build(model);
    expect_transactions(model, source, GetParam());
  }
}

/// A value made of random parameters, views and sums of them.
Value random_value(UpdatedModel& model, TensorSource& source, int depth) {
  const auto any = [&] { return random_value(model, source, depth - 1); };
  if (depth == 0 || source.below(4) == 0) {
    const auto pick = static_cast<std::size_t>(source.below(5));
    return pick == 4 ? model.x : model[pick];
  }
  switch (source.below(7)) {
    case 0:
      return tanh(any());
    case 1:
      return transpose(any());
    case 2:
      return tanh(matmul(any(), any()));
    case 3:
      return any() * slice(any(), 0, 1, 2);
    case 4:
      return reshape(relu(reshape(any(), {25})), {5, 5});
    case 5:
      return any() - any();
    default:
      return 0.5 * any() + any();
  }
}

TEST_P(TransactionWith, RandomUpdatesSeeTheValuesFromBeforeTheRun) {
  TensorSource source("random transactions");
  for (int round = 0; round < 60; ++round) {
    SCOPED_TRACE(fmt::format("round {}; {}", round, replay()));
    UpdatedModel model(source);
    std::vector<Value> values;
    for (std::size_t i = 0; i < 4; ++i) {
      // Sometimes two parameters share a value, or one stores what another updates to.
      const bool shared = !values.empty() && source.below(3) == 0;
      values.push_back(shared ? values.back() : random_value(model, source, 3));
      if (source.below(4) > 0) model.update(model[i], values.back());
      if (source.coin()) model.out(source.coin() ? values.back() : values.back() - model[i]);
    }
    if (model.updates.empty() && model.outputs.empty()) continue;
    expect_transactions(model, source, GetParam());
    ASSERT_FALSE(testing::Test::HasFailure());
  }
}

INSTANTIATE_TEST_SUITE_P(Settings, TransactionWith,
                         testing::Values(Setting{1, true}, Setting{1, false}, Setting{2, true},
                                         Setting{2, false}, Setting{3, true}, Setting{4, true}),
                         [](const auto& setting) {
                           return fmt::format("{}Threads{}", setting.param.threads,
                                              setting.param.in_place ? "InPlace" : "WithCopies");
                         });

TEST(Transaction, InPlaceUpdatesHaveTheBitsOfCopies) {
  for (const UpdateCase& update_case : update_cases()) {
    SCOPED_TRACE(update_case.name + "; " + replay());
    std::vector<std::map<std::string, Tensor>> results;
    for (const bool in_place : {true, false}) {
      TensorSource source("bits of " + update_case.name);
      UpdatedModel model(source);
      update_case.build(model);
      Session session(model.graph, {.compile = {.in_place_updates = in_place}});
      Function step =
          session.compile({.inputs = {model.x}, .outputs = model.outputs, .updates = model.updates});
      step({source.uniform({5, 5})});
      auto& values = results.emplace_back();
      for (const auto& [label, state] : model.graph.states()) values[label] = session.value(label);
    }
    for (const auto& [label, value] : results[0])
      EXPECT_TRUE(same_bits(value, results[1].at(label))) << label;
  }
}

TEST(Transaction, InPlaceUpdatesSaveTheCopy) {
  Graph graph;
  const Value w = parameter(graph, "w", Tensor::zeros(f32, {64, 64}));
  const Value x = input(graph, "x", f32, {64, 64});
  std::vector<std::size_t> steps;
  for (const bool in_place : {true, false}) {
    Session session(graph, {.compile = {.in_place_updates = in_place}});
    const auto compilation =
        session.inspect({.inputs = {x}, .outputs = {}, .updates = {assign(w, w - 0.1 * matmul(x, x))}}, {});
    steps.push_back(compilation.schedule.order.size());
    EXPECT_EQ(compilation.arena.bytes, in_place ? 0U : 64U * 64U * 4U);
  }
  EXPECT_EQ(steps[0] + 1, steps[1]);
}

TEST(Transaction, AParameterCanBeUpdatedOnceOnly) {
  Graph graph;
  const Value w = parameter(graph, "w", Tensor::of<float>({1, 2}));
  const std::vector<Value> updates{assign(w, w + 1.0), assign(w, w * 2.0)};
  Session session(graph);
  expect_error(ErrorCode::invalid_argument, {"'w' has two updates", "transaction_test.cpp"},
               [&] { session.compile({.inputs = {}, .outputs = {}, .updates = updates}); });
  EXPECT_TRUE(same_bits(session.value(w), Tensor::of<float>({1, 2})));
}

}  // namespace
}  // namespace weft
