#include "weft/frontends/nn/recurrent.h"

#include <gtest/gtest.h>

#include <cmath>

#include "weft/autodiff/gradients.h"
#include "weft/frontends/nn.h"
#include "weft/ops/activation.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/matmul.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/gradient_check.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using nn::Cell;
using nn::Recurrent;
using testing_support::expect_error;
using testing_support::TensorSource;

constexpr std::int64_t kBatch = 3;
constexpr std::int64_t kLength = 5;
constexpr std::int64_t kInputs = 4;
constexpr std::int64_t kUnits = 6;

std::vector<float> floats(const Tensor& tensor) {
  const auto values = tensor.values<float>();
  return {values.begin(), values.end()};
}

void expect_near(const Tensor& actual, const Tensor& expected, double tolerance = 2e-6) {
  ASSERT_EQ(actual.type(), expected.type());
  for (std::size_t i = 0; i < floats(expected).size(); ++i)
    EXPECT_NEAR(floats(actual)[i], floats(expected)[i], tolerance) << i;
}

class RecurrentLayers : public testing::Test {
 protected:
  Graph graph_;
  Value x_ = input(graph_, "x", f32, {kBatch, "length", kInputs});
  Tensor fed_ = TensorSource("recurrent layers").uniform({kBatch, kLength, kInputs}, -1.0, 1.0, f32);

  std::vector<Tensor> run(const std::vector<Value>& outputs) {
    Session session(graph_);
    const Outputs found = session.compile({.inputs = {x_}, .outputs = outputs})({fed_});
    return {found.begin(), found.end()};
  }

  /// Outputs by Recurrent::step on each element.
  std::vector<Value> by_steps(const Recurrent& layer, bool reverse) {
    std::vector<Value> states;
    const Value zero = constant(graph_, Tensor::zeros(f32, {kBatch, kUnits}));
    states.assign(layer.cell == Cell::lstm ? 2 : 1, zero);
    std::vector<Value> outputs(kLength);
    for (std::int64_t step = 0; step < kLength; ++step) {
      const std::int64_t t = reverse ? kLength - 1 - step : step;
      states = layer.step(squeeze(slice(x_, 1, t, t + 1), 1), states);
      outputs[static_cast<std::size_t>(t)] = states[0];
    }
    std::vector<Value> all{stack(outputs, 1)};
    all.insert(all.end(), states.begin(), states.end());
    return all;
  }
};

TEST_F(RecurrentLayers, AreTheirStepsOneAfterTheOther) {
  int number = 0;
  for (const bool reverse : {false, true}) {
    const nn::RecurrentOptions options{.reverse = reverse, .bias_initializer = nn::uniform(-1.0, 1.0)};
    nn::RecurrentOptions before = options;
    before.reset_after = false;
    nn::RecurrentOptions sees = options;
    sees.peepholes = true;
    nn::RecurrentOptions by_relu = options;
    by_relu.activation = nn::RecurrentActivation::relu;
    const auto name = [&] { return "layer" + std::to_string(number++); };
    for (const Recurrent& layer : {nn::rnn(graph_, name(), kInputs, kUnits, f32, options),
                                   nn::rnn(graph_, name(), kInputs, kUnits, f32, by_relu),
                                   nn::lstm(graph_, name(), kInputs, kUnits, f32, options),
                                   nn::lstm(graph_, name(), kInputs, kUnits, f32, sees),
                                   nn::gru(graph_, name(), kInputs, kUnits, f32, options),
                                   nn::gru(graph_, name(), kInputs, kUnits, f32, before)}) {
      const nn::RecurrentResult made = layer.run(x_);
      std::vector<Value> outputs{made.outputs};
      outputs.insert(outputs.end(), made.states.begin(), made.states.end());
      const std::vector<Value> expected = by_steps(layer, reverse);
      const std::size_t count = outputs.size();
      ASSERT_EQ(expected.size(), count);
      outputs.insert(outputs.end(), expected.begin(), expected.end());
      const std::vector<Tensor> found = run(outputs);
      for (std::size_t i = 0; i < count; ++i) expect_near(found[i], found[count + i]);
    }
  }
}

TEST_F(RecurrentLayers, AnLstmIsItsFormula) {
  const Recurrent layer = nn::lstm(graph_, "lstm", kInputs, 1);
  Session session(graph_);
  session.compile({.inputs = {x_}, .outputs = {layer(x_)}});
  const std::vector<float> w = floats(session.value(layer.weight));
  const std::vector<float> u = floats(session.value(layer.recurrent_weight));
  const std::vector<float> b = floats(session.value(layer.bias));
  EXPECT_EQ(b, (std::vector<float>{0, 1, 0, 0})) << "the gate that forgets begins open";
  const Tensor found = session.compile({.inputs = {x_}, .outputs = {layer(x_)}})({fed_})[0];
  const auto s = [](double x) { return 1.0 / (1.0 + std::exp(-x)); };
  double h = 0.0;
  double c = 0.0;
  for (std::int64_t t = 0; t < kLength; ++t) {
    std::array<double, 4> gates{};
    for (std::size_t gate = 0; gate < 4; ++gate) {
      gates[gate] = static_cast<double>(b[gate]) + h * static_cast<double>(u[gate]);
      for (std::size_t i = 0; i < kInputs; ++i)
        gates[gate] +=
            static_cast<double>(floats(fed_)[static_cast<std::size_t>(t) * kInputs + i] * w[i * 4 + gate]);
    }
    c = s(gates[1]) * c + s(gates[0]) * std::tanh(gates[2]);
    h = s(gates[3]) * std::tanh(c);
    EXPECT_NEAR(floats(found)[static_cast<std::size_t>(t)], h, 1e-6) << t;
  }
}

