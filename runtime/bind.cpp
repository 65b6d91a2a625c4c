#include "weft/runtime/bind.h"

#include <algorithm>

namespace weft {

BoundKernels bind_kernels(const Lowered& lowered, const Schedule& schedule) {
  BoundKernels bound;
  for (const auto& entry : schedule.order) {
    const KernelChoice& kernel = lowered.kernels[entry.step];
    const std::int64_t extent = kernel.cut.extent;
    auto& parts = bound.parts.emplace_back();
    for (int part = 0; part < schedule.parts; ++part) {
      const bool whole = extent <= 1;
      const Range range = whole ? Range{.begin = 0, .end = extent} : share(kernel.cut, schedule.parts, part);
      const bool idle = whole ? part > 0 : range.begin == range.end;
      parts.push_back(idle ? nullptr : kernel.make(range));
      if (!idle) bound.scratch_bytes = std::max(bound.scratch_bytes, parts.back()->scratch_bytes());
    }
  }
  return bound;
}

}  // namespace weft
