// The planned memory of the models that we ship is close to what any plan of the same order needs.

#include <gtest/gtest.h>

#include "weft/autodiff/gradients.h"
#include "weft/frontends/mnist/configurations.h"
#include "weft/frontends/mnist/mlp.h"
#include "weft/frontends/nn.h"
#include "weft/frontends/optim/optim.h"
#include "weft/ops/activation.h"
#include "weft/ops/layout.h"
#include "weft/ops/loss.h"
#include "weft/ops/pool.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"

namespace weft {
namespace {

constexpr std::int64_t kSamples = 1000;
constexpr std::int64_t kPixels = 784;
constexpr double kMost = 1.10;

void expect_tight(Graph& graph, const FunctionSpec& spec, const std::string& what) {
  for (const int threads : {1, 2}) {
    Session session(graph, {.threads = threads, .exact_threads = true});
    const MemoryLedger ledger = ledger_of(session.inspect(spec, {{"batch", 64}, {"samples", kSamples}}));
    EXPECT_GT(ledger.arena, 0U) << what;
    EXPECT_LE(static_cast<double>(ledger.arena), kMost * static_cast<double>(ledger.peak_live))
        << what << ", " << threads << " threads";
  }
}

TEST(Arena, IsWithinATenthOfTheLeastForTheNetworksOfThePaper) {
  for (const mnist::Configuration& configuration : mnist::paper_configurations()) {
    const mnist::MlpConfig config{.layers = configuration.layers, .activation = configuration.activation};
    for (const std::string optimizer : {"sgd", "momentum", "adam"}) {
      Graph graph;
      const mnist::Mlp mlp(graph, config);
      const Value images = input(graph, "images", u8, {"samples", kPixels});
      const Value labels = input(graph, "labels", u8, {"samples"});
      FunctionSpec step = mnist::training_step(mlp, images, labels, {.name = optimizer});
      step.inputs.insert(step.inputs.begin(), {images, labels});
      expect_tight(graph, step, configuration.name + " by " + optimizer);
    }
    Graph graph;
    const mnist::Mlp mlp(graph, config);
    expect_tight(graph, mnist::prediction(graph, mlp, kPixels), configuration.name + ", prediction");
  }
}

TEST(Arena, HoldsFewGradientsAtATimeWhereEachUpdateMayFollowItsOwn) {
  constexpr std::int64_t kWidth = 256;
  Graph graph;
  const mnist::Mlp mlp(graph, {.layers = std::vector<std::int64_t>(6, kWidth), .activation = "relu"});
  const Value images = input(graph, "images", u8, {"samples", kPixels});
  const Value labels = input(graph, "labels", u8, {"samples"});
  FunctionSpec step = mnist::training_step(mlp, images, labels, {.name = "adam"});
  step.inputs.insert(step.inputs.begin(), {images, labels});
  Session session(graph, {.threads = 1});
  const MemoryLedger ledger = ledger_of(session.inspect(step, {{"batch", 64}, {"samples", kSamples}}));
  const auto bytes = [](std::int64_t rows) {
    return static_cast<std::size_t>(rows * kWidth) * sizeof(float);
  };
  // The batch, the activations and two of the six gradients.
  EXPECT_LE(ledger.peak_live, 64 * kPixels * sizeof(float) + 8 * bytes(64) + bytes(kPixels) + bytes(kWidth));
}

TEST(Arena, IsWithinATenthOfTheLeastForAConvolutionalNetwork) {
  Graph graph;
  const nn::Conv2dLayer first = nn::conv2d(graph, "first", 1, 16, 5);
  const nn::Conv2dLayer second = nn::conv2d(graph, "second", 16, 32, 5);
  const nn::Dense last = nn::dense(graph, "last", 512, 10);
  std::vector<Value> parameters{first.weight, first.bias, second.weight, second.bias};
  for (const Value& parameter : last.parameters()) parameters.push_back(parameter);
  const Value x = input(graph, "x", f32, {"batch", 1, 28, 28});
  const Value y = input(graph, "y", u8, {"batch"});
  const Value h = max_pool2d(relu(first(x)), {.window = 2});
  const Value logits = last(flatten(max_pool2d(relu(second(h)), {.window = 2})));
  expect_tight(graph, {.inputs = {x}, .outputs = {logits}, .updates = {}}, "prediction");
  const Value loss = mean(softmax_cross_entropy(logits, y));
  const auto slopes = gradients(loss, parameters);
  expect_tight(graph,
               {.inputs = {x, y}, .outputs = {loss}, .updates = optim::adam(parameters, slopes, 0.001)},
               "training");
}

}  // namespace
}  // namespace weft
