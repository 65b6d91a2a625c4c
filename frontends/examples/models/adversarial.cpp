// Two networks against each other (Goodfellow et al., NeurIPS 2014): one draws pictures, the other tells them
// from true ones. Both learn in one step, from one pass through the graph.

#include "weft/frontends/examples/models/models.h"

namespace weft::examples {

Model adversarial_networks() {
  constexpr std::int64_t kBatch = 64;
  constexpr std::int64_t kPixels = 784;
  constexpr std::int64_t kNoise = 64;
  Model model;
  Graph& graph = *model.graph;
  const Value real = input(graph, "real", f32, {kBatch, kPixels});
  const Value noise = input(graph, "noise", f32, {kBatch, kNoise});
  const auto leaky = [](const Value& x) { return leaky_relu(x, 0.2); };
  const nn::Sequential generator{nn::dense(graph, "draw1", kNoise, 256),  leaky,
                                 nn::dense(graph, "draw2", 256, 512),     leaky,
                                 nn::dense(graph, "draw3", 512, kPixels), tanh};
  const nn::Sequential critic{nn::dense(graph, "judge1", kPixels, 512), leaky,
                              nn::dense(graph, "judge2", 512, 256), leaky,
                              nn::dense(graph, "judge3", 256, 1)};

  const Value drawn = generator(noise);
  const auto loss = [](const Value& logits, double truth) {
    return mean(
        losses::binary_cross_entropy_with_logits(logits, broadcast_like(truth + 0.0 * logits, logits)));
  };
  const Value judged = critic(drawn);
  const Value critic_loss = loss(critic(real), 1.0) + loss(critic(stop_gradient(drawn)), 0.0);
  const Value generator_loss = loss(judged, 1.0);
  model.prediction = drawn;
  model.loss = generator_loss + critic_loss;
  const auto add = [&](const Value& one, const std::vector<Value>& weights) {
    const auto updates = optim::adam(weights, gradients(one, weights), 2e-4, {.beta1 = 0.5});
    model.updates.insert(model.updates.end(), updates.begin(), updates.end());
  };
  add(critic_loss, critic.parameters());
  add(generator_loss, generator.parameters());
  feed(model, noise, draw_numbers({kBatch, kNoise}), {real}, {draw_numbers({kBatch, kPixels})});
  return model;
}

}  // namespace weft::examples
