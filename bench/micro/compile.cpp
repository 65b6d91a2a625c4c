// Building, differentiating and compiling the training step of 784-4x100-10, and making a session and a plan
// of it, and compiling long chains and recurrences: the time must grow about linearly.

#include <benchmark/benchmark.h>

#include <array>

#include "weft/autodiff/gradients.h"
#include "weft/bench/micro/networks.h"
#include "weft/ops/activation.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/loss.h"
#include "weft/ops/matmul.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"

namespace weft::bench {
namespace {

void build_and_compile_training_step(benchmark::State& state) {
  for (auto _ : state) {
    TrainingGraph training({.layers = {100, 100, 100, 100}}, "sgd", 64);
    Session session(training.graph);
    benchmark::DoNotOptimize(session.inspect(training.spec, {{"batch", 64}}));
  }
}
BENCHMARK(build_and_compile_training_step)->Unit(benchmark::kMillisecond);

/// All that stands between a graph and its first step: the session, its initial values and the plan.
void create_session_and_plan(benchmark::State& state) {
  TrainingGraph training({.layers = {100, 100, 100, 100}}, "sgd", 64);
  const std::array types{TensorType{i32, {64}}};
  for (auto _ : state) {
    Session session(training.graph, {.threads = static_cast<int>(state.range(0))});
    benchmark::DoNotOptimize(session.compile(training.spec).ledger(types));
  }
}
BENCHMARK(create_session_and_plan)->Unit(benchmark::kMillisecond)->ArgName("threads")->Arg(1)->Arg(2);

void compile_chain(benchmark::State& state) {
  Graph graph;
  const Value x = input(graph, "x", f32, {64, 10});
  Value y = x;
  for (std::int64_t i = 0; i < state.range(0); i += 2) y = relu(y + x);
  Session session(graph);
  const FunctionSpec spec{.inputs = {x}, .outputs = {y}, .updates = {}};
  for (auto _ : state) benchmark::DoNotOptimize(session.inspect(spec, {}));
  state.SetComplexityN(state.range(0));
}
BENCHMARK(compile_chain)
    ->Unit(benchmark::kMillisecond)
    ->ArgName("nodes")
    ->RangeMultiplier(10)
    ->Range(1000, 100'000)
    ->Complexity(benchmark::oN);

/// The training step of a recurrence over so many steps with a loss at each: a weight that is read by all,
/// steps that can fail, and gradients that add up.
void compile_recurrence(benchmark::State& state) {
  Graph graph;
  const Value x = input(graph, "x", f32, {4, 8});
  const Value labels = input(graph, "labels", i32, {4});
  const Value w = parameter(graph, "w", Tensor::zeros(f32, {8, 8}));
  Value h = x;
  Value loss = constant(graph, 0.0);
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    h = tanh(matmul(h, w) + x);
    loss = loss + mean(softmax_cross_entropy(h, labels));
  }
  Session session(graph);
  const FunctionSpec spec{
      .inputs = {x, labels}, .outputs = {loss}, .updates = {assign(w, w - 0.1 * gradient(loss, w))}};
  for (auto _ : state) benchmark::DoNotOptimize(session.inspect(spec, {}));
  state.SetComplexityN(state.range(0));
}
BENCHMARK(compile_recurrence)
    ->Unit(benchmark::kMillisecond)
    ->ArgName("steps")
    ->RangeMultiplier(2)
    ->Range(250, 4000)
    ->Complexity(benchmark::oN);

}  // namespace
}  // namespace weft::bench
