#include "weft/frontends/mnist/study/probe.h"

#include <algorithm>

#include "weft/autodiff/gradients.h"
#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/loss.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"

namespace weft::mnist {
namespace {

constexpr std::int64_t kMostImages = 1000;
constexpr std::size_t kNorms = 4;
constexpr double kFlat = 0.02;

std::int64_t probed(const StudyData& data) { return std::min(kMostImages, data.train.images.sizes()[0]); }

Value root_mean_square(const Value& x) { return sqrt(mean(square(x))); }

/// The share of units whose slope is below kFlat, computed from their outputs.
Value flat_share(const Value& y, const std::string& activation) {
  if (activation == "relu") return mean(cast(y <= 0.0, f32));
  if (activation == "tanh") return mean(cast(1.0 - square(y) < kFlat, f32));
  return mean(cast(y * (1.0 - y) < kFlat, f32));
}

FunctionSpec norms(Graph& graph, const Mlp& mlp, const std::string& activation, std::int64_t inputs,
                   const PixelScale& pixels) {
  const Value images = input(graph, "probe/images", u8, {"probe", inputs});
  const Value labels = input(graph, "probe/labels", u8, {"probe"});
  const std::vector<Value> outputs = mlp.layer_outputs(scale_pixels(images, pixels));
  const Value loss = sum(softmax_cross_entropy(outputs.back(), labels));
  std::vector<Value> wanted = outputs;
  const std::vector<Value> parameters = mlp.parameters();
  for (std::size_t i = 0; i < parameters.size(); i += 2) wanted.push_back(parameters[i]);
  const std::vector<Value> slopes = gradients(loss, wanted);
  FunctionSpec spec{.inputs = {images, labels}, .outputs = {}, .updates = {}};
  for (std::size_t layer = 0; layer < outputs.size(); ++layer) {
    const bool logits = layer + 1 == outputs.size();
    spec.outputs.push_back(root_mean_square(outputs[layer]));
    spec.outputs.push_back(root_mean_square(slopes[layer]));
    spec.outputs.push_back(root_mean_square(slopes[outputs.size() + layer]));
    spec.outputs.push_back(logits ? constant(graph, 0.0, f32) : flat_share(outputs[layer], activation));
  }
  return spec;
}

}  // namespace

Probe::Probe(Session& session, Graph& graph, const Mlp& mlp, const std::string& activation,
             const StudyData& data, const PixelScale& pixels)
    : images_(data.train.images.rows(0, probed(data))),
      labels_(data.train.labels.rows(0, probed(data))),
      function_(session.compile(norms(graph, mlp, activation, data.train.images.sizes()[1], pixels))) {}

std::vector<LayerNorms> Probe::measure() {
  const auto numbers = function_({images_, labels_});
  const double images = static_cast<double>(images_.sizes()[0]);
  const auto at = [&](std::size_t i) { return static_cast<double>(numbers[i].item<float>()); };
  std::vector<LayerNorms> layers;
  for (std::size_t i = 0; i < numbers.size(); i += kNorms) {
    layers.push_back({.activation = at(i),
                      .gradient = at(i + 1),
                      .weight_gradient = at(i + 2) / images,
                      .flat = at(i + 3)});
  }
  return layers;
}

}  // namespace weft::mnist
