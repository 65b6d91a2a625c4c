#include "weft/frontends/nn/conv_lstm.h"

#include <gtest/gtest.h>

#include "weft/autodiff/gradients.h"
#include "weft/ops/activation.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using nn::ConvLstm;
using testing_support::expect_error;
using testing_support::numbers;
using testing_support::TensorSource;

constexpr std::int64_t kMoving = 2;
constexpr std::int64_t kFrames = 4;

class ConvLstms : public testing::Test {
 protected:
  /// The formula of the header, for one step after the other, in plain ops.
  std::vector<Value> by_hand(const ConvLstm& layer, const Padding2d& padding, const Padding2d& recurrent) {
    const std::int64_t n = layer.filters();
    std::vector<Value> outputs(kFrames);
    Value h;
    Value c;
    for (std::int64_t step = 0; step < kFrames; ++step) {
      const std::int64_t t = layer.options.reverse ? kFrames - 1 - step : step;
      const Value x = squeeze(slice(x_, 1, t, t + 1), 1);
      Value sum = conv2d(x, layer.weight, {.stride = layer.options.sliding.stride, .padding = padding}) +
                  reshape(layer.bias, Shape{4 * n, 1, 1});
      if (h.has_value()) sum = sum + conv2d(h, layer.recurrent_weight, {.padding = recurrent});
      const auto gate = [&](std::int64_t i) { return slice(sum, 1, i * n, (i + 1) * n); };
      const Value fresh = sigmoid(gate(0)) * tanh(gate(2));
      c = c.has_value() ? sigmoid(gate(1)) * c + fresh : fresh;
      h = sigmoid(gate(3)) * tanh(c);
      outputs[static_cast<std::size_t>(t)] = h;
    }
    return {stack(outputs, 1), h, c};
  }

  std::vector<Tensor> run(const std::vector<Value>& outputs) {
    Session session(graph_, {.threads = 2});
    const Outputs found = session.compile({.inputs = {x_}, .outputs = outputs})({fed_});
    return {found.begin(), found.end()};
  }

  Graph graph_;
  Value x_ = input(graph_, "x", f64, {kMoving, kFrames, 3, 6, 5});
  Tensor fed_ = TensorSource("pictures").uniform({kMoving, kFrames, 3, 6, 5}, -1.0, 1.0, f64);
};

TEST_F(ConvLstms, AreTheirFormulaStepByStepAsAreTheirGradients) {
  int number = 0;
  for (const bool reverse : {false, true}) {
    for (const std::int64_t checkpoint : {0, 2}) {
      const ConvLstm layer = nn::convlstm(
          graph_, "layer" + std::to_string(number++), 3, 4, {3, 2}, f64,
          {.reverse = reverse, .checkpoint = checkpoint, .bias_initializer = nn::uniform(-1.0, 1.0)});
      const nn::RecurrentResult made = layer.run(x_);
      std::vector<Value> found{made.outputs, made.states[0], made.states[1]};
      const Padding2d same = same_padding(Shape{6, 5}, {3, 2});
      std::vector<Value> expected = by_hand(layer, same, same);
      for (std::vector<Value>* list : {&found, &expected}) {
        std::vector<Value> wrt = layer.parameters();
        wrt.push_back(x_);
        const Value loss = sum(square((*list)[0])) + sum((*list)[2]);
        for (const Value& gradient : gradients(loss, wrt)) list->push_back(gradient);
      }
      const std::size_t count = found.size();
      found.insert(found.end(), expected.begin(), expected.end());
      const std::vector<Tensor> tensors = run(found);
      for (std::size_t i = 0; i < count; ++i) {
        const auto a = numbers(tensors[i]);
        const auto b = numbers(tensors[count + i]);
        ASSERT_EQ(a.size(), b.size()) << i;
        for (std::size_t k = 0; k < a.size(); ++k) ASSERT_NEAR(a[k], b[k], 1e-10) << i << ", " << k;
      }
    }
  }
}

TEST_F(ConvLstms, TakeStridesOnTheirInputAlone) {
  const nn::ConvLstmOptions options{.sliding = {.stride = 2, .padding = 1}, .same = false};
  const ConvLstm layer = nn::convlstm(graph_, "strided", 3, 2, {3, 3}, f64, options);
  const Value y = layer(x_);
  EXPECT_EQ(y.shape(), (Shape{kMoving, kFrames, 2, 3, 3}));
  const std::vector<Tensor> found = run({y, by_hand(layer, 1, 1)[0]});
  for (std::size_t i = 0; i < numbers(found[0]).size(); ++i)
    ASSERT_NEAR(numbers(found[0])[i], numbers(found[1])[i], 1e-12);
}

TEST_F(ConvLstms, GoOnFromTheirStates) {
  const ConvLstm layer = nn::convlstm(graph_, "carried", 3, 2, {3, 3}, f64);
  const nn::RecurrentResult half = layer.run(slice(x_, 1, 0, 2));
  const nn::RecurrentResult rest = layer.run(slice(x_, 1, 2, kFrames), {.states = half.states});
  std::vector<Value> states = half.states;
  for (std::int64_t t = 2; t < kFrames; ++t) states = layer.step(squeeze(slice(x_, 1, t, t + 1), 1), states);
  const std::vector<Tensor> found = run({layer.run(x_).states[1], rest.states[1], states[1]});
  for (std::size_t i = 0; i < numbers(found[0]).size(); ++i) {
    ASSERT_NEAR(numbers(found[1])[i], numbers(found[0])[i], 1e-12);
    ASSERT_NEAR(numbers(found[2])[i], numbers(found[0])[i], 1e-12);
  }
}

TEST_F(ConvLstms, TakeBatchesAndLengthsThatAreSymbols) {
  const ConvLstm layer = nn::convlstm(graph_, "any", 1, 2, {3, 3});
  const Value x = input(graph_, "frames", f32, {"batch", "length", 1, 4, 4});
  Session session(graph_);
  Function f = session.compile({.inputs = {x}, .outputs = {layer(x)}});
  EXPECT_EQ(f({Tensor::zeros(f32, {2, 3, 1, 4, 4})})[0].type(), (TensorType{f32, {2, 3, 2, 4, 4}}));
  EXPECT_EQ(f({Tensor::zeros(f32, {1, 7, 1, 4, 4})})[0].type(), (TensorType{f32, {1, 7, 2, 4, 4}}));
}

TEST_F(ConvLstms, RefuseWhatDoesNotFit) {
  const ConvLstm layer = nn::convlstm(graph_, "strict", 2, 2, {3, 3}, f64);
  expect_error(ErrorCode::shape_mismatch, {"convlstm 'strict'", "[batch, length, 2, height, width]"},
               [&] { layer(x_); });
  const Value two = slice(x_, 2, 0, 2);
  expect_error(ErrorCode::shape_mismatch, {"strict", "2 states"}, [&] { layer.run(two, {.states = {two}}); });
  expect_error(ErrorCode::invalid_argument, {"one length"}, [&] { layer.run(two, {.lengths = two}); });
}

}  // namespace
}  // namespace weft
