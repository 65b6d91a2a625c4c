// Layers of one example as layers of a batch whose size is a symbol: their gradients for each example are
// those that a function of one example gives, and the gradients of the batch are their sums.

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "weft/autodiff/per_sample.h"
#include "weft/autodiff/recompute.h"
#include "weft/frontends/nn.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/pool.h"
#include "weft/ops/reduce.h"
#include "weft/ops/softmax.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"

namespace weft {
namespace {

constexpr std::int64_t kBatchOfLayers = 3;

/// What is computed of one example, and the parameters of it.
struct LayerOfOne {
  std::function<Value(const Value&)> apply;
  std::vector<Value> parameters;
};
template <typename L>
LayerOfOne of_layer(const L& layer) {
  return {.apply = [layer](const Value& x) { return layer(x); }, .parameters = nn::parameters(layer)};
}

struct LayerCase {
  std::string name;
  std::vector<std::int64_t> example;
  std::function<LayerOfOne(Graph&)> build;
};
void PrintTo(const LayerCase& layer, std::ostream* out) { *out << layer.name; }

std::vector<LayerCase> layer_cases() {
  return {
      {"LayerNorm", {4, 5}, [](Graph& g) { return of_layer(nn::layer_norm(g, "l", 5, f64)); }},
      {"GroupNorm", {2, 4, 3, 3}, [](Graph& g) { return of_layer(nn::group_norm(g, "l", 2, 4, f64)); }},
      {"BatchNorm",
       {6, 4},
       [](Graph& g) {
         const auto layer = nn::batch_norm(g, "l", 4, f64);
         return LayerOfOne{[layer](const Value& x) { return layer.train(x).y; }, nn::parameters(layer)};
       }},
      {"Conv2dAndMaxPool",
       {1, 2, 7, 7},
       [](Graph& g) {
         const auto layer = nn::conv2d(g, "l", 2, 4, {3, 3}, f64, {.sliding = {.stride = 2, .padding = 1}});
         return LayerOfOne{[layer](const Value& x) { return max_pool2d(layer(x), {.window = 2}); },
                           nn::parameters(layer)};
       }},
      {"Conv1dAndAvgPool",
       {1, 2, 7},
       [](Graph& g) {
         const auto layer = nn::conv1d(g, "l", 2, 4, {3}, f64);
         return LayerOfOne{[layer](const Value& x) { return avg_pool1d(layer(x), {.window = 2}); },
                           nn::parameters(layer)};
       }},
      {"ConvTranspose2d",
       {1, 2, 5, 5},
       [](Graph& g) {
         return of_layer(nn::conv_transpose2d(g, "l", 2, 4, {3, 3}, f64, {.sliding = {{.stride = 2}}}));
       }},
      {"Transformer",
       {1, 5, 8},
       [](Graph& g) { return of_layer(nn::transformer_encoder_layer(g, "l", 8, {.heads = 2}, f64)); }},
      {"Embedding",
       {4},
       [](Graph& g) {
         const auto layer = nn::embedding(g, "l", 7, 3, f64);
         return LayerOfOne{[layer](const Value& x) { return layer(cast(abs(x * 6.0), i64)); },
                           nn::parameters(layer)};
       }},
      {"SpectralNorm",
       {4, 5},
       [](Graph& g) { return of_layer(nn::spectral_norm(nn::dense(g, "l", 5, 3, f64))); }},
      {"CheckpointOfSoftmax",
       {4, 5},
       [](Graph& g) {
         const auto layer = nn::dense(g, "l", 5, 3, f64);
         return LayerOfOne{[layer](const Value& x) { return checkpoint(softmax(layer(x)), std::vector{x}); },
                           nn::parameters(layer)};
       }},
  };
}

class VmapLayers : public testing::TestWithParam<LayerCase> {};

Tensor waves_of(std::vector<std::int64_t> sizes, std::int64_t first) {
  Tensor tensor = Tensor::zeros(f64, sizes);
  auto at = static_cast<double>(first * tensor.elements());
  for (double& x : tensor.mutable_values<double>()) x = std::sin(1.7 * at++);
  return tensor;
}

TEST_P(VmapLayers, GivesEachExampleItsGradients) {
  Graph graph;
  const LayerOfOne layer = GetParam().build(graph);
  const auto loss = [&](const Value& x) { return sum(square(layer.apply(x) - 0.3)); };
  const std::vector<std::int64_t>& sizes = GetParam().example;
  const Value one = input(graph, "one", f64, Shape::of(sizes));
  std::vector<Dim> dims{"batch"};
  std::vector<std::int64_t> batch_sizes{kBatchOfLayers};
  for (const std::int64_t size : sizes) {
    dims.emplace_back(size);
    batch_sizes.push_back(size);
  }
  const Value batch = input(graph, "all", f64, Shape(std::move(dims)));
  const SampleGradients each = per_sample_gradients(loss, layer.parameters, batch);
  const std::vector<Value> of_batch = gradients(sum(vmap(loss, batch)), layer.parameters);
  Session session(graph, {.threads = 2});
  const Function run_one =
      session.compile({.inputs = {one}, .outputs = gradients(loss(one), layer.parameters)});
  const Function run_each = session.compile({.inputs = {batch}, .outputs = each.gradients});
  const Function run_batch = session.compile({.inputs = {batch}, .outputs = of_batch});
  const Tensor fed = waves_of(batch_sizes, 0);
  const auto found = run_each({fed});
  const auto sums = run_batch({fed});
  std::vector<Outputs> wanted;
  for (std::int64_t i = 0; i < kBatchOfLayers; ++i) wanted.push_back(run_one({waves_of(sizes, i)}));
  double largest = 0.0;  // of some parameters, such as the bias of keys, the gradients are 0
  for (const Outputs& example : wanted) {
    for (std::size_t p = 0; p < layer.parameters.size(); ++p) {
      for (const double slope : example[p].values<double>()) largest = std::max(largest, std::abs(slope));
    }
  }
  EXPECT_GT(largest, 0.1);
  for (std::size_t p = 0; p < layer.parameters.size(); ++p) {
    const auto count = static_cast<std::size_t>(wanted[0][p].elements());
    for (std::size_t j = 0; j < count; ++j) {
      double total = 0.0;
      for (std::size_t i = 0; i < wanted.size(); ++i) {
        const double slope = wanted[i][p].values<double>()[j];
        EXPECT_NEAR(found[p].values<double>()[i * count + j], slope, 1e-12 * largest) << p;
        total += slope;
      }
      EXPECT_NEAR(sums[p].values<double>()[j], total, 1e-12 * largest) << p;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Table, VmapLayers, testing::ValuesIn(layer_cases()),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace weft
