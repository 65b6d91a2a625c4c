// Weights from which one step of gradient descent learns a new task (Finn, Abbeel and Levine, ICML 2017):
// sine waves of other amplitude and phase. The gradient goes through the step. Every task has weights of its
// own after its step, so that all tasks are one batch of matrices.

#include "weft/frontends/examples/models/models.h"

namespace weft::examples {

Model maml() {
  constexpr std::int64_t kTasks = 16;
  constexpr std::int64_t kPoints = 10;
  constexpr std::int64_t kUnits = 40;
  Model model;
  Graph& graph = *model.graph;
  const auto points = [&](std::string_view name) { return input(graph, name, f32, {kTasks, kPoints, 1}); };
  const Value x = points("x");
  const Value y = points("y");
  const Value new_x = points("new_x");
  const Value new_y = points("new_y");
  const std::vector<nn::Dense> network{nn::dense(graph, "dense1", 1, kUnits),
                                       nn::dense(graph, "dense2", kUnits, kUnits),
                                       nn::dense(graph, "dense3", kUnits, 1)};
  std::vector<Value> shared;
  for (const nn::Dense& layer : network) {
    shared.push_back(
        broadcast_to(layer.weight, Shape{kTasks, layer.weight.shape()[0], layer.weight.shape()[1]}));
    shared.push_back(broadcast_to(layer.bias, Shape{kTasks, 1, layer.bias.shape()[0]}));
  }
  const auto apply_weights = [](const Value& at, const std::vector<Value>& weights) {
    const Value first = relu(matmul(at, weights[0]) + weights[1]);
    const Value second = relu(matmul(first, weights[2]) + weights[3]);
    return matmul(second, weights[4]) + weights[5];
  };
  const auto error = [&](const Value& at, const Value& truth, const std::vector<Value>& weights) {
    return sum(mean(square(apply_weights(at, weights) - truth), {1, 2}));
  };

  const std::vector<Value> slopes = gradients(error(x, y, shared), shared);
  std::vector<Value> learned;
  for (std::size_t i = 0; i < shared.size(); ++i) learned.push_back(shared[i] - 0.01 * slopes[i]);
  model.loss = error(new_x, new_y, learned) / static_cast<double>(kTasks);
  model.prediction = apply_weights(new_x, learned);
  const Tensor drawn = draw_numbers({kTasks, kPoints, 1}, -5.0, 5.0);
  model.inputs = {x, y, new_x, new_y};
  model.batch = {drawn, drawn, drawn, drawn};
  model.given = {x, y, new_x};
  model.samples = {drawn, drawn, drawn};
  train_by_adam(model, nn::parameters(network));
  return model;
}

}  // namespace weft::examples
