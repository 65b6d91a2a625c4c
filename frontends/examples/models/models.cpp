#include "weft/frontends/examples/models/models.h"

#include <array>
#include <random>

namespace weft::examples {
namespace {

constexpr std::array kModels{
    ModelEntry{"transformer", "2 layers, d 128, 4 heads, 64 characters, batch 16", character_transformer},
    ModelEntry{"lenet", "28x28, batch 64", lenet},
    ModelEntry{"resnet8", "32x32x3, batch norm, batch 64", resnet8},
    ModelEntry{"lstm", "256 units, 50 characters, batch 32", lstm},
    ModelEntry{"gru", "256 units, 50 characters of 64, batch 32", gru},
    ModelEntry{"vae", "784-400-20, batch 128", variational_autoencoder},
    ModelEntry{"gan", "784 pixels, batch 64", adversarial_networks},
    ModelEntry{"tabular", "8 embeddings and 16 numbers, layer norm, batch 512", tabular},
    ModelEntry{"physics", "Burgers' equation at 1024 points", physics_informed},
    ModelEntry{"maml", "one inner step, 16 tasks", maml},
    ModelEntry{"wide", "784-4096-4096-10, batch 64", wide_dense},
    ModelEntry{"gp", "marginal likelihood of 256 points", gaussian_process},
};

template <typename T>
Tensor draw(SizeList sizes, auto distribution) {
  Tensor drawn = Tensor::uninitialized(dtype_of<T>(), sizes);
  std::mt19937_64 source(1);
  for (T& number : drawn.mutable_values<T>()) number = static_cast<T>(distribution(source));
  return drawn;
}

}  // namespace

std::span<const ModelEntry> models() { return kModels; }

void feed(Model& model, const Value& x, const Tensor& samples, const std::vector<Value>& rest,
          const std::vector<Tensor>& batch) {
  model.given = model.inputs = {x};
  model.samples = model.batch = {samples};
  model.inputs.insert(model.inputs.end(), rest.begin(), rest.end());
  model.batch.insert(model.batch.end(), batch.begin(), batch.end());
}

void train_by_adam(Model& model, const std::vector<Value>& parameters, double rate) {
  const auto updates = optim::adam(parameters, gradients(model.loss, parameters), rate);
  model.updates.insert(model.updates.end(), updates.begin(), updates.end());
}

Tensor draw_numbers(SizeList sizes, double low, double high, DType dtype) {
  return visit_float(
      dtype, [&]<typename T>(T) { return draw<T>(sizes, std::uniform_real_distribution(low, high)); });
}
Tensor draw_indices(SizeList sizes, std::int64_t below) {
  return draw<std::int64_t>(sizes, std::uniform_int_distribution<std::int64_t>(0, below - 1));
}

}  // namespace weft::examples
