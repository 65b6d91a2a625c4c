// A variational autoencoder (Kingma and Welling, ICLR 2014) of pictures with pixels in [0, 1].

#include "weft/frontends/examples/models/models.h"

namespace weft::examples {

Model variational_autoencoder() {
  constexpr std::int64_t kBatch = 128;
  constexpr std::int64_t kPixels = 784;
  constexpr std::int64_t kHidden = 400;
  constexpr std::int64_t kCode = 20;
  Model model;
  Graph& graph = *model.graph;
  const Value x = input(graph, "x", f32, {kBatch, kPixels});
  const auto encoder = nn::dense(graph, "encoder", kPixels, kHidden);
  const auto means = nn::dense(graph, "means", kHidden, kCode);
  const auto spreads = nn::dense(graph, "spreads", kHidden, kCode);  // logarithms of the variances
  const nn::Sequential decoder{nn::dense(graph, "decoder", kCode, kHidden), relu,
                               nn::dense(graph, "pixels", kHidden, kPixels)};

  const Value h = relu(encoder(x));
  const Value mu = means(h);
  const Value log_variance = spreads(h);
  const Value z = mu + exp(0.5 * log_variance) * random_normal(graph, f32, {kBatch, kCode});
  // The bound sums over the pixels of a picture, of which the loss is the mean.
  const Value pixels = static_cast<double>(kPixels) * losses::binary_cross_entropy_with_logits(decoder(z), x);
  const Value divergence = -0.5 * sum(1.0 + log_variance - square(mu) - exp(log_variance), {1});
  model.loss = mean(pixels + divergence);
  model.prediction = sigmoid(decoder(mu));
  feed(model, x, draw_numbers({kBatch, kPixels}, 0.0));
  train_by_adam(model, nn::parameters(encoder, means, spreads, decoder));
  return model;
}

}  // namespace weft::examples
