// Planning the arena: a chain, whose buffers live for two steps, and a training step, whose activations wait
// for their gradients.

#include <benchmark/benchmark.h>

#include <vector>

#include "weft/runtime/compile/memory_plan.h"

namespace weft::bench {
namespace {

constexpr std::size_t kBytes = 25'600;  // f32 [64, 100]

std::vector<Lifetime> chain(std::int64_t buffers) {
  std::vector<Lifetime> lifetimes;
  for (std::int64_t i = 0; i < buffers; ++i)
    lifetimes.push_back({.bytes = kBytes, .first = i, .last = i + 1});
  return lifetimes;
}

/// The i-th activation from the front is read last by the i-th gradient from the back.
std::vector<Lifetime> training(std::int64_t buffers) {
  std::vector<Lifetime> lifetimes;
  for (std::int64_t i = 0; i < buffers; ++i)
    lifetimes.push_back({.bytes = kBytes, .first = i, .last = 2 * buffers - i});
  return lifetimes;
}

void plan_arena(benchmark::State& state, std::vector<Lifetime> (*lifetimes_of)(std::int64_t)) {
  const auto lifetimes = lifetimes_of(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(plan_memory(lifetimes));
  state.SetComplexityN(state.range(0));
}
BENCHMARK_CAPTURE(plan_arena, chain, chain)->RangeMultiplier(4)->Range(64, 4096)->Complexity();
BENCHMARK_CAPTURE(plan_arena, training, training)->RangeMultiplier(4)->Range(64, 1024)->Complexity();

}  // namespace
}  // namespace weft::bench
