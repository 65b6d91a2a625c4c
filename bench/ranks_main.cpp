// What training by several ranks costs beside one process, with simulated ranks, which are threads of this
// program:
//   weft_ranks_bench --ranks 2 --latency 50e-6 --bandwidth 1e9
// Prints the time of a step on the same rows: of one process, of the ranks, and both once more with fixed
// shards, which give the same bits for any number of ranks; and which share of the exchanges' time other
// steps hide. Ranks beyond the number of processors share these, so that times then say nothing.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "weft/bench/program.h"
#include "weft/bench/ranks_model.h"
#include "weft/weft.h"

namespace weft::bench {
namespace {

using Peers = std::shared_ptr<Communicator>;

struct Settings {
  int ranks = 2;
  int threads = 1;
  int steps = 40;
  std::int64_t batch = 256;
  SimulationOptions network;
};

struct Timed {
  double milliseconds = 0.0;
  double hidden = 0.0;
};

Timed time_steps(BuildRankModel build, const Settings& settings, const Peers& peers, int threads,
                 bool shards) {
  RankModel model;
  build(model);
  const std::int64_t size = peers == nullptr ? 1 : peers->size();
  const std::int64_t rank = peers == nullptr ? 0 : peers->rank();
  Session session(model.graph, {.threads = threads,
                                .communicator = peers,
                                .compile = {.cuts = shards ? 2 : 0, .profile = peers != nullptr && !shards}});
  const std::vector<Tensor> batch = rank_batch(model, settings.batch);
  const auto optimizer = [&](std::span<const Value> g) { return optim::adam(model.parameters, g, 1e-3); };
  if (shards) {
    ranks::FixedShards step(session, {.inputs = {model.x, model.y},
                                      .loss = model.loss,
                                      .parameters = model.parameters,
                                      .optimizer = optimizer});
    const auto [begin, end] = step.rows_of_rank(settings.batch);
    const std::vector<Tensor> fed{batch[0].rows(begin, end - begin), batch[1].rows(begin, end - begin)};
    return {.milliseconds = milliseconds_of(settings.steps, [&] { step(fed, settings.batch); })};
  }
  ranks::DistributedLoss all{.loss = model.loss, .gradients = {}};
  if (peers != nullptr) {
    all = ranks::differentiate(model.loss, model.parameters, ranks::rows_of(model.x));
  } else {
    all.gradients = gradients(model.loss, model.parameters);
  }
  const Function step = session.compile(
      {.inputs = {model.x, model.y}, .outputs = {all.loss}, .updates = optimizer(all.gradients)});
  ranks::synchronize(session, model.graph);
  const std::int64_t rows = settings.batch / size;
  const std::vector<Tensor> fed{batch[0].rows(rank * rows, rows), batch[1].rows(rank * rows, rows)};
  std::vector<Tensor> outputs{Tensor::zeros(f32, {})};
  Timed timed{.milliseconds = milliseconds_of(settings.steps, [&] { step.run_into(fed, outputs); })};
  if (peers != nullptr) timed.hidden = step.profile().hidden_share();
  return timed;
}

void compare(const std::string& name, BuildRankModel build, const Settings& settings) {
  const int all_threads = settings.ranks * settings.threads;
  const auto of_ranks = [&](bool shards) {
    Timed first;
    simulate(
        settings.ranks,
        [&](const Peers& peers) {
          const Timed timed = time_steps(build, settings, peers, settings.threads, shards);
          if (peers->rank() == 0) first = timed;
        },
        settings.network);
    return first;
  };
  const double alone = time_steps(build, settings, nullptr, all_threads, false).milliseconds;
  const Timed shared = of_ranks(false);
  const double alone_fixed = time_steps(build, settings, nullptr, all_threads, true).milliseconds;
  const double shared_fixed = of_ranks(true).milliseconds;
  fmt::print("{:<12} one process {:8.3f} ms   {} ranks {:8.3f} ms ({:.2f}x), {:.0f}% of exchanges hidden\n",
             name, alone, settings.ranks, shared.milliseconds, shared.milliseconds / alone,
             100.0 * shared.hidden);
  fmt::print("{:<12} one process {:8.3f} ms   {} ranks {:8.3f} ms ({:.2f}x and {:.2f}x of the first)\n",
             "  same bits", alone_fixed, settings.ranks, shared_fixed, alone_fixed / alone,
             shared_fixed / alone);
}

int parse_and_run(int argc, char** argv) {
  CLI::App app{"Training by simulated ranks beside one process"};
  Settings settings;
  app.add_option("--ranks", settings.ranks)->check(CLI::Range(1, 64));
  app.add_option("--threads", settings.threads, "of each rank")->check(CLI::Range(1, 64));
  app.add_option("--steps", settings.steps)->check(CLI::PositiveNumber);
  app.add_option("--batch", settings.batch, "rows of all ranks")->check(CLI::PositiveNumber);
  app.add_option("--latency", settings.network.latency, "of an exchange, in seconds");
  app.add_option("--bandwidth", settings.network.bytes_per_second, "bytes per second; 0: without limit");
  CLI11_PARSE(app, argc, argv);
  compare("784-1024-10", build_relu_mlp, settings);
  compare("transformer", build_transformer, settings);
  return 0;
}

}  // namespace
}  // namespace weft::bench

int main(int argc, char** argv) {
  return weft::bench::run_program("weft_ranks_bench", weft::bench::parse_and_run, argc, argv);
}
