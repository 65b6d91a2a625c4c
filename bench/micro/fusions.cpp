// The training step of a network with all passes, and with each left out: what the pass is worth.

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "weft/bench/micro/networks.h"
#include "weft/runtime/compile/pass_list.h"
#include "weft/runtime/machine/signals.h"

namespace weft::bench {
namespace {

void training_step(benchmark::State& state, const std::string& optimizer,
                   const std::vector<std::string>& without) {
  constexpr std::int64_t kBatch = 64;
  TrainingGraph training({.layers = {100, 100, 100, 100}, .activation = "tanh"}, optimizer);
  Session session(training.graph, {.compile = {.without = without}});
  Function step = session.compile(training.spec);
  const std::array feeds{first_rows(kBatch)};
  Outputs outputs = step.outputs_for(feeds);
  const SignalShield shield;
  for (auto _ : state) step.run_into(feeds, outputs);
}

/// With every pass, and without each of the list.
const bool kRegistered = [] {
  for (const std::string optimizer : {"sgd", "adam"}) {
    const auto add = [&](const std::string& name, std::vector<std::string> without) {
      benchmark::RegisterBenchmark(fmt::format("training_step/{}{}", optimizer, name).c_str(),
                                   [optimizer, without = std::move(without)](benchmark::State& state) {
                                     training_step(state, optimizer, without);
                                   });
    };
    add("", {});
    for (const std::string_view pass : pass_names())
      add("_without_" + std::string(pass), {std::string(pass)});
  }
  return true;
}();

}  // namespace
}  // namespace weft::bench
