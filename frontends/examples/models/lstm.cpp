// A long short-term memory (Hochreiter and Schmidhuber 1997) that reads characters and says the next one
// after each, unrolled over the steps.

#include "weft/frontends/examples/models/models.h"

namespace weft::examples {

Model lstm() {
  constexpr std::int64_t kBatch = 32;
  constexpr std::int64_t kLength = 50;
  constexpr std::int64_t kLetters = 65;
  constexpr std::int64_t kWidth = 128;
  constexpr std::int64_t kUnits = 256;
  Model model;
  Graph& graph = *model.graph;
  const Value text = input(graph, "text", i64, {kBatch, kLength});
  const Value next = input(graph, "next", i64, {kBatch, kLength});
  const auto letters = nn::embedding(graph, "letters", kLetters, kWidth);
  const auto fresh = nn::dense(graph, "fresh", kWidth, 4 * kUnits);
  const auto known = nn::dense(graph, "known", kUnits, 4 * kUnits);
  const auto head = nn::dense(graph, "head", kUnits, kLetters);

  const Value x = fresh(letters(text));  // of all steps at once
  Value h = constant(graph, Tensor::zeros(f32, {kBatch, kUnits}));
  Value c = h;
  std::vector<Value> states;
  for (std::int64_t t = 0; t < kLength; ++t) {
    const std::vector<Value> gates = split(squeeze(slice(x, 1, t, t + 1), 1) + known(h), 4, 1);
    c = sigmoid(gates[1]) * c + sigmoid(gates[0]) * tanh(gates[2]);
    h = sigmoid(gates[3]) * tanh(c);
    states.push_back(h);
  }
  model.prediction = head(stack(states, 1));
  model.loss = mean(softmax_cross_entropy(model.prediction, next));
  feed(model, text, draw_indices({kBatch, kLength}, kLetters), {next},
       {draw_indices({kBatch, kLength}, kLetters)});
  train_by_adam(model, nn::parameters(letters, fresh, known, head));
  return model;
}

}  // namespace weft::examples
