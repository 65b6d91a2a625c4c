// With fixed cuts the bits of a training do not depend on the number of threads.

#include <gtest/gtest.h>

#include <functional>

#include "weft/autodiff/gradients.h"
#include "weft/frontends/nn.h"
#include "weft/frontends/optim/optim.h"
#include "weft/ops/activation.h"
#include "weft/ops/layout.h"
#include "weft/ops/loss.h"
#include "weft/ops/pool.h"
#include "weft/ops/random.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::TensorSource;

using Optimizer = std::function<std::vector<Value>(std::span<const Value>, std::span<const Value>)>;

struct Network {
  std::vector<Value> parameters;
  Value logits;
};
using Build = Network (*)(Graph&, const Value&);

Network dense_network(Graph& graph, const Value& x) {
  const nn::Dense first = nn::dense(graph, "first", 64, 40);
  const nn::Dense second = nn::dense(graph, "second", 40, 3);
  std::vector<Value> parameters = first.parameters();
  for (const Value& parameter : second.parameters()) parameters.push_back(parameter);
  return {.parameters = parameters, .logits = second(dropout(relu(first(flatten(x))), 0.2))};
}

Network conv_network(Graph& graph, const Value& x) {
  const nn::Conv2dLayer conv = nn::conv2d(graph, "conv", 1, 6, 3, f32, {.sliding = {.padding = 1}});
  const nn::Dense last = nn::dense(graph, "last", 6, 3);
  std::vector<Value> parameters{conv.weight, conv.bias};
  for (const Value& parameter : last.parameters()) parameters.push_back(parameter);
  return {.parameters = parameters, .logits = last(mean(max_pool2d(relu(conv(x)), {.window = 2}), {2, 3}))};
}

/// Every parameter and slot after some steps, the last on a smaller batch.
std::string trained(Build build, const Optimizer& optimizer, const SessionOptions& options) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 1, 8, 8});
  const Value y = input(graph, "y", i32, {"batch"});
  const Network network = build(graph, x);
  const Value loss = mean(softmax_cross_entropy(network.logits, y));
  Session session(graph, options);
  Function step =
      session.compile({.inputs = {x, y},
                       .outputs = {loss},
                       .updates = optimizer(network.parameters, gradients(loss, network.parameters))});
  TensorSource source("fixed cuts");
  for (const std::int64_t batch : {33, 33, 33, 7}) {
    step({source.uniform({batch, 1, 8, 8}, -1.0, 1.0, f32), source.whole({batch}, 3, i32)});
  }
  std::string bytes;
  for (const auto& [label, declared] : graph.states()) {
    const Tensor value = session.value(label);
    bytes.append(static_cast<const char*>(value.data()), value.bytes());
  }
  return bytes;
}

class FixedCuts : public testing::TestWithParam<std::pair<std::string, Optimizer>> {};

TEST_P(FixedCuts, GiveTheSameBitsForAnyNumberOfThreads) {
  const Optimizer& optimizer = GetParam().second;
  for (const Build build : {dense_network, conv_network}) {
    const auto run = [&](int threads, bool spare) {
      return trained(build, optimizer,
                     {.threads = threads, .exact_threads = !spare, .seed = 3, .compile = {.cuts = 4}});
    };
    const std::string one = run(1, true);
    for (const int threads : {2, 3, 4}) EXPECT_EQ(run(threads, false), one) << threads << " threads";
    EXPECT_EQ(run(4, true), one);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Optimizers, FixedCuts,
    testing::Values(
        std::pair<std::string, Optimizer>{"sgd", [](auto p, auto g) { return optim::sgd(p, g, 0.1); }},
        std::pair<std::string, Optimizer>{
            "momentum", [](auto p, auto g) { return optim::sgd(p, g, 0.05, {.momentum = 0.9}); }},
        std::pair<std::string, Optimizer>{"adam", [](auto p, auto g) { return optim::adam(p, g, 0.01); }}),
    [](const auto& test) { return test.param.first; });

}  // namespace
}  // namespace weft
