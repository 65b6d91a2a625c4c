#include "weft/frontends/mnist/mlp.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "weft/autodiff/gradients.h"
#include "weft/frontends/optim/optim.h"
#include "weft/ops/activation.h"
#include "weft/ops/gather.h"
#include "weft/ops/loss.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"

namespace weft::mnist {
namespace {

constexpr double kMomentum = 0.9;
constexpr std::int64_t kPredictionBatch = 1000;

struct NamedActivation {
  std::string_view name;
  Value (*apply)(const Operand& x);
};
constexpr std::array kActivations{NamedActivation{"relu", relu}, NamedActivation{"tanh", tanh},
                                  NamedActivation{"sigmoid", sigmoid}};

const NamedActivation& activation_named(std::string_view name) {
  const auto* const found = std::ranges::find(kActivations, name, &NamedActivation::name);
  if (found != kActivations.end()) return *found;
  throw Error(ErrorCode::invalid_argument, "unknown activation",
              {.expected = "relu, tanh or sigmoid", .actual = std::string(name)});
}

std::vector<Value> updates_of(const OptimizerConfig& optimizer, std::span<const Value> parameters,
                              std::span<const Value> gradients) {
  const double rate = optimizer.rate();
  if (optimizer.name == "sgd") return optim::sgd(parameters, gradients, rate);
  if (optimizer.name == "momentum") return optim::sgd(parameters, gradients, rate, {.momentum = kMomentum});
  if (optimizer.name == "adam") return optim::adam(parameters, gradients, rate);
  throw Error(ErrorCode::invalid_argument, "unknown optimizer",
              {.expected = "sgd, momentum or adam", .actual = optimizer.name});
}

}  // namespace

double OptimizerConfig::rate() const {
  if (learning_rate) return *learning_rate;
  if (name == "adam") return 0.001;
  return name == "momentum" ? 0.05 : 0.3;
}

void validate(const MlpConfig& config) {
  activation_named(config.activation);
  nn::initializer_named(config.initializer);
  for (const std::int64_t width : config.layers) {
    if (width >= 1) continue;
    throw Error(ErrorCode::invalid_argument, "a layer needs at least one unit",
                {.expected = "widths >= 1", .actual = std::to_string(width)});
  }
}

Mlp::Mlp(Graph& graph, const MlpConfig& config) : activation_(config.activation) {
  validate(config);
  const nn::NamedInitializer& initializer = nn::initializer_named(config.initializer);
  std::vector<std::int64_t> widths = config.layers;
  widths.push_back(config.classes);
  std::int64_t inputs = config.inputs;
  for (const std::int64_t units : widths) {
    layers_.push_back(
        nn::dense(graph, fmt::format("dense{}", layers_.size() + 1), inputs, units, f32,
                  {.weight_initializer = initializer.weight, .bias_initializer = initializer.bias}));
    inputs = units;
  }
}

Value Mlp::operator()(const Value& pixels) const {
  Value x = pixels;
  for (std::size_t i = 0; i + 1 < layers_.size(); ++i) x = activation_named(activation_).apply(layers_[i](x));
  return layers_.back()(x).named("logits");
}

std::vector<Value> Mlp::parameters() const {
  std::vector<Value> all;
  for (const nn::Dense& layer : layers_) {
    for (const Value& parameter : layer.parameters()) all.push_back(parameter);
  }
  return all;
}

Value scale_pixels(const Value& pixels) {
  constexpr double kWhite = 255.0;
  return cast(pixels, f32) * (1.0 / kWhite);
}

FunctionSpec training_step(const Mlp& mlp, const Value& images, const Value& labels,
                           const OptimizerConfig& optimizer) {
  const Value rows = input(images.graph(), "rows", i32, {"batch"});
  const Value logits = mlp(scale_pixels(gather(images, rows)));
  const Value loss = mean(softmax_cross_entropy(logits, gather(labels, rows))).named("loss");
  const auto parameters = mlp.parameters();
  return {.inputs = {rows},
          .outputs = {loss},
          .updates = updates_of(optimizer, parameters, gradients(loss, parameters))};
}

FunctionSpec prediction(Graph& graph, const Mlp& mlp, std::int64_t inputs) {
  const Value images = input(graph, "images", u8, {"batch", inputs});
  return {.inputs = {images}, .outputs = {argmax(mlp(scale_pixels(images)))}, .updates = {}};
}

Tensor predict_all(Function& predict, const Tensor& images) {
  const std::int64_t count = images.sizes()[0];
  Tensor classes = Tensor::uninitialized(i64, {count});
  const auto all = classes.mutable_values<std::int64_t>();
  for (std::int64_t begin = 0; begin < count; begin += kPredictionBatch) {
    const std::int64_t size = std::min(kPredictionBatch, count - begin);
    const auto part = predict({images.rows(begin, size)})[0].values<std::int64_t>();
    std::ranges::copy(part, all.begin() + begin);
  }
  return classes;
}

}  // namespace weft::mnist
