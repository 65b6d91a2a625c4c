#include "weft/frontends/cli/check_methods.h"

#include <fmt/format.h>

#include <functional>

#include "weft/autodiff/gradients.h"
#include "weft/frontends/mnist/optimizer_config.h"
#include "weft/frontends/nn/dense.h"
#include "weft/frontends/optim/optim.h"
#include "weft/frontends/verify/sample_source.h"
#include "weft/ops/activation.h"
#include "weft/ops/compare.h"
#include "weft/ops/loss.h"
#include "weft/ops/random.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"

namespace weft::cli {
namespace {

using verify::SampleSource;
using verify::Training;

constexpr std::int64_t kRows = 6;
constexpr std::int64_t kInputs = 9;
constexpr std::int64_t kHidden = 7;
constexpr std::int64_t kClasses = 4;

using Values = std::span<const Value>;
using Method = std::function<std::vector<Value>(Values parameters, Values gradients)>;
/// What is applied to the hidden layer.
using Treatment = std::function<Value(const Value& hidden, Training& training)>;

Training small_network(Graph& graph, DType dtype, const Method& method, const Treatment& treat) {
  const Value x = input(graph, "x", dtype, {"batch", kInputs});
  const Value labels = input(graph, "labels", u8, {"batch"});
  const auto first = nn::dense(graph, "first", kInputs, kHidden, dtype);
  const auto second = nn::dense(graph, "second", kHidden, kClasses, dtype);
  Training training{.inputs = {x, labels}, .loss = {}, .parameters = {}, .gradients = {}, .updates = {}};
  const Value hidden = treat(tanh(first(x)), training);
  training.loss = mean(softmax_cross_entropy(second(hidden), labels));
  for (const auto& layer : {first.parameters(), second.parameters()}) {
    training.parameters.insert(training.parameters.end(), layer.begin(), layer.end());
  }
  training.gradients = gradients(training.loss, training.parameters);
  training.updates = method(training.parameters, training.gradients);
  return training;
}

std::vector<Tensor> batch(SampleSource& source) {
  return {source.uniform({kRows, kInputs}), source.whole({kRows}, kClasses, u8)};
}

verify::Model trained_by(std::string_view name, const Method& method, std::uint64_t seed) {
  SampleSource source(seed, name);
  const auto build = [method](Graph& graph, DType dtype) {
    return small_network(graph, dtype, method, [](const Value& hidden, Training&) { return hidden; });
  };
  return {.name = fmt::format("{}-{}-{} tanh, {}", kInputs, kHidden, kClasses, name),
          .build = build,
          .inputs = batch(source)};
}

/// A number within the bounds, for a key without a default.
double some_number(const Bounds& bounds) {
  constexpr double kHalf = 0.5;
  constexpr double kTwo = 2.0;
  return bounds.contain(kHalf) ? kHalf : kTwo;
}

verify::Model trained_as(std::string_view name, const mnist::OptimizerConfig& config, std::uint64_t seed) {
  constexpr std::int64_t kSteps = 100;
  return trained_by(
      name, [config](Values p, Values g) { return mnist::updates_of(config, p, g, kSteps); }, seed);
}

Value drop_half(const Value& hidden, Training& training) {
  constexpr double kRate = 0.5;
  const Value key = input(hidden.graph(), "key", i64, {2});
  training.inputs.push_back(key);
  const RandomUniform numbers{.type = hidden.type(), .stream = hidden.graph().next_stream()};
  return where(apply(numbers, {key}) >= kRate, hidden * (1.0 / (1.0 - kRate)), 0.0);
}

}  // namespace

std::vector<verify::Model> optimizer_models(std::uint64_t seed) {
  constexpr double kDecay = 0.01;
  std::vector<verify::Model> models;
  for (const mnist::OptimizerChoice& choice : mnist::named_optimizers()) {
    mnist::OptimizerConfig config = mnist::default_optimizer(choice.name);
    if (choice.decays_beside_step) config.weight_decay = kDecay;
    models.push_back(trained_as(choice.name, config, seed));
  }
  mnist::OptimizerConfig penalized{.name = "momentum", .learning_rate = 0.1, .bias_rate = 2.0};
  penalized.weight_decay = kDecay;
  models.push_back(trained_as("momentum with a penalty, faster biases", penalized, seed));
  models.push_back(trained_by(
      "rmsprop with momentum",
      [](Values p, Values g) { return optim::rmsprop(p, g, 0.01, {.momentum = 0.9}); }, seed));
  for (const mnist::ScheduleChoice& choice : mnist::named_schedules()) {
    mnist::OptimizerConfig config{.name = "sgd", .learning_rate = 0.1};
    config.schedule.kind = choice.name;
    config.schedule.warm_up = 0.1;
    for (const auto& key : choice.keys) {
      if (key.required) config.schedule.*key.member = some_number(key.bounds);
    }
    models.push_back(trained_as(fmt::format("sgd, {} schedule", choice.name), config, seed));
  }
  return models;
}

verify::Model dropout_model(std::uint64_t seed) {
  SampleSource source(seed, "dropout");
  const auto build = [](Graph& graph, DType dtype) {
    const Method method = [](Values p, Values g) { return optim::sgd(p, g, 0.1); };
    return small_network(graph, dtype, method, drop_half);
  };
  verify::Model model{.name = "dropout, sgd", .build = build, .inputs = batch(source)};
  model.inputs.push_back(Tensor::of<std::int64_t>({source.below(1000), source.below(1000)}));
  return model;
}

}  // namespace weft::cli
