#include "weft/frontends/mnist/mlp.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "weft/autodiff/gradients.h"
#include "weft/frontends/losses.h"
#include "weft/ops/activation.h"
#include "weft/ops/gather.h"
#include "weft/ops/random.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"

namespace weft::mnist {
namespace {

constexpr std::int64_t kPredictionBatch = 500;  // 784 pixels of each as f32 take 1.5 MB, near the processor

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

/// The named initializer of weights or of biases, with the deviation that the model asks for.
nn::Initializer weight_start(const MlpConfig& config, const std::string& name) {
  if (config.deviation && name == "normal") return nn::normal(0.0, *config.deviation);
  if (config.deviation && name == "truncated_normal") return nn::truncated_normal(0.0, *config.deviation);
  return nn::initializer_named(name).weight;
}

nn::Initializer bias_start(const MlpConfig& config) {
  if (config.bias_initializer.empty()) return nn::initializer_named(config.initializer).bias;
  return weight_start(config, config.bias_initializer);
}

}  // namespace

void validate(const MlpConfig& config) {
  activation_named(config.activation);
  nn::initializer_named(config.initializer);
  if (!config.bias_initializer.empty()) nn::initializer_named(config.bias_initializer);
  if (!(config.dropout >= 0.0 && config.dropout < 1.0)) {
    throw Error(ErrorCode::invalid_argument, "a dropout rate is a probability below 1",
                {.expected = "[0, 1)", .actual = fmt::format("{}", config.dropout)});
  }
  for (const std::int64_t width : config.layers) {
    if (width >= 1) continue;
    throw Error(ErrorCode::invalid_argument, "a layer needs at least one unit",
                {.expected = "widths >= 1", .actual = std::to_string(width)});
  }
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
    outputs.push_back(activation_named(activation_).apply(layers_[i](x)));
    x = dropout_rate > 0.0 ? dropout(outputs.back(), dropout_rate) : outputs.back();
  }
  outputs.push_back(layers_.back()(x).named("logits"));
  return outputs;
}

Value Mlp::operator()(const Value& pixels) const { return outputs(pixels, 0.0).back(); }

Value Mlp::training_logits(const Value& pixels) const { return outputs(pixels, dropout_).back(); }

std::vector<Value> Mlp::layer_outputs(const Value& pixels) const { return outputs(pixels, 0.0); }

std::vector<Value> Mlp::parameters() const {
  std::vector<Value> all;
  for (const nn::Dense& layer : layers_) {
    for (const Value& parameter : layer.parameters()) all.push_back(parameter);
  }
  return all;
}

Value scale_pixels(const Value& pixels, const PixelScale& scale) {
  const Value scaled = cast(pixels, f32) * (1.0 / scale.deviation);
  return scale.mean == 0.0 ? scaled : scaled - scale.mean / scale.deviation;
}

FunctionSpec training_step(const Mlp& mlp, const Value& images, const Value& labels,
                           const OptimizerConfig& optimizer, const StepOptions& options) {
  const Value rows = input(images.graph(), "rows", i32, {"batch"});
  const Value logits = mlp.training_logits(scale_pixels(gather(images, rows), options.pixels));
  const Value loss = mean(losses::sparse_categorical_cross_entropy_with_logits(logits, gather(labels, rows),
                                                                               options.label_smoothing))
                         .named("loss");
  const auto parameters = mlp.parameters();
  return {.inputs = {rows},
          .outputs = {loss},
          .updates = updates_of(optimizer, parameters, gradients(loss, parameters), options.steps)};
}

FunctionSpec prediction(Graph& graph, const Mlp& mlp, std::int64_t inputs, const PixelScale& pixels) {
  const Value images = input(graph, "images", u8, {"batch", inputs});
  return {.inputs = {images}, .outputs = {argmax(mlp(scale_pixels(images, pixels)))}, .updates = {}};
}

Tensor predict_all(Function& predict, const Tensor& images) {
  const std::int64_t count = images.sizes()[0];
  Tensor classes = Tensor::uninitialized(i64, {count});
  const auto all = classes.mutable_values<std::int64_t>();
  for (std::int64_t begin = 0; begin < count; begin += kPredictionBatch) {
    const std::int64_t size = std::min(kPredictionBatch, count - begin);
    const Tensor part = predict({images.rows(begin, size)})[0];
    std::ranges::copy(part.values<std::int64_t>(), all.begin() + begin);
  }
  return classes;
}

}  // namespace weft::mnist
