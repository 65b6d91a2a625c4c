// Compares predicted with measured steps on the ranks of this job: scale_check [MOST_DIFFERENCE]. The steps
// are made up: they pause in place of computing, so that ranks do not take each other's processor, and
// exchange what gradients of a few layers have.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <span>
#include <thread>
#include <vector>

#include "weft/frontends/mpi/communicator.h"
#include "weft/frontends/ranks/scale.h"

namespace {

using weft::Communicator;
using weft::ExchangeKind;

struct MadeUpStep {
  std::vector<std::int64_t> counts;  // f32 of each exchange
  double compute = 0.0;              // seconds before each of them, and after the last
};

/// Computes, starting an exchange after each piece of work, and waits for all of them at the end.
class MadeUp {
 public:
  MadeUp(Communicator& ranks, const MadeUpStep& step) : ranks_(ranks), step_(step) {
    for (const std::int64_t count : step.counts) buffers_.emplace_back(static_cast<std::size_t>(count), 1.0F);
  }

  void operator()() {
    tickets_.clear();
    for (std::vector<float>& buffer : buffers_) {
      compute();
      const auto bytes = std::as_writable_bytes(std::span(buffer));
      tickets_.push_back(ranks_.start({.kind = ExchangeKind::all_reduce,
                                       .reduction = weft::RankReduction::mean,
                                       .count = static_cast<std::int64_t>(buffer.size()),
                                       .in = bytes.data(),
                                       .out = bytes.data()}));
    }
    compute();
    for (const weft::Ticket ticket : tickets_) ranks_.finish(ticket);
  }

 private:
  /// In pieces, between which exchanges are moved on.
  void compute() {
    constexpr int kPieces = 20;
    for (int i = 0; i < kPieces; ++i) {
      std::this_thread::sleep_for(std::chrono::duration<double>(step_.compute / kPieces));
      for (const weft::Ticket ticket : tickets_) ranks_.test(ticket);
    }
  }

  Communicator& ranks_;
  MadeUpStep step_;
  std::vector<std::vector<float>> buffers_;
  std::vector<weft::Ticket> tickets_;
};

double median_seconds(MadeUp& step, int runs) {
  std::vector<double> seconds;
  for (int i = 0; i < runs + 1; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    step();
    if (i > 0)
      seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  std::ranges::sort(seconds);
  return seconds[seconds.size() / 2];
}

int check(Communicator& ranks, double most) {
  const weft::ranks::Network network = weft::ranks::measure_network(ranks);
  if (ranks.rank() == 0)
    fmt::print("{} ranks: {:.0f} us, {:.3f} GB/s, a second one beside it at {:.2f} of that\n", ranks.size(),
               network.latency * 1e6, network.bytes_per_second * 1e-9, network.beside);
  constexpr int kRuns = 7;
  double worst = 0.0;
  for (const MadeUpStep& made_up : {MadeUpStep{.counts = {1 << 18, 1 << 17, 1 << 17}, .compute = 0.01},
                                    MadeUpStep{.counts = {1 << 18, 1 << 18}, .compute = 0.001},
                                    MadeUpStep{.counts = {1 << 14, 1 << 14, 1 << 17}, .compute = 0.02}}) {
    weft::ranks::ImaginedRanks imagined(ranks.size());
    MadeUp alone(imagined, made_up);
    const auto times = weft::ranks::measure_step(imagined, [&] { alone(); }, kRuns);
    const auto predicted = weft::ranks::predict_step(times, network, ranks.size());
    MadeUp together(ranks, made_up);
    const double measured = median_seconds(together, kRuns);
    const double difference = predicted.seconds / measured - 1.0;
    worst = std::max(worst, std::abs(difference));
    if (ranks.rank() == 0)
      fmt::print("  predicted {:.2f} ms, measured {:.2f} ms, {:+.1f}%; overlap {:.0f}%\n",
                 predicted.seconds * 1e3, measured * 1e3, 100.0 * difference, 100.0 * predicted.overlap());
  }
  return worst <= most ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const double most = argc > 1 ? std::strtod(argv[1], nullptr) : 0.2;
  // Through the network that the namespaces make, which the memory of this machine would go around.
  return weft::mpi::run([&](const std::shared_ptr<Communicator>& ranks) { return check(*ranks, most); },
                        {.shared_memory = false});
}
