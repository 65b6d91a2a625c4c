#include "weft/runtime/ranks/exchange_costs.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <vector>

namespace weft {
namespace {

/// The shortest of several sums of so many f32.
double seconds_of_sum(Communicator& ranks, std::vector<float>& room, std::size_t count, int times) {
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < times; ++i) {
    ranks.run({.kind = ExchangeKind::barrier});
    const auto begin = std::chrono::steady_clock::now();
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast)
    auto* const data = reinterpret_cast<std::byte*>(room.data());
    ranks.run({.kind = ExchangeKind::all_reduce,
               .dtype = DType::f32,
               .count = static_cast<std::int64_t>(count),
               .in = data,
               .out = data});
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
    least = std::min(least, taken.count());
  }
  return least;
}

}  // namespace

ExchangeCosts measure_exchange_costs(Communicator& ranks) {
  constexpr std::size_t kFew = 16;
  constexpr std::size_t kMany = std::size_t{1} << 18U;
  std::vector<float> room(kMany, 0.0F);
  const double small = seconds_of_sum(ranks, room, kFew, 10);
  const double large = seconds_of_sum(ranks, room, kMany, 4);
  std::array<double, 2> taken{small, large};
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast)
  auto* const data = reinterpret_cast<std::byte*>(taken.data());
  ranks.run({.kind = ExchangeKind::all_reduce,
             .reduction = RankReduction::max,
             .dtype = DType::f64,
             .count = static_cast<std::int64_t>(taken.size()),
             .in = data,
             .out = data});
  constexpr double kShortest = 1e-9;
  const double moving = std::max(taken[1] - taken[0], kShortest);
  return {.latency = taken[0], .bytes_per_second = static_cast<double>(kMany * sizeof(float)) / moving};
}

std::int64_t bucket_bytes_for(const ExchangeCosts& costs) {
  constexpr double kLeast = 65536.0;
  constexpr double kMost = 33554432.0;
  constexpr double kTimesLatency = 9.0;
  return static_cast<std::int64_t>(
      std::clamp(kTimesLatency * costs.latency * costs.bytes_per_second, kLeast, kMost));
}

}  // namespace weft
