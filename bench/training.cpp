#include "weft/bench/training.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>

#include "weft/bench/reference_loop.h"
#include "weft/frontends/data/batches.h"
#include "weft/frontends/mnist/mlp.h"
#include "weft/frontends/train.h"
#include "weft/ops/source.h"

namespace weft::bench {
namespace {

constexpr std::uint64_t kSeed = 1;

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

ReferenceConfig::Activation activation_of(const std::string& name) {
  if (name == "tanh") return ReferenceConfig::Activation::tanh;
  return name == "sigmoid" ? ReferenceConfig::Activation::sigmoid : ReferenceConfig::Activation::relu;
}

/// The engine's side: the graph, and the two functions compiled from it.
class Engine {
 public:
  Engine(const TrainingCase& network, const data::Digits& digits, const TrainingBenchOptions& options)
      : digits_(digits),
        options_(options),
        mlp_(graph_, {.layers = network.layers, .activation = network.activation}),
        session_(graph_, {.threads = options.threads, .seed = kSeed}),
        step_(session_.compile(mnist::training_step(
            mlp_, constant(graph_, digits.train.images), constant(graph_, digits.train.labels),
            {.name = "sgd", .learning_rate = options.learning_rate}))),
        predict_(session_.compile(mnist::prediction(graph_, mlp_, digits.train.images.sizes()[1]))) {}

  void copy_weights_to(ReferenceLoop& loop) {
    const auto parameters = mlp_.parameters();
    for (std::size_t layer = 0; layer < loop.layers(); ++layer) {
      const Tensor weight = session_.value(parameters[2 * layer]);
      const Tensor bias = session_.value(parameters[2 * layer + 1]);
      loop.set_layer(layer, weight.values<float>(), bias.values<float>());
    }
  }

  double train_epoch(std::int64_t epoch) {
    const FitResult result = fit(step_, {.samples = digits_.train.images.sizes()[0],
                                         .epochs = epoch + 1,
                                         .batch_size = options_.batch,
                                         .seed = kSeed,
                                         .start = {.epoch = epoch}});
    return result.epochs[0].loss;
  }

  void predict() { mnist::predict_all(predict_, digits_.test.images); }

 private:
  const data::Digits& digits_;
  TrainingBenchOptions options_;
  Graph graph_;
  mnist::Mlp mlp_;
  Session session_;
  Function step_;
  Function predict_;
};

}  // namespace

const std::vector<TrainingCase>& training_cases() {
  static const std::vector<TrainingCase> cases{
      {"784-100-10 relu", {100}, "relu"},
      {"784-4x100-10 relu", {100, 100, 100, 100}, "relu"},
      {"784-4x100-10 tanh", {100, 100, 100, 100}, "tanh"},
      {"784-1024-10 relu", {1024}, "relu"},
      {"784-64-10 relu", {64}, "relu"},
  };
  return cases;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2.0;
}

TrainingComparison compare_training(const TrainingCase& network, const data::Digits& digits,
                                    const TrainingBenchOptions& options) {
  const auto images = digits.train.images.values<std::uint8_t>();
  const auto test_images = digits.test.images.values<std::uint8_t>();
  const std::int64_t samples = digits.train.images.sizes()[0];
  std::vector<std::int64_t> widths{digits.train.images.sizes()[1]};
  widths.insert(widths.end(), network.layers.begin(), network.layers.end());
  widths.push_back(data::kDigitClasses);

  Engine engine(network, digits, options);
  ReferenceLoop reference({.widths = widths,
                           .activation = activation_of(network.activation),
                           .batch = options.batch,
                           .learning_rate = static_cast<float>(options.learning_rate),
                           .threads = options.threads,
                           .seed = kSeed},
                          images, digits.train.labels.values<std::uint8_t>());
  engine.copy_weights_to(reference);

  TrainingComparison comparison;
  std::vector<double> engine_predict;
  std::vector<double> reference_predict;
  for (int round = 0; round <= options.rounds; ++round) {
    double engine_loss = 0.0;
    double reference_loss = 0.0;
    const double engine_seconds = seconds_of([&] { engine_loss = engine.train_epoch(round); });
    const double reference_seconds = seconds_of([&] {
      const Tensor order = data::permutation(samples, kSeed, static_cast<std::uint64_t>(round));
      reference_loss = reference.train_epoch(order.values<std::int32_t>());
    });
    const double engine_predict_seconds = seconds_of([&] { engine.predict(); });
    const double reference_predict_seconds =
        seconds_of([&] { static_cast<void>(reference.predict(test_images, digits.test.images.sizes()[0])); });
    if (round == 0) {
      comparison.first_loss_difference = std::abs(engine_loss - reference_loss) / reference_loss;
      continue;
    }
    comparison.engine_seconds.push_back(engine_seconds);
    comparison.reference_seconds.push_back(reference_seconds);
    engine_predict.push_back(engine_predict_seconds);
    reference_predict.push_back(reference_predict_seconds);
  }
  comparison.engine_predict_seconds = median(engine_predict);
  comparison.reference_predict_seconds = median(reference_predict);
  return comparison;
}

}  // namespace weft::bench
