// Compiling a graph four times as large takes about four times as long: nothing in the compiler looks at
// every pair. What is quadratic takes sixteen times as long.

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <functional>
#include <limits>

#include "weft/autodiff/gradients.h"
#include "weft/ops/activation.h"
#include "weft/ops/control.h"
#include "weft/ops/matmul.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"

namespace weft {
namespace {

using BuildSpec = std::function<FunctionSpec(Graph&, int nodes)>;

double seconds_to_compile(const BuildSpec& build, int nodes, int threads) {
  Graph graph;
  const FunctionSpec spec = build(graph, nodes);
  std::vector<Value> roots = spec.outputs;
  roots.insert(roots.end(), spec.updates.begin(), spec.updates.end());
  const std::vector<std::string> inputs{"x"};
  double best = std::numeric_limits<double>::max();
  for (int round = 0; round < 3; ++round) {
    const auto start = std::chrono::steady_clock::now();
    const Compilation compilation =
        compile(graph, roots, spec.outputs.size(), inputs, {}, {.threads = threads});
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    best = std::min(best, taken.count());
  }
  return best;
}

void expect_about_linear(const BuildSpec& build) {
  constexpr int kNodes = 1000;
  constexpr double kMost = 9.0;
  for (const int threads : {1, 2}) {
    const double small = seconds_to_compile(build, kNodes, threads);
    const double large = seconds_to_compile(build, 4 * kNodes, threads);
    EXPECT_LT(large / small, kMost) << threads << " threads: " << small << " s, then " << large << " s";
  }
}

TEST(CompileCost, GrowsLinearlyAlongAChain) {
  expect_about_linear([](Graph& graph, int nodes) {
    Value x = input(graph, "x", f32, {4, 4});
    const Value w = parameter(graph, "w", Tensor::zeros(f32, {4, 4}));
    for (int i = 0; i < nodes; i += 3) x = matmul(relu(x), w) * 0.5;
    return FunctionSpec{.inputs = {}, .outputs = {x}, .updates = {}};
  });
}

TEST(CompileCost, GrowsLinearlyWithBranches) {
  expect_about_linear([](Graph& graph, int nodes) {
    const Value x = input(graph, "x", f32, {4, 4});
    std::vector<Value> sums;
    for (int i = 0; i < nodes; i += 2) sums.push_back(sum(x * (1.0 + i)));
    while (sums.size() > 1) {
      std::vector<Value> pairs;
      for (std::size_t i = 0; i + 1 < sums.size(); i += 2) pairs.push_back(sums[i] + sums[i + 1]);
      if (sums.size() % 2 == 1) pairs.push_back(sums.back());
      sums = std::move(pairs);
    }
    return FunctionSpec{.inputs = {}, .outputs = sums, .updates = {}};
  });
}

TEST(CompileCost, GrowsLinearlyWithParameters) {
  expect_about_linear([](Graph& graph, int nodes) {
    Value x = input(graph, "x", f32, {4, 4});
    std::vector<Value> parameters;
    for (int i = 0; i < nodes; i += 10) {
      parameters.push_back(parameter(graph, "w" + std::to_string(i), Tensor::zeros(f32, {4, 4})));
      x = tanh(matmul(x, parameters.back()));
    }
    const auto slopes = gradients(sum(x), parameters);
    FunctionSpec spec;
    for (std::size_t i = 0; i < parameters.size(); ++i)
      spec.updates.push_back(assign(parameters[i], parameters[i] - 0.1 * slopes[i]));
    return spec;
  });
}

TEST(CompileCost, AChainOfManyNodesNeedsNoDeepStack) {
  Graph graph;
  const Value start = input(graph, "x", f32, {2});
  Value x = start;
  for (int i = 0; i < 30'000; ++i) x = i % 2 == 0 ? tanh(x) : x * 0.5;
  const Value slope = gradient(sum(x), start);
  const Compilation compilation = compile(graph, std::array{slope}, 1, std::array{std::string("x")}, {}, {});
  EXPECT_FALSE(compilation.schedule.order.empty());
}

}  // namespace
}  // namespace weft
