// Kernels one by one, as compiled functions of one step, at the sizes of a training step of batch 64.

#include <benchmark/benchmark.h>

#include <array>
#include <span>
#include <vector>

#include "weft/frontends/verify/sample_source.h"
#include "weft/ops/activation.h"
#include "weft/ops/gather.h"
#include "weft/ops/layout.h"
#include "weft/ops/loss.h"
#include "weft/ops/matmul.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/runtime/machine/signals.h"
#include "weft/runtime/session.h"

namespace weft::bench {
namespace {

using Build = Value (*)(std::span<const Value> inputs);

/// Times the function of `build` over random inputs of these types; integers are drawn below 10.
void time_kernel(benchmark::State& state, std::span<const TensorType> types, Build build) {
  constexpr std::int64_t kBound = 10;
  verify::SampleSource source(1, "bench");
  Graph graph;
  std::vector<Value> inputs;
  std::vector<Tensor> feeds;
  std::int64_t bytes = 0;
  for (const TensorType& type : types) {
    const auto sizes = type.shape.sizes();
    inputs.push_back(input(graph, "x" + std::to_string(inputs.size()), type.dtype, type.shape));
    feeds.push_back(is_float(type.dtype) ? source.uniform(sizes, -1.0, 1.0, type.dtype)
                                         : source.whole(sizes, kBound, type.dtype));
    bytes += static_cast<std::int64_t>(feeds.back().bytes());
  }
  Session session(graph);
  Function function = session.compile({.inputs = inputs, .outputs = {build(inputs)}, .updates = {}});
  Outputs outputs = function.outputs_for(feeds);
  bytes += static_cast<std::int64_t>(outputs[0].bytes());
  const SignalShield shield;
  for (auto _ : state) function.run_into(feeds, outputs);
  state.SetBytesProcessed(bytes * state.iterations());
}

void matmul_kernel(benchmark::State& state, bool transpose_a, bool transpose_b) {
  const std::int64_t m = state.range(0);
  const std::int64_t k = state.range(1);
  const std::int64_t n = state.range(2);
  const TensorType a{f32, transpose_a ? Shape{k, m} : Shape{m, k}};
  const TensorType b{f32, transpose_b ? Shape{n, k} : Shape{k, n}};
  const Build plain = [](std::span<const Value> x) { return matmul(x[0], x[1]); };
  const Build left = [](std::span<const Value> x) { return matmul(transpose(x[0]), x[1]); };
  const Build right = [](std::span<const Value> x) { return matmul(x[0], transpose(x[1])); };
  time_kernel(state, std::array{a, b}, transpose_a ? left : transpose_b ? right : plain);
  const double operations = 2.0 * static_cast<double>(m * k * n);
  state.counters["flops"] = benchmark::Counter(operations, benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK_CAPTURE(matmul_kernel, forward, false, false)
    ->ArgNames({"m", "k", "n"})
    ->Args({1, 784, 100})
    ->Args({64, 784, 100})
    ->Args({64, 100, 100})
    ->Args({64, 100, 10})
    ->Args({64, 784, 1024});
BENCHMARK_CAPTURE(matmul_kernel, weight_gradient, true, false)
    ->ArgNames({"m", "k", "n"})
    ->Args({784, 64, 100})
    ->Args({100, 64, 100})
    ->Args({100, 64, 10})
    ->Args({784, 64, 1024});
BENCHMARK_CAPTURE(matmul_kernel, input_gradient, false, true)
    ->ArgNames({"m", "k", "n"})
    ->Args({64, 100, 100})
    ->Args({64, 10, 100});

void kernel(benchmark::State& state, std::vector<TensorType> types, Build build) {
  time_kernel(state, types, build);
}
const std::vector<TensorType> kHidden{{f32, {64, 100}}};
BENCHMARK_CAPTURE(kernel, matmul_of_batches, {{f32, {16, 64, 64}}, {f32, {16, 64, 64}}},
                  [](std::span<const Value> x) { return matmul(x[0], x[1]); });
BENCHMARK_CAPTURE(kernel, relu, kHidden, [](std::span<const Value> x) { return relu(x[0]); });
BENCHMARK_CAPTURE(kernel, tanh, kHidden, [](std::span<const Value> x) { return tanh(x[0]); });
BENCHMARK_CAPTURE(kernel, sigmoid, kHidden, [](std::span<const Value> x) { return sigmoid(x[0]); });
BENCHMARK_CAPTURE(kernel, sum_over_batch, kHidden, [](std::span<const Value> x) { return sum(x[0], {0}); });
BENCHMARK_CAPTURE(kernel, broadcast, {{f32, {100}}},
                  [](std::span<const Value> x) { return broadcast_to(x[0], Shape{64, 100}); });
BENCHMARK_CAPTURE(kernel, softmax, {{f32, {64, 10}}}, [](std::span<const Value> x) { return softmax(x[0]); });
BENCHMARK_CAPTURE(kernel, argmax, {{f32, {64, 10}}}, [](std::span<const Value> x) { return argmax(x[0]); });
BENCHMARK_CAPTURE(kernel, gather, {{u8, {1000, 784}}, {i32, {64}}},
                  [](std::span<const Value> x) { return gather(x[0], x[1]); });

}  // namespace
}  // namespace weft::bench