TEST_F(RecurrentLayers, SequencesOfDifferentLengthsAreThoseCutOff) {
  for (const bool reverse : {false, true}) {
    const Recurrent layer =
        nn::gru(graph_, reverse ? "back" : "there", kInputs, kUnits, f32, {.reverse = reverse});
    const std::vector<std::int64_t> lengths{5, 2, 0};
    const nn::RecurrentResult made =
        layer.run(x_, {.lengths = constant(graph_, Tensor::of<std::int64_t>({5, 2, 0}))});
    const nn::RecurrentResult shorter = layer.run(slice(x_, 1, 0, 2));
    const std::vector<Tensor> found =
        run({made.outputs, made.states[0], shorter.outputs, shorter.states[0], layer(x_)});
    const auto row = [](const Tensor& x, std::int64_t begin, std::int64_t count) {
      const std::vector<float> all = floats(x);
      return std::vector<float>(all.begin() + begin, all.begin() + begin + count);
    };
    const std::int64_t sequence = kLength * kUnits;
    EXPECT_EQ(row(found[0], 0, sequence), row(found[4], 0, sequence)) << "a whole one";
    for (std::int64_t i = 0; i < 2 * kUnits; ++i) {
      EXPECT_NEAR(row(found[0], sequence, 2 * kUnits)[static_cast<std::size_t>(i)],
                  row(found[2], 2 * kUnits, 2 * kUnits)[static_cast<std::size_t>(i)], 1e-6);
    }
    EXPECT_EQ(row(found[0], sequence + 2 * kUnits, sequence - 2 * kUnits),
              std::vector<float>(static_cast<std::size_t>(sequence - 2 * kUnits), 0.0F));
    for (std::int64_t i = 0; i < kUnits; ++i)
      EXPECT_NEAR(row(found[1], kUnits, kUnits)[static_cast<std::size_t>(i)],
                  row(found[3], kUnits, kUnits)[static_cast<std::size_t>(i)], 1e-6);
    EXPECT_EQ(row(found[1], 2 * kUnits, kUnits), std::vector<float>(kUnits, 0.0F)) << "none at all";
  }
}

TEST_F(RecurrentLayers, TakeTheirStatesFromBefore) {
  const Recurrent layer = nn::lstm(graph_, "lstm", kInputs, kUnits);
  const nn::RecurrentResult whole = layer.run(x_);
  const nn::RecurrentResult first = layer.run(slice(x_, 1, 0, 2));
  const nn::RecurrentResult second = layer.run(slice(x_, 1, 2, 5), {.states = first.states});
  const std::vector<Tensor> found =
      run({whole.outputs, concat({first.outputs, second.outputs}, 1), whole.states[1], second.states[1]});
  expect_near(found[1], found[0]);
  expect_near(found[3], found[2]);
}

TEST_F(RecurrentLayers, OfBothDirectionsJoinTheirOutputs) {
  const nn::Bidirectional layer = nn::bidirectional(graph_, "both", Cell::gru, kInputs, kUnits);
  const nn::RecurrentResult made = layer.run(x_);
  EXPECT_EQ(made.outputs.type(), (TensorType{f32, {kBatch, "length", 2 * kUnits}}));
  EXPECT_EQ(made.states.size(), 2U);
  const std::vector<Tensor> found =
      run({slice(made.outputs, 2, kUnits, 2 * kUnits), by_steps(layer.backward, true)[0]});
  expect_near(found[0], found[1]);
  EXPECT_EQ(layer.parameters().size(), 8U);
}

TEST_F(RecurrentLayers, DropTheSameFeaturesInAllSteps) {
  const Recurrent layer =
      nn::rnn(graph_, "rnn", kInputs, kUnits, f32, {.dropout = 0.5, .recurrent_dropout = 0.5});
  const std::vector<Tensor> found = run({layer.train(x_), layer(x_)});
  EXPECT_NE(floats(found[0]), floats(found[1]));
  const Value ones = broadcast_to(constant(graph_, 1.0), x_.shape());
  const Recurrent copying = nn::rnn(
      graph_, "copying", kInputs, kInputs, f32,
      {.dropout = 0.5, .weight_initializer = nn::identity(0.1), .recurrent_initializer = nn::zeros()});
  const std::vector<float> copies = floats(run({copying.train(ones)})[0]);
  for (std::size_t i = 0; i < copies.size(); ++i) {
    const std::size_t sample = i / (kLength * kInputs);
    EXPECT_EQ(copies[i], copies[sample * kLength * kInputs + i % kInputs]) << i;
  }
  EXPECT_EQ(std::ranges::count(copies, 0.0F) % kLength, 0);
}

