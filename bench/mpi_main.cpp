// What training by the ranks of an MPI job costs beside one process, on one machine, in one run:
//   mpirun -n 2 --bind-to none build/weft_mpi_bench
// Rank 0 by itself, with as many threads as there are ranks, and all ranks with one thread each take turns on
// the same rows. Prints the median over rounds of each one's time of a step, their ratios within a round, and
// which share of the exchanges' time other steps hide.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "weft/bench/program.h"
#include "weft/bench/ranks_model.h"
#include "weft/frontends/mpi/communicator.h"

namespace weft::bench {
namespace {

using Peers = std::shared_ptr<Communicator>;

struct Settings {
  int rounds = 15;
  int steps = 40;
  std::int64_t batch = 256;
  bool shared_memory = true;
};

using Optimize = std::vector<Value> (*)(std::span<const Value> parameters, std::span<const Value> gradients);

struct Contender {
  RankModel model;
  std::unique_ptr<Session> session;
  std::unique_ptr<Function> step;
  std::vector<Tensor> fed;
  std::vector<Tensor> outputs{Tensor::zeros(f32, {})};

  double milliseconds(int steps) {
    return milliseconds_of(steps, [this] { step->run_into(fed, outputs); });
  }
};

/// `peers` is null for one process.
std::unique_ptr<Contender> contender(BuildRankModel build, Optimize optimize, std::int64_t rows,
                                     const Peers& peers, int threads) {
  auto made = std::make_unique<Contender>();
  RankModel& model = made->model;
  build(model);
  made->session = std::make_unique<Session>(
      model.graph,
      SessionOptions{.threads = threads, .communicator = peers, .compile = {.profile = peers != nullptr}});
  ranks::DistributedLoss all{.loss = model.loss, .gradients = {}};
  if (peers != nullptr) {
    all = ranks::differentiate(model.loss, model.parameters, ranks::rows_of(model.x));
  } else {
    all.gradients = gradients(model.loss, model.parameters);
  }
  made->step = std::make_unique<Function>(
      made->session->compile({.inputs = {model.x, model.y},
                              .outputs = {all.loss},
                              .updates = optimize(model.parameters, all.gradients)}));
  ranks::synchronize(*made->session, model.graph);
  made->fed = rank_batch(model, rows);
  return made;
}

double median(std::vector<double> numbers) {
  std::ranges::sort(numbers);
  return numbers[numbers.size() / 2];
}

void compare(const std::string& name, BuildRankModel build, Optimize optimize, const Settings& settings,
             const Peers& peers) {
  const auto size = static_cast<int>(peers->size());
  const bool first = peers->rank() == 0;
  std::unique_ptr<Contender> alone;
  if (first) alone = contender(build, optimize, settings.batch, nullptr, size);
  const auto shared = contender(build, optimize, settings.batch / size, peers, 1);
  std::vector<double> alone_times;
  std::vector<double> shared_times;
  std::vector<double> ratios;
  for (int round = 0; round < settings.rounds; ++round) {
    if (first) {
      // By then the others that wait for it sleep.
      std::this_thread::sleep_for(std::chrono::milliseconds(300));
      alone_times.push_back(alone->milliseconds(settings.steps));
    }
    peers->run({.kind = ExchangeKind::barrier});
    shared_times.push_back(shared->milliseconds(settings.steps));
    if (first) ratios.push_back(shared_times.back() / alone_times.back());
  }
  if (!first) return;
  fmt::print(
      "{:<12} one process {:.3f} ms (least {:.3f}), {} ranks {:.3f} ms (least {:.3f}): {:.2f}x, least "
      "{:.2f}x; "
      "{:.1f} us of exchanges, {:.0f}% hidden\n",
      name, median(alone_times), std::ranges::min(alone_times), size, median(shared_times),
      std::ranges::min(shared_times), median(ratios), std::ranges::min(ratios),
      1e6 * shared->step->profile().exchange_seconds, 100.0 * shared->step->profile().hidden_share());
}

int parse_and_run(int argc, char** argv) {
  CLI::App app{"Training by the ranks of an MPI job beside one process"};
  Settings settings;
  bool only_mpi = false;
  app.add_option("--rounds", settings.rounds)->check(CLI::PositiveNumber);
  app.add_option("--steps", settings.steps, "of each in a round")->check(CLI::PositiveNumber);
  app.add_option("--batch", settings.batch, "rows of all ranks")->check(CLI::PositiveNumber);
  app.add_flag("--no-shared-memory", only_mpi, "MPI moves all");
  CLI11_PARSE(app, argc, argv);
  return mpi::run(
      [&](const Peers& peers) {
        compare(
            "784-1024-10", build_tanh_mlp, [](auto p, auto g) { return optim::sgd(p, g, 0.1); }, settings,
            peers);
        compare(
            "transformer", build_transformer, [](auto p, auto g) { return optim::adam(p, g, 1e-3); },
            settings, peers);
        return 0;
      },
      {.shared_memory = !only_mpi});
}

}  // namespace
}  // namespace weft::bench

int main(int argc, char** argv) {
  return weft::bench::run_program("weft_mpi_bench", weft::bench::parse_and_run, argc, argv);
}
