// A table with columns of categories and of numbers: an embedding for each column of categories, then dense
// layers that are normalized.

#include "weft/frontends/examples/models/models.h"

namespace weft::examples {

Model tabular() {
  constexpr std::int64_t kBatch = 512;
  constexpr std::int64_t kColumns = 8;
  constexpr std::int64_t kCategories = 1000;
  constexpr std::int64_t kWidth = 16;
  constexpr std::int64_t kNumbers = 16;
  constexpr std::int64_t kHidden = 256;
  Model model;
  Graph& graph = *model.graph;
  const Value categories = input(graph, "categories", i64, {kBatch, kColumns});
  const Value numbers = input(graph, "numbers", f32, {kBatch, kNumbers});
  const Value target = input(graph, "target", f32, {kBatch, 1});
  std::vector<nn::Embedding> tables;
  std::vector<Value> columns;
  for (std::int64_t i = 0; i < kColumns; ++i) {
    tables.push_back(nn::embedding(graph, "column" + std::to_string(i), kCategories, kWidth));
    columns.push_back(tables.back()(squeeze(slice(categories, 1, i, i + 1), 1)));
  }
  columns.push_back(numbers);
  const nn::Sequential network{nn::dense(graph, "dense1", kColumns * kWidth + kNumbers, kHidden),
                               nn::layer_norm(graph, "norm1", kHidden),
                               relu,
                               nn::dense(graph, "dense2", kHidden, kHidden),
                               nn::layer_norm(graph, "norm2", kHidden),
                               relu,
                               nn::dense(graph, "out", kHidden, 1)};
  model.prediction = network(concat(columns, 1));
  model.loss = mean(losses::mean_squared_error(model.prediction, target));
  model.given = {categories, numbers};
  model.samples = {draw_indices({kBatch, kColumns}, kCategories), draw_numbers({kBatch, kNumbers})};
  model.inputs = {categories, numbers, target};
  model.batch = {model.samples[0], model.samples[1], draw_numbers({kBatch, 1})};
  train_by_adam(model, nn::parameters(tables, network));
  return model;
}

}  // namespace weft::examples
