// The training steps of ordinary models run by fast kernels alone.

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "weft/autodiff/gradients.h"
#include "weft/frontends/nn.h"
#include "weft/frontends/optim/optim.h"
#include "weft/ops/builtin.h"
#include "weft/runtime/session.h"

namespace weft {
namespace {

/// The ops that a training step by Adam would run by their reference kernels.
std::set<std::string> reference_ops(Graph& graph, const std::vector<Value>& inputs, const Value& loss,
                                    const std::vector<Value>& parameters, std::vector<Value> updates = {}) {
  const auto slopes = gradients(loss, std::span<const Value>(parameters));
  for (const Value& update : optim::adam(parameters, slopes, 1e-3)) updates.push_back(update);
  Session session(graph);
  const Compilation made = session.inspect({.inputs = inputs, .outputs = {loss}, .updates = updates}, {});
  std::set<std::string> ops;
  for (std::size_t i = 0; i < made.lowered.steps.size(); ++i) {
    if (made.lowered.kernels[i].name != "reference") continue;
    ops.emplace(made.lowered.program.graph->node(made.lowered.steps[i]).op.name());
  }
  return ops;
}

using Ops = std::set<std::string>;

template <typename... Layer>
std::vector<Value> parameters_of(const Layer&... layers) {
  std::vector<Value> all;
  const auto add = [&](const std::vector<Value>& some) { all.insert(all.end(), some.begin(), some.end()); };
  (add(layers.parameters()), ...);
  return all;
}

TEST(ReferenceKernels, AreNotUsedByATransformer) {
  constexpr std::int64_t kBatch = 2;
  constexpr std::int64_t kLength = 5;
  constexpr std::int64_t kWidth = 8;
  constexpr std::int64_t kHeads = 2;
  Graph graph;
  const Value text = input(graph, "text", i32, {kBatch, kLength});
  const Value next = input(graph, "next", i32, {kBatch, kLength});
  const auto letters = nn::embedding(graph, "letters", 11, kWidth);
  const auto places = nn::embedding(graph, "places", kLength, kWidth);
  const auto norm = nn::layer_norm(graph, "norm", kWidth);
  const auto queries = nn::dense(graph, "queries", kWidth, kWidth);
  const auto keys = nn::dense(graph, "keys", kWidth, kWidth);
  const auto values = nn::dense(graph, "values", kWidth, kWidth);
  const auto wide = nn::dense(graph, "wide", kWidth, 4 * kWidth);
  const auto narrow = nn::dense(graph, "narrow", 4 * kWidth, kWidth);
  const auto head = nn::dense(graph, "head", kWidth, 11);
  const auto split = [&](const Value& x) {
    return transpose(reshape(x, Shape{kBatch, kLength, kHeads, kWidth / kHeads}), {0, 2, 1, 3});
  };
  const Value h = letters(text) + places.table;
  const Value a = norm(h);
  Tensor mask = Tensor::zeros(f32, {kLength, kLength});
  mask.mutable_values<float>()[1] = -1e9F;
  const Value scores = matmul(split(queries(a)), transpose(split(keys(a)), {0, 1, 3, 2})) / std::sqrt(4.0) +
                       constant(graph, mask);
  const Value mixed = transpose(matmul(softmax(scores), split(values(a))), {0, 2, 1, 3});
  const Value attended = h + reshape(mixed, h.shape());
  const Value y = attended + narrow(gelu(wide(attended)));
  const Value loss = mean(softmax_cross_entropy(head(y), next));
  EXPECT_EQ(reference_ops(graph, {text, next}, loss,
                          parameters_of(letters, places, norm, queries, keys, values, wide, narrow, head)),
            Ops{});
}

TEST(ReferenceKernels, AreNotUsedByAResidualNetwork) {
  Graph graph;
  const Value x = input(graph, "x", f32, {4, 3, 8, 8});
  const Value labels = input(graph, "labels", i64, {4});
  const nn::Conv2dLayerOptions same{.sliding = {.padding = 1}, .bias = false};
  const auto first = nn::conv2d(graph, "first", 3, 6, 3, f32, same);
  const auto second = nn::conv2d(graph, "second", 6, 6, 3, f32, same);
  const auto norm = nn::batch_norm(graph, "norm", 6, f32, {.axis = 1});
  const auto head = nn::dense(graph, "head", 6, 10);
  const Value h = relu(first(x));
  const auto trained = norm.train(second(h));
  const Value pooled = mean(relu(trained.y + h), {2, 3});
  const Value loss = mean(softmax_cross_entropy(head(pooled), labels));
  EXPECT_EQ(
      reference_ops(graph, {x, labels}, loss, parameters_of(first, second, norm, head), trained.updates),
      Ops{});
}

TEST(ReferenceKernels, AreNotUsedByALongShortTermMemory) {
  constexpr std::int64_t kUnits = 6;
  Graph graph;
  const Value words = input(graph, "words", i32, {3, 7});
  const Value labels = input(graph, "labels", i32, {3});
  const auto table = nn::embedding(graph, "table", 20, 4);
  const auto fresh = nn::dense(graph, "fresh", 4, 4 * kUnits);
  const auto known = nn::dense(graph, "known", kUnits, 4 * kUnits);
  const auto head = nn::dense(graph, "head", kUnits, 5);
  const Value x = table(words);
  Value h = constant(graph, Tensor::zeros(f32, {3, kUnits}));
  Value c = h;
  std::vector<Value> states;
  for (std::int64_t t = 0; t < 7; ++t) {
    const Value z = fresh(reshape(slice(x, 1, t, t + 1), Shape{3, 4})) + known(h);
    const auto gate = [&](std::int64_t i) { return slice(z, 1, i * kUnits, (i + 1) * kUnits); };
    c = sigmoid(gate(0)) * c + sigmoid(gate(1)) * tanh(gate(2));
    h = sigmoid(gate(3)) * tanh(c);
    states.push_back(reshape(h, Shape{3, 1, kUnits}));
  }
  const Value all = max(concat(states, 1), {1});
  const Value loss = mean(softmax_cross_entropy(head(all), labels));
  EXPECT_EQ(reference_ops(graph, {words, labels}, loss, parameters_of(table, fresh, known, head)), Ops{});
}

}  // namespace
}  // namespace weft
