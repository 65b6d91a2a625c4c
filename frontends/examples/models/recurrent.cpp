// Recurrent networks that read characters and say the next one after each: a long short-term memory
// (Hochreiter and Schmidhuber 1997) and a gated recurrent unit (Cho et al., EMNLP 2014).

#include "weft/frontends/examples/models/models.h"

namespace weft::examples {
namespace {

struct Letters {
  std::int64_t count = 65;
  std::int64_t width = 128;
};

Model character_model(nn::Cell cell, const Letters& alphabet) {
  constexpr std::int64_t kBatch = 32;
  constexpr std::int64_t kLength = 50;
  constexpr std::int64_t kUnits = 256;
  Model model;
  Graph& graph = *model.graph;
  const Value text = input(graph, "text", i64, {kBatch, kLength});
  const Value next = input(graph, "next", i64, {kBatch, kLength});
  const auto letters = nn::embedding(graph, "letters", alphabet.count, alphabet.width);
  const auto memory = cell == nn::Cell::gru ? nn::gru(graph, "memory", alphabet.width, kUnits)
                                            : nn::lstm(graph, "memory", alphabet.width, kUnits);
  const auto head = nn::dense(graph, "head", kUnits, alphabet.count);

  model.prediction = head(memory(letters(text)));
  model.loss = mean(softmax_cross_entropy(model.prediction, next));
  feed(model, text, draw_indices({kBatch, kLength}, alphabet.count), {next},
       {draw_indices({kBatch, kLength}, alphabet.count)});
  train_by_adam(model, nn::parameters(letters, memory, head));
  return model;
}

}  // namespace

Model lstm() { return character_model(nn::Cell::lstm, {}); }
Model gru() { return character_model(nn::Cell::gru, {.count = 64, .width = 64}); }

}  // namespace weft::examples
