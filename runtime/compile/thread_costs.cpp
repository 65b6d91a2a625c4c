#include "weft/runtime/compile/thread_costs.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <limits>

#include "weft/graph/tensor.h"
#include "weft/runtime/compile/access.h"
#include "weft/runtime/machine/cache.h"
#include "weft/runtime/machine/multiply_and_add.h"
#include "weft/runtime/machine/thread_pool.h"

namespace weft {
namespace {

using Clock = std::chrono::steady_clock;

/// The least seconds that `work` took. On a busy machine it makes fewer than `tries` tries, since a session
/// must not wait for them, but enough that an interrupted one does not count.
template <typename F>
double best_of(int tries, F work) {
  constexpr int kLeastTries = 3;
  constexpr double kEnough = 0.5e-3;  // seconds for all tries
  double best = std::numeric_limits<double>::infinity();
  double total = 0.0;
  for (int i = 0; i < tries && (i < kLeastTries || total < kEnough); ++i) {
    const auto start = Clock::now();
    work();
    const double taken = std::chrono::duration<double>(Clock::now() - start).count();
    best = std::min(best, taken);
    total += taken;
  }
  return best;
}

/// Small products reach a good half of the peak. Timing a product would start oneDNN's code generator, which
/// takes longer than everything else that a session does.
double measured_flops() {
  constexpr int kRounds = 2'000;
  constexpr double kShareOfProducts = 0.6;
  double operations = 0.0;
  const double seconds = best_of(8, [&] { operations = multiply_and_add(kRounds); });
  return kShareOfProducts * operations / seconds;
}

double measured_bytes() {
  constexpr std::size_t kBytes = std::size_t{128} * 1024;
  const Tensor from = Tensor::zeros(DType::u8, {kBytes});
  Tensor to = Tensor::zeros(DType::u8, {kBytes});
  const double seconds = best_of(8, [&] { std::memcpy(to.mutable_data(), from.data(), kBytes); });
  return 2.0 * static_cast<double>(kBytes) / seconds;
}

/// Seconds for a byte that one thread writes and the next thread reads, when all threads do so at the same
/// time, each with a block of its own.
double measured_exchange(ThreadPool& pool, Barrier& barrier, double barrier_seconds) {
  constexpr std::size_t kBytes = std::size_t{32} * 1024;
  constexpr int kRounds = 4;
  if (pool.threads() < 2) return 0.0;
  const auto threads = static_cast<std::size_t>(pool.threads());
  Tensor blocks = Tensor::zeros(DType::u8, {static_cast<std::int64_t>(threads * kBytes)});
  auto* const data = static_cast<volatile std::byte*>(blocks.mutable_data());
  const std::function<void(int)> exchange = [&](int thread) {
    const std::size_t own = static_cast<std::size_t>(thread) * kBytes;
    const std::size_t next = (static_cast<std::size_t>(thread) + 1) % threads * kBytes;
    for (int round = 0; round < kRounds; ++round) {
      for (std::size_t at = 0; at < kBytes; at += kCacheLine) data[own + at] = std::byte{1};
      barrier.wait();
      for (std::size_t at = 0; at < kBytes; at += kCacheLine) static_cast<void>(data[next + at]);
      barrier.wait();
    }
  };
  const double seconds = best_of(8, [&] { pool.run(exchange); }) / kRounds - 2.0 * barrier_seconds;
  return std::max(seconds, 0.0) / static_cast<double>(kBytes);
}

double step_seconds(const KernelChoice& kernel, int threads, const ThreadCosts& costs) {
  // Measured: putting a batch's 9,600 entries into lists took 9 us on a Zen 5.
  constexpr double kEntrySeconds = 1e-9;
  const double traffic = std::max(kernel.work.bytes, kernel.work.traffic);
  const double alone =
      std::max(kernel.work.flops / costs.flops, traffic / costs.bytes) + kernel.work.entries * kEntrySeconds;
  return alone / static_cast<double>(std::clamp<std::int64_t>(kernel.cut.extent, 1, threads));
}

}  // namespace

ThreadCosts measure_thread_costs(ThreadPool& pool) {
  constexpr int kTries = 16;
  constexpr int kBarriers = 8;
  ThreadCosts costs{.region = 0.0, .barrier = 0.0, .flops = measured_flops(), .bytes = measured_bytes()};
  Barrier barrier(pool.threads());
  const std::function<void(int)> nothing = [](int) {};
  const std::function<void(int)> meeting = [&](int) {
    for (int i = 0; i < kBarriers; ++i) barrier.wait();
  };
  pool.run(nothing);  // the workers may still be asleep
  const double region = best_of(kTries, [&] { pool.run(nothing); });
  const double meetings = best_of(kTries, [&] { pool.run(meeting); });
  costs.region = region;
  costs.barrier = std::max((meetings - region) / kBarriers, 0.0);
  costs.exchange = measured_exchange(pool, barrier, costs.barrier);
  return believable(costs);
}

ThreadCosts believable(ThreadCosts measured) {
  constexpr double kBusyRegion = 20e-6;
  constexpr double kBusyBarrier = 5e-6;
  constexpr double kUsualRegion = 2e-6;
  constexpr double kUsualBarrier = 0.5e-6;
  constexpr double kBusyExchange = 40e-9 / kCacheLine;
  constexpr double kUsualExchange = 4e-9 / kCacheLine;
  if (measured.exchange <= 0.0 || measured.exchange > kBusyExchange) measured.exchange = kUsualExchange;
  if (measured.region > kBusyRegion || measured.barrier > kBusyBarrier) {
    measured.region = kUsualRegion;
    measured.barrier = kUsualBarrier;
  }
  return measured;
}

ThreadCosts FreshThreadCosts::at(Clock::time_point now, int threads,
                                 const std::function<ThreadCosts()>& measure) {
  const auto found = known_.find(threads);
  if (found != known_.end() && now - found->second.when < kFresh) return found->second.costs;
  return (known_[threads] = {measure(), now}).costs;
}

ThreadCosts thread_costs_of(ThreadPool& pool) {
  // A cache of measurements, which no session changes for another. Each thread has its own, so that it needs
  // no lock, which a forked child might find taken.
  thread_local FreshThreadCosts fresh;
  return fresh.at(FreshThreadCosts::Clock::now(), pool.threads(), [&] { return measure_thread_costs(pool); });
}

double estimate_seconds(const Lowered& lowered, const Schedule& schedule, const ThreadCosts& costs) {
  double seconds = 0.0;
  std::vector<double> alone(static_cast<std::size_t>(schedule.threads), 0.0);  // steps at home in each thread
  for (const Schedule::Entry& entry : schedule.order) {
    if (entry.barrier_before) {
      seconds += std::ranges::max(alone);
      std::ranges::fill(alone, 0.0);
    }
    const KernelChoice& kernel = lowered.kernels[entry.step];
    const double step = step_seconds(kernel, schedule.threads, costs);
    (kernel.cut.extent <= 1 ? alone[static_cast<std::size_t>(entry.home)] : seconds) += step;
  }
  seconds += std::ranges::max(alone);
  if (schedule.threads == 1) return seconds;
  // Every thread reads what the others wrote.
  const double moved = exchanged_bytes(lowered) * (1.0 - 1.0 / schedule.threads);
  return seconds + costs.region + costs.barrier * static_cast<double>(schedule.barriers()) +
         costs.exchange * moved;
}

Schedule schedule_by_cost(const Lowered& lowered, int most, int shards, const ThreadCosts& costs) {
  // Costs that the model leaves out, above all waiting for threads on a busy machine, must not exceed what
  // the plan gains.
  constexpr double kWorthHaving = 0.9;
  Schedule best = schedule(lowered, 1, shards);
  double least = estimate_seconds(lowered, best, costs);
  for (int threads = 2; threads <= most; threads = threads == most ? most + 1 : std::min(2 * threads, most)) {
    Schedule candidate = schedule(lowered, threads, shards);
    const double seconds = estimate_seconds(lowered, candidate, costs);
    if (seconds >= kWorthHaving * least) continue;
    least = seconds;
    best = std::move(candidate);
  }
  return best;
}

}  // namespace weft
