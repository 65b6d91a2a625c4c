// The program `weft_microbench`: the parts of a step by themselves.

#include <benchmark/benchmark.h>

#include <array>

#include "weft/frontends/mnist/mlp.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/matmul.h"
#include "weft/ops/source.h"
#include "weft/runtime/compile.h"
#include "weft/runtime/memory_plan.h"

namespace weft::bench {
namespace {

/// One product [m, k] x [k, n] as a compiled function: the kernel and the cost of a call.
void matmul_call(benchmark::State& state) {
  const std::int64_t m = state.range(0);
  const std::int64_t k = state.range(1);
  const std::int64_t n = state.range(2);
  Graph graph;
  const Value a = input(graph, "a", f32, {m, k});
  const Value b = input(graph, "b", f32, {k, n});
  Session session(graph);
  Function function = session.compile({.inputs = {a, b}, .outputs = {matmul(a, b)}, .updates = {}});
  const std::array feeds{Tensor::zeros(f32, {m, k}), Tensor::zeros(f32, {k, n})};
  for (auto _ : state) benchmark::DoNotOptimize(function(feeds).data());
  const double operations = 2.0 * static_cast<double>(m * k * n);
  state.counters["flops"] = benchmark::Counter(operations, benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(matmul_call)->Args({64, 784, 100})->Args({64, 100, 100})->Args({64, 100, 10})->Args({1, 784, 100});

/// A function of one small step: what a call costs beside its kernels.
void empty_call(benchmark::State& state) {
  Graph graph;
  const Value x = input(graph, "x", f32, {1});
  Session session(graph);
  Function function = session.compile({.inputs = {x}, .outputs = {x + 1.0}, .updates = {}});
  const std::array feeds{Tensor::zeros(f32, {1})};
  for (auto _ : state) benchmark::DoNotOptimize(function(feeds).data());
}
BENCHMARK(empty_call);

/// Building, differentiating and compiling the training step of 784-4x100-10.
void compile_training_step(benchmark::State& state) {
  for (auto _ : state) {
    Graph graph;
    const mnist::Mlp mlp(graph, {.layers = {100, 100, 100, 100}});
    const Value images = input(graph, "images", u8, {"samples", 784});
    const Value labels = input(graph, "labels", u8, {"samples"});
    FunctionSpec spec = mnist::training_step(mlp, images, labels, {});
    spec.inputs.insert(spec.inputs.begin(), {images, labels});
    Session session(graph);
    benchmark::DoNotOptimize(session.inspect(spec, {{"samples", 60000}, {"batch", 64}}));
  }
}
BENCHMARK(compile_training_step)->Unit(benchmark::kMillisecond);

void plan_memory_of_a_chain(benchmark::State& state) {
  std::vector<Lifetime> lifetimes;
  for (std::int64_t i = 0; i < state.range(0); ++i)
    lifetimes.push_back({.bytes = 256, .first = i, .last = i + 1});
  for (auto _ : state) benchmark::DoNotOptimize(plan_memory(lifetimes));
}
BENCHMARK(plan_memory_of_a_chain)->Arg(100)->Arg(1000);

}  // namespace
}  // namespace weft::bench

BENCHMARK_MAIN();
