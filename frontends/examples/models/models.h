#pragma once
// Small models of many kinds, each built in a file of its own that can be read as an example. Their data are
// made up: the tests train each a little, and the bench times their steps beside the same models written for
// PyTorch (bench/peers/models.py, where every size must be the same).

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "weft/weft.h"

namespace weft::examples {

/// A model in a graph of its own, and one batch of data for it.
struct Model {
  std::unique_ptr<Graph> graph = std::make_unique<Graph>();
  std::vector<Value> inputs{};   // of a training step
  std::vector<Tensor> batch{};   // one tensor for each of them
  Value loss{};                  // a number
  std::vector<Value> updates{};  // of a training step
  std::vector<Value> given{};    // inputs of a prediction
  std::vector<Tensor> samples{};
  Value prediction{};
};

/// The model's inputs for training and prediction are one: feeds `x`, and for training `rest` too.
void feed(Model& model, const Value& x, const Tensor& samples, const std::vector<Value>& rest = {},
          const std::vector<Tensor>& batch = {});

/// Minimizes `model.loss` by Adam.
void train_by_adam(Model& model, const std::vector<Value>& parameters, double rate = 1e-3);

/// Numbers that are uniformly distributed in [low, high).
Tensor draw_numbers(SizeList sizes, double low = -1.0, double high = 1.0, DType dtype = f32);
/// i64 numbers, uniformly distributed in [0, below).
Tensor draw_indices(SizeList sizes, std::int64_t below);

Model character_transformer();
Model lenet();
Model resnet8();
Model lstm();
Model gru();
Model variational_autoencoder();
Model adversarial_networks();
Model tabular();
Model physics_informed();
Model maml();
Model wide_dense();
Model gaussian_process();

struct ModelEntry {
  std::string_view name;
  std::string_view text;
  Model (*make)();
};

std::span<const ModelEntry> models();

}  // namespace weft::examples
