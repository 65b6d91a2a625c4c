// The training step of a network with all fusions, and with each left out: what the fusion is worth.

#include <benchmark/benchmark.h>

#include <array>

#include "weft/bench/micro/networks.h"
#include "weft/runtime/machine/signals.h"

namespace weft::bench {
namespace {

void training_step(benchmark::State& state, const char* optimizer, bool CompileOptions::* left_out) {
  constexpr std::int64_t kBatch = 64;
  TrainingGraph training({.layers = {100, 100, 100, 100}, .activation = "tanh"}, optimizer);
  SessionOptions options;
  if (left_out != nullptr) options.compile.*left_out = false;
  Session session(training.graph, options);
  Function step = session.compile(training.spec);
  const std::array feeds{first_rows(kBatch)};
  Outputs outputs = step.outputs_for(feeds);
  const SignalShield shield;
  for (auto _ : state) step.run_into(feeds, outputs);
}
constexpr bool CompileOptions::* kNothing = nullptr;
BENCHMARK_CAPTURE(training_step, sgd, "sgd", kNothing);
BENCHMARK_CAPTURE(training_step, sgd_without_fuse_matmul, "sgd", &CompileOptions::fuse_matmul);
BENCHMARK_CAPTURE(training_step, sgd_without_fuse_accumulate, "sgd", &CompileOptions::fuse_accumulate);
BENCHMARK_CAPTURE(training_step, sgd_without_fuse_elementwise, "sgd", &CompileOptions::fuse_elementwise);
BENCHMARK_CAPTURE(training_step, sgd_without_fuse_cross_entropy, "sgd", &CompileOptions::fuse_cross_entropy);
BENCHMARK_CAPTURE(training_step, sgd_without_fuse_gather, "sgd", &CompileOptions::fuse_gather);
BENCHMARK_CAPTURE(training_step, sgd_without_in_place, "sgd", &CompileOptions::in_place_updates);
BENCHMARK_CAPTURE(training_step, adam, "adam", kNothing);
BENCHMARK_CAPTURE(training_step, adam_without_fuse_elementwise, "adam", &CompileOptions::fuse_elementwise);

}  // namespace
}  // namespace weft::bench
