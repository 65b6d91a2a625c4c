#include "weft/frontends/cli/check_models.h"

#include <fmt/format.h>

#include "weft/autodiff/gradients.h"
#include "weft/frontends/class_losses.h"
#include "weft/frontends/cli/check_methods.h"
#include "weft/frontends/cli/training_flags.h"
#include "weft/frontends/optim/optim.h"
#include "weft/frontends/verify/sample_source.h"
#include "weft/ops/activation.h"
#include "weft/ops/layout.h"
#include "weft/ops/loss.h"
#include "weft/ops/pool.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/ops/sparse.h"

namespace weft::cli {
namespace {

using verify::SampleSource;
using verify::Training;

constexpr std::int64_t kSmallBatch = 6;

std::string name_of(const mnist::TrainingConfig& config) {
  const std::string loss = config.loss == mnist::TrainingConfig{}.loss ? "" : ", " + config.loss;
  return fmt::format("{}, {}{}", network_in_words(config.model), config.optimizer.name, loss);
}

mnist::TrainingConfig small(std::vector<std::int64_t> layers, std::string activation, std::string optimizer,
                            std::uint64_t seed) {
  mnist::TrainingConfig config;
  config.batch = kSmallBatch;
  config.seed = seed;
  config.model.inputs = 20;
  config.model.layers = std::move(layers);
  config.model.activation = std::move(activation);
  config.optimizer.name = std::move(optimizer);
  return config;
}

/// Pixels that are mostly zero, like those of digits.
Tensor sparse_pictures(std::int64_t count, std::int64_t pixels, SampleSource& source) {
  constexpr std::int64_t kGreys = 256;
  constexpr std::int64_t kZerosFor = 5;
  Tensor pictures = source.whole({count, pixels}, kGreys, u8);
  for (std::uint8_t& pixel : pictures.mutable_values<std::uint8_t>()) {
    if (source.below(kZerosFor) != 0) pixel = 0;
  }
  return pictures;
}

Training convolutional(Graph& graph, DType dtype) {
  const Value pictures = input(graph, "pictures", dtype, {"batch", 2, 12, 12});
  const Value labels = input(graph, "labels", u8, {"batch"});
  const auto conv1 = nn::conv2d(graph, "conv1", 2, 4, 3, dtype);
  const auto norm = nn::batch_norm(graph, "norm", 4, dtype, {.axis = 1});
  const auto conv2 = nn::conv2d(graph, "conv2", 4, 6, 3, dtype, {.sliding = {.padding = 1}});
  const auto dense = nn::dense(graph, "dense", 6, 5, dtype);
  const auto normed = norm.train(max_pool2d(relu(conv1(pictures)), {.window = 2}));
  const Value features = flatten(avg_pool2d(tanh(conv2(normed.y)), {.window = 5}));
  Training training{
      .inputs = {pictures, labels}, .loss = {}, .parameters = {}, .gradients = {}, .updates = {}};
  training.loss = mean(softmax_cross_entropy(dense(features), labels));
  for (const auto& layer : {conv1.parameters(), norm.parameters(), conv2.parameters(), dense.parameters()}) {
    training.parameters.insert(training.parameters.end(), layer.begin(), layer.end());
  }
  training.gradients = gradients(training.loss, training.parameters);
  training.updates = optim::sgd(training.parameters, training.gradients, 0.1, {.momentum = 0.9});
  training.updates.insert(training.updates.end(), normed.updates.begin(), normed.updates.end());
  return training;
}

verify::Model convolutional_model(std::uint64_t seed) {
  SampleSource source(seed, "convolutional");
  return {.name = "convolutional, momentum",
          .build = convolutional,
          .inputs = {source.uniform({kSmallBatch, 2, 12, 12}), source.whole({kSmallBatch}, 5, u8)}};
}

/// Fed bytes: rows like those of digits, mostly 0, and behind them some full rows.
verify::Model bytes_model(std::uint64_t seed) {
  constexpr std::int64_t kWritten = 64;
  constexpr std::int64_t kFull = 4;
  constexpr std::int64_t kPixels = 18;
  SampleSource source(seed, "bytes");
  Tensor rows = sparse_pictures(kWritten + kFull, kPixels, source);
  const auto full = rows.mutable_values<std::uint8_t>().subspan(static_cast<std::size_t>(kWritten * kPixels));
  for (std::uint8_t& pixel : full) pixel = static_cast<std::uint8_t>(1 + source.below(255));
  const auto build = [](Graph& graph, DType dtype) {
    const Value pictures = input(graph, "pictures", u8, {"batch", kPixels});
    const Value labels = input(graph, "labels", u8, {"batch"});
    const auto hidden = nn::dense(graph, "hidden", kPixels, 17, dtype);
    const auto output = nn::dense(graph, "output", 17, 3, dtype);
    const Value x = cast(pictures, dtype) * (1.0 / 255.0);
    Training training{.inputs = {pictures, labels},
                      .loss = mean(softmax_cross_entropy(output(relu(hidden(x))), labels)),
                      .parameters = {output.weight, output.bias},
                      .gradients = {},
                      .updates = {}};
    training.gradients = gradients(training.loss, training.parameters);
    training.updates = optim::sgd(training.parameters, training.gradients, 0.1);
    return training;
  };
  return {.name = "fed bytes, last layer by sgd",
          .build = build,
          .inputs = {std::move(rows), source.whole({kWritten + kFull}, 3, u8)}};
}

/// Fed rows of a sparse matrix, with room for more entries than they have.
Training of_words(Graph& graph, DType dtype) {
  const SparseValue words = sparse_input(graph, "words", dtype, {"batch", 30}, "room");
  const Value labels = input(graph, "labels", u8, {"batch"});
  const auto hidden = nn::dense(graph, "hidden", 30, 20, dtype);
  const auto output = nn::dense(graph, "output", 20, 3, dtype);
  const auto parts = words.parts();
  Training training{.inputs = {parts.begin(), parts.end()},
                    .loss = mean(softmax_cross_entropy(output(tanh(hidden(words))), labels)),
                    .parameters = {hidden.weight, hidden.bias, output.weight, output.bias},
                    .gradients = {},
                    .updates = {}};
  training.inputs.push_back(labels);
  training.gradients = gradients(training.loss, training.parameters);
  training.updates = optim::sgd(training.parameters, training.gradients, 0.1);
  return training;
}

verify::Model sparse_model(std::uint64_t seed) {
  SampleSource source(seed, "sparse");
  Tensor words = source.uniform({kSmallBatch, 30}, 0.5, 1.0);
  for (double& word : words.mutable_values<double>()) {
    if (source.below(4) != 0) word = 0.0;
  }
  const auto parts = SparseTensor::from_dense(words).packed().parts();
  std::vector<Tensor> inputs(parts.begin(), parts.end());
  inputs.push_back(source.whole({kSmallBatch}, 3, u8));
  return {.name = "sparse rows, sgd", .build = of_words, .inputs = std::move(inputs)};
}

/// A recurrent layer, from both ends, over sequences of different lengths.
verify::Model recurrent_model(std::uint64_t seed, nn::Cell cell, std::string name) {
  constexpr std::int64_t kSteps = 5;
  SampleSource source(seed, name);
  const auto build = [cell](Graph& graph, DType dtype) {
    const Value x = input(graph, "x", dtype, {"batch", "steps", 3});
    const Value lengths = input(graph, "lengths", i64, {"batch"});
    const Value labels = input(graph, "labels", u8, {"batch"});
    const auto reader = nn::bidirectional(graph, "reader", cell, 3, 4, dtype, {.peepholes = true});
    const auto output = nn::dense(graph, "output", 8, 3, dtype);
    const Value read = mean(reader.run(x, {.states = {}, .lengths = lengths}).outputs, {1});
    Training training{.inputs = {x, lengths, labels},
                      .loss = mean(softmax_cross_entropy(output(read), labels)),
                      .parameters = nn::parameters(reader, output),
                      .gradients = {},
                      .updates = {}};
    training.gradients = gradients(training.loss, training.parameters);
    training.updates = optim::adam(training.parameters, training.gradients, 0.01);
    return training;
  };
  return {.name = std::move(name),
          .build = build,
          .inputs = {source.uniform({kSmallBatch, kSteps, 3}), source.whole({kSmallBatch}, kSteps + 1),
                     source.whole({kSmallBatch}, 3, u8)}};
}

/// A wide layer, with enough rows for each of three threads that sparse rows read the weights in packed
/// panels.
mnist::TrainingConfig wide(std::uint64_t seed) {
  mnist::TrainingConfig config = small({64}, "relu", "sgd", seed);
  config.model.inputs = 300;
  config.batch = 64;
  return config;
}

}  // namespace

verify::Model model_of_flags(const mnist::TrainingConfig& config) {
  SampleSource source(config.seed, "flags");
  const Tensor pictures = sparse_pictures(config.batch, config.model.inputs, source);
  const Tensor labels = source.whole({config.batch}, config.model.classes, u8);
  const auto build = [config, pictures, labels](Graph& graph, DType dtype) -> Training {
    mnist::MlpConfig model = config.model;
    model.dropout = 0.0;  // each step drops other units; dropout_model verifies dropout
    const mnist::Mlp mlp(graph, model, dtype);
    const FunctionSpec step =
        mnist::training_step(mlp, constant(graph, pictures), constant(graph, labels), config);
    return {.inputs = step.inputs,
            .loss = step.outputs[0],
            .parameters = mlp.parameters(),
            .gradients = gradients(step.outputs[0], mlp.parameters()),
            .updates = step.updates};
  };
  return {
      .name = name_of(config), .build = build, .inputs = {source.whole({config.batch}, config.batch, i32)}};
}

CheckedModel without_zeros(verify::Model model) {
  model.name += ", without zeros";
  return {.model = std::move(model), .compile = {.skip_zeros = SkipZeros::always}};
}

std::vector<CheckedModel> small_models(std::uint64_t seed) {
  std::vector<verify::Model> models{model_of_flags(small({}, "relu", "sgd", seed)),
                                    model_of_flags(small({16, 12}, "relu", "sgd", seed)),
                                    model_of_flags(small({16}, "tanh", "momentum", seed)),
                                    model_of_flags(small({12, 8}, "sigmoid", "adam", seed)),
                                    convolutional_model(seed),
                                    bytes_model(seed),
                                    sparse_model(seed),
                                    recurrent_model(seed, nn::Cell::rnn, "rnn, adam"),
                                    recurrent_model(seed, nn::Cell::lstm, "lstm with peepholes, adam"),
                                    recurrent_model(seed, nn::Cell::gru, "gru, adam"),
                                    dropout_model(seed)};
  for (const nn::NamedActivation& activation : nn::named_activations()) {
    models.push_back(model_of_flags(small({10}, std::string(activation.name), "sgd", seed)));
  }
  for (const losses::ClassLoss& loss : losses::named_class_losses()) {
    mnist::TrainingConfig config = small({10}, "tanh", "sgd", seed);
    config.loss = loss.name;
    config.label_smoothing = 0.1;
    models.push_back(model_of_flags(config));
  }
  for (verify::Model& model : optimizer_models(seed)) models.push_back(std::move(model));
  std::vector<CheckedModel> checked{without_zeros(model_of_flags(wide(seed))),
                                    without_zeros(model_of_flags(small({16}, "tanh", "adam", seed)))};
  for (verify::Model& model : models) checked.push_back({.model = std::move(model), .compile = {}});
  return checked;
}

}  // namespace weft::cli
