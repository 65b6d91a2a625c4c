// LeNet (LeCun et al. 1998) in the form that Caffe ships: two convolutions with max pooling, two dense
// layers.

#include "weft/frontends/examples/models/models.h"

namespace weft::examples {

Model lenet() {
  constexpr std::int64_t kBatch = 64;
  Model model;
  Graph& graph = *model.graph;
  const Value x = input(graph, "x", f32, {kBatch, 1, 28, 28});
  const Value labels = input(graph, "labels", i64, {kBatch});
  const nn::MaxPool2d halve{{.window = 2}};
  const nn::Sequential network{
      nn::conv2d(graph, "conv1", 20, 5), halve, nn::conv2d(graph, "conv2", 50, 5), halve, nn::Flatten{},
      nn::dense(graph, "dense1", 500),   relu,  nn::dense(graph, "dense2", 10)};
  model.prediction = network(x);
  model.loss = mean(softmax_cross_entropy(model.prediction, labels));
  feed(model, x, draw_numbers({kBatch, 1, 28, 28}, 0.0), {labels}, {draw_indices({kBatch}, 10)});
  train_by_adam(model, network.parameters());
  return model;
}

}  // namespace weft::examples
