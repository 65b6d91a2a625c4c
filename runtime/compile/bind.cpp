#include "weft/runtime/compile/bind.h"

#include <algorithm>
#include <optional>

namespace weft {
namespace {

/// The shards of the thread that computes `shard`.
Range shards_of_its_thread(const Schedule& schedule, std::int64_t shard) {
  int thread = 0;
  while (share(schedule.shards, schedule.threads, thread).end <= shard) ++thread;
  return share(schedule.shards, schedule.threads, thread);
}

/// The rows that the kernel of a shard computes. Nothing if the shard has none, or if the kernel of an
/// earlier shard of the thread computes them too.
std::optional<Range> rows_of(const Cut& cut, const Schedule& schedule, int home, int shard) {
  if (cut.extent <= 1) {
    const bool first_at_home = shard == share(schedule.shards, schedule.threads, home).begin;
    return first_at_home ? std::optional(Range{.begin = 0, .end = cut.extent}) : std::nullopt;
  }
  Range rows = share(cut, schedule.shards, shard);
  if (cut.seamless) {
    const Range own = shards_of_its_thread(schedule, shard);
    if (shard != own.begin) return std::nullopt;
    rows.end = share(cut, schedule.shards, static_cast<int>(own.end) - 1).end;
  }
  return rows.begin == rows.end ? std::nullopt : std::optional(rows);
}

}  // namespace

BoundKernels bind_kernels(const Lowered& lowered, const Schedule& schedule) {
  BoundKernels bound;
  for (const auto& entry : schedule.order) {
    const KernelChoice& kernel = lowered.kernels[entry.step];
    auto& shards = bound.shards.emplace_back();
    auto& bodies = bound.bodies.emplace_back();
    const std::size_t position = bound.shards.size() - 1;
    for (std::size_t i = 0; i < schedule.bodies[position].size(); ++i) {
      bodies.push_back(bind_kernels(*lowered.bodies[entry.step][i], schedule.bodies[position][i]->schedule));
      bound.scratch_bytes = std::max(bound.scratch_bytes, bodies.back().scratch_bytes);
      bound.block_signals = bound.block_signals || bodies.back().block_signals;
    }
    if (kernel.make == nullptr) continue;
    for (int shard = 0; shard < schedule.shards; ++shard) {
      const auto rows = rows_of(kernel.cut, schedule, entry.home, shard);
      shards.push_back(rows ? kernel.make(*rows) : nullptr);
      if (!rows) continue;
      bound.scratch_bytes = std::max(bound.scratch_bytes, shards.back()->scratch_bytes());
      bound.block_signals = bound.block_signals || shards.back()->needs_signals_blocked();
    }
  }
  return bound;
}

}  // namespace weft
