#include "weft/frontends/mnist/mlp.h"

#include <fmt/format.h>

#include <algorithm>

#include "weft/autodiff/gradients.h"
#include "weft/frontends/class_losses.h"
#include "weft/frontends/config/choices.h"
#include "weft/frontends/predict.h"
#include "weft/frontends/ranks/distributed.h"
#include "weft/frontends/ranks/shares.h"
#include "weft/ops/gather.h"
#include "weft/ops/random.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"

namespace weft::mnist {
namespace {

constexpr std::int64_t kBatch = 500;  // their 784 pixels each take 1.5 MB as f32, which fits a cache

/// The named initializer of weights or of biases, with the deviation that the model asks for.
nn::Initializer weight_start(const MlpConfig& config, const std::string& name) {
  const nn::NamedInitializer& choice = nn::initializer_named(name);
  return config.deviation && choice.with_deviation != nullptr ? choice.with_deviation(*config.deviation)
                                                              : choice.weight;
}

nn::Initializer bias_start(const MlpConfig& config) {
  if (config.bias_initializer.empty()) return nn::initializer_named(config.initializer).bias;
  return weight_start(config, config.bias_initializer);
}

}  // namespace

void validate(const MlpConfig& config) {
  nn::activation_named(config.activation);
  nn::initializer_named(config.initializer);
  if (!config.bias_initializer.empty() && nn::initializer_named(config.bias_initializer).needs_matrix) {
    throw Error(ErrorCode::invalid_argument, fmt::format("'{}' cannot start biases", config.bias_initializer),
                {.expected = "an initializer of vectors"});
  }
  if (config.deviation) expect_within("deviation", *config.deviation, kPositive);
  expect_within("dropout", config.dropout, kShare);
  constexpr Bounds kSizes{.low = 1.0, .high = 0x1p53};
  expect_within("inputs", static_cast<double>(config.inputs), kSizes);
  for (const std::int64_t width : config.layers) expect_within("layers", static_cast<double>(width), kSizes);
  expect_within("classes", static_cast<double>(config.classes), kSizes);
}

Mlp::Mlp(Graph& graph, const MlpConfig& config, DType dtype)
    : activation_(config.activation), dropout_(config.dropout) {
  validate(config);
  const nn::DenseOptions start{.weight_initializer = weight_start(config, config.initializer),
                               .bias_initializer = bias_start(config)};
  std::vector<std::int64_t> widths = config.layers;
  widths.push_back(config.classes);
  std::int64_t inputs = config.inputs;
  for (const std::int64_t units : widths) {
    layers_.push_back(
        nn::dense(graph, fmt::format("dense{}", layers_.size() + 1), inputs, units, dtype, start));
    inputs = units;
  }
}

std::vector<Value> Mlp::outputs(const Value& pixels, double dropout_rate) const {
  std::vector<Value> outputs;
  const DType dtype = layers_.back().weight.dtype();
  Value x = pixels.dtype() == dtype ? pixels : cast(pixels, dtype);
  for (std::size_t i = 0; i + 1 < layers_.size(); ++i) {
    outputs.push_back(nn::activation_named(activation_).apply(layers_[i](x)));
    x = dropout_rate > 0.0 ? dropout(outputs.back(), dropout_rate) : outputs.back();
  }
  outputs.push_back(layers_.back()(x).named("logits"));
  return outputs;
}

Value Mlp::operator()(const Value& pixels) const { return outputs(pixels, 0.0).back(); }

Value Mlp::training_logits(const Value& pixels) const { return outputs(pixels, dropout_).back(); }

std::vector<Value> Mlp::layer_outputs(const Value& pixels) const { return outputs(pixels, 0.0); }

std::vector<Value> Mlp::parameters() const { return nn::parameters(layers_); }

Value scale_pixels(const Value& pixels, const PixelScale& scale) {
  const Value scaled = cast(pixels, f32) * (1.0 / scale.deviation);
  return scale.mean == 0.0 ? scaled : scaled - scale.mean / scale.deviation;
}

namespace {

/// The step on a batch, whatever it comes from.
FunctionSpec step_on(const Mlp& mlp, const Value& images, const Value& labels, std::vector<Value> inputs,
                     const OptimizerConfig& optimizer, const StepOptions& options) {
  const Value logits = mlp.training_logits(scale_pixels(images, options.pixels));
  const losses::ClassLoss& choice = losses::class_loss_named(options.loss);
  const Value loss = mean(choice.build(logits, labels, options.label_smoothing)).named("loss");
  const auto parameters = mlp.parameters();
  if (options.over_ranks) {
    const ranks::DistributedLoss shared = ranks::differentiate(loss, parameters, ranks::rows_of(labels));
    return {.inputs = std::move(inputs),
            .outputs = {shared.loss},
            .updates = updates_of(optimizer, parameters, shared.gradients, options.steps)};
  }
  return {.inputs = std::move(inputs),
          .outputs = {loss},
          .updates = updates_of(optimizer, parameters, gradients(loss, parameters), options.steps)};
}

}  // namespace

FunctionSpec training_step(const Mlp& mlp, const Value& images, const Value& labels,
                           const OptimizerConfig& optimizer, const StepOptions& options) {
  const Value rows = input(images.graph(), "rows", i32, {"batch"});
  return step_on(mlp, gather(images, rows), gather(labels, rows), {rows}, optimizer, options);
}

FunctionSpec fed_training_step(const Mlp& mlp, const Value& images, const Value& labels,
                               const OptimizerConfig& optimizer, const StepOptions& options) {
  return step_on(mlp, images, labels, {images, labels}, optimizer, options);
}

FunctionSpec prediction(Graph& graph, const Mlp& mlp, std::int64_t inputs, const PixelScale& pixels) {
  const Value images = input(graph, "images", u8, {"batch", inputs});
  return {.inputs = {images}, .outputs = {argmax(mlp(scale_pixels(images, pixels)))}, .updates = {}};
}

Tensor predict_all(Function& predict, const Tensor& images, Communicator* communicator) {
  return ranks::predict(communicator, predict, images, kBatch);
}

}  // namespace weft::mnist
