#include "weft/runtime/compile/bind.h"

#include <algorithm>
#include <optional>

namespace weft {
namespace {

/// The parts of the thread that computes this one.
Range parts_of_its_thread(const Schedule& schedule, std::int64_t part) {
  int thread = 0;
  while (share(schedule.parts, schedule.threads, thread).end <= part) ++thread;
  return share(schedule.parts, schedule.threads, thread);
}

/// The rows that a part computes; nothing where it has none, or where its neighbour computes them.
std::optional<Range> rows_of(const Cut& cut, const Schedule& schedule, int part) {
  if (cut.extent <= 1) return part == 0 ? std::optional(Range{.begin = 0, .end = cut.extent}) : std::nullopt;
  Range rows = share(cut, schedule.parts, part);
  if (cut.seamless) {
    const Range own = parts_of_its_thread(schedule, part);
    if (part != own.begin) return std::nullopt;
    rows.end = share(cut, schedule.parts, static_cast<int>(own.end) - 1).end;
  }
  return rows.begin == rows.end ? std::nullopt : std::optional(rows);
}

}  // namespace

BoundKernels bind_kernels(const Lowered& lowered, const Schedule& schedule) {
  BoundKernels bound;
  for (const auto& entry : schedule.order) {
    const KernelChoice& kernel = lowered.kernels[entry.step];
    auto& parts = bound.parts.emplace_back();
    for (int part = 0; part < schedule.parts; ++part) {
      const auto rows = rows_of(kernel.cut, schedule, part);
      parts.push_back(rows ? kernel.make(*rows) : nullptr);
      if (!rows) continue;
      bound.scratch_bytes = std::max(bound.scratch_bytes, parts.back()->scratch_bytes());
      bound.block_signals = bound.block_signals || parts.back()->needs_signals_blocked();
    }
  }
  return bound;
}

}  // namespace weft
