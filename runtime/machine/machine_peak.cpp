#include "weft/runtime/machine/machine_peak.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>

#include "weft/graph/tensor.h"
#include "weft/runtime/machine/multiply_and_add.h"
#include "weft/runtime/machine/thread_pool.h"

namespace weft {
namespace {

using Clock = std::chrono::steady_clock;

/// The amount of work per second of all threads: the best of several tries, each of which is one region of
/// the pool. `work` returns the amount that one thread did.
double best_rate(ThreadPool& pool, const std::function<double(int thread)>& work) {
  constexpr int kTries = 5;
  std::vector<double> amounts(static_cast<std::size_t>(pool.threads()));
  const std::function<void(int)> region = [&](int thread) {
    amounts[static_cast<std::size_t>(thread)] = work(thread);
  };
  double best = 0.0;
  for (int i = 0; i < kTries; ++i) {
    const auto start = Clock::now();
    pool.run(region);
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    double sum = 0.0;
    for (const double amount : amounts) sum += amount;
    best = std::max(best, sum / seconds);
  }
  return best;
}

double copy_rate(ThreadPool& pool, std::size_t block_bytes) {
  constexpr std::size_t kLeastBytes = std::size_t{16} << 20;  // for a try that the clock can time
  const std::size_t half = block_bytes / 2 / static_cast<std::size_t>(pool.threads());
  const std::size_t repeats = std::max<std::size_t>(kLeastBytes / block_bytes, 1);
  std::vector<Tensor> blocks;
  for (int thread = 0; thread < pool.threads(); ++thread)
    blocks.push_back(Tensor::zeros(u8, {static_cast<std::int64_t>(2 * half)}));
  return best_rate(pool, [&](int thread) {
    auto* block = static_cast<std::byte*>(blocks[static_cast<std::size_t>(thread)].mutable_data());
    for (std::size_t i = 0; i < repeats; ++i) std::memcpy(block, block + half, half);
    return static_cast<double>(2 * half * repeats);
  });
}

}  // namespace

double MachinePeak::bandwidth_for(double bytes) const {
  const auto fits = std::ranges::find_if(
      bandwidths, [&](const Bandwidth& bandwidth) { return bandwidth.block_bytes >= bytes; });
  if (bandwidths.empty()) return 0.0;
  return (fits == bandwidths.end() ? bandwidths.back() : *fits).bytes_per_second;
}

MachinePeak measure_peak(int threads) {
  ThreadPool pool(threads);
  MachinePeak peak{.threads = threads, .flops_per_second = 0.0, .bandwidths = {}};
  constexpr int kRounds = 100'000;
  peak.flops_per_second = best_rate(pool, [](int) { return multiply_and_add(kRounds); });
  constexpr std::size_t kSmallest = std::size_t{16} << 10;
  constexpr std::size_t kLargest = std::size_t{64} << 20;
  for (std::size_t bytes = kSmallest; bytes <= kLargest; bytes *= 4) {
    peak.bandwidths.push_back(
        {.block_bytes = static_cast<double>(bytes), .bytes_per_second = copy_rate(pool, bytes)});
  }
  return peak;
}

}  // namespace weft