TEST_F(RecurrentLayers, TimeMayComeFirst) {
  const Recurrent layer = nn::gru(graph_, "gru", kInputs, kUnits);
  Recurrent other = layer;
  other.options.time_major = true;
  const std::vector<Tensor> found = run({layer(x_), transpose(other(transpose(x_, {1, 0, 2})), {1, 0, 2})});
  expect_near(found[1], found[0], 0.0);
}

TEST_F(RecurrentLayers, TakeWeightsOfOtherOrders) {
  for (const Cell cell : {Cell::lstm, Cell::gru}) {
    const auto make = cell == Cell::lstm ? nn::lstm : nn::gru;
    const std::int64_t gates = cell == Cell::lstm ? 4 : 3;
    const Recurrent layer =
        make(graph_, cell == Cell::lstm ? "a" : "b", kInputs, 2, f32, {}, Where::current());
    // Every column tells which gate it is in theirs.
    const auto columns = [&](const std::vector<float>& order, std::int64_t rows, bool transposed) {
      std::vector<float> numbers;
      for (std::int64_t row = 0; row < (transposed ? gates * 2 : rows); ++row) {
        for (std::int64_t column = 0; column < (transposed ? rows : gates * 2); ++column)
          numbers.push_back(order[static_cast<std::size_t>((transposed ? row : column) / 2)]);
      }
      const auto sizes = transposed ? std::vector<std::int64_t>{gates * 2, rows}
                                    : std::vector<std::int64_t>{rows, gates * 2};
      return Tensor::of<float>(numbers).reshaped(sizes);
    };
    struct Theirs {
      nn::GateOrder order;
      std::vector<float> gates;  // numbers of ours
      bool transposed;
    };
    const std::vector<Theirs> all = cell == Cell::lstm
                                        ? std::vector<Theirs>{{nn::GateOrder::torch, {0, 1, 2, 3}, true},
                                                              {nn::GateOrder::keras, {0, 1, 2, 3}, false},
                                                              {nn::GateOrder::onnx, {0, 3, 1, 2}, true}}
                                        : std::vector<Theirs>{{nn::GateOrder::torch, {0, 1, 2}, true},
                                                              {nn::GateOrder::keras, {1, 0, 2}, false},
                                                              {nn::GateOrder::onnx, {1, 0, 2}, true}};
    for (const Theirs& theirs : all) {
      const Tensor bias = columns(theirs.gates, 1, false).reshaped(std::array{gates * 2});
      const nn::RecurrentWeights ours =
          nn::weights_from(theirs.order,
                           {.weight = columns(theirs.gates, kInputs, theirs.transposed),
                            .recurrent_weight = columns(theirs.gates, 2, theirs.transposed),
                            .bias = bias,
                            .recurrent_bias = bias},
                           layer);
      std::vector<float> in_order;
      for (std::int64_t i = 0; i < gates * 2; ++i) in_order.push_back(static_cast<float>(i / 2));
      const std::vector<float> first = floats(ours.weight);
      EXPECT_EQ(std::vector<float>(first.begin(), first.begin() + gates * 2), in_order);
      if (cell == Cell::gru) {
        EXPECT_EQ(floats(ours.recurrent_bias), in_order);
      } else {
        for (float& number : in_order) number *= 2.0F;
        EXPECT_EQ(floats(ours.bias), in_order) << "both biases added up";
      }
    }
    expect_error(ErrorCode::shape_mismatch, {"recurrent weight", "recurrent_test.cpp"}, [&] {
      nn::weights_from(nn::GateOrder::torch,
                       {.weight = columns(all[0].gates, kInputs, true),
                        .recurrent_weight = columns(all[0].gates, kInputs, true)},
                       layer);
    });
  }
}

TEST_F(RecurrentLayers, NameThemselvesInErrors) {
  const Recurrent layer = nn::lstm(graph_, "memory", kInputs, kUnits);
  expect_error(ErrorCode::shape_mismatch, {"memory", "[batch, length, 4]"},
               [&] { layer(slice(x_, 2, 0, 3)); });
  expect_error(ErrorCode::shape_mismatch, {"memory", "2 states"},
               [&] { layer.run(x_, {.states = {constant(graph_, Tensor::zeros(f32, {kBatch, kUnits}))}}); });
  expect_error(ErrorCode::shape_mismatch, {"memory", "lengths i64[3]"},
               [&] { layer.run(x_, {.lengths = constant(graph_, Tensor::of<std::int64_t>({1, 2}))}); });
}

}  // namespace
}  // namespace weft
