// A dense network of wide layers, whose products are all that it does.

#include "weft/frontends/examples/models/models.h"

namespace weft::examples {

Model wide_dense() {
  constexpr std::int64_t kBatch = 64;
  Model model;
  Graph& graph = *model.graph;
  const Value x = input(graph, "x", f32, {kBatch, 784});
  const Value labels = input(graph, "labels", i64, {kBatch});
  const nn::Sequential network{nn::dense(graph, "dense1", 784, 4096), relu,
                               nn::dense(graph, "dense2", 4096, 4096), relu,
                               nn::dense(graph, "dense3", 4096, 10)};
  model.prediction = network(x);
  model.loss = mean(softmax_cross_entropy(model.prediction, labels));
  const std::vector<Value> weights = network.parameters();
  model.updates = optim::sgd(weights, gradients(model.loss, weights), 0.01, {.momentum = 0.9});
  feed(model, x, draw_numbers({kBatch, 784}, 0.0), {labels}, {draw_indices({kBatch}, 10)});
  return model;
}

}  // namespace weft::examples
