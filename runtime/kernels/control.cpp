#include "weft/runtime/kernels/control.h"

#include <limits>

#include "weft/ops/bodies.h"

namespace weft {

std::optional<KernelChoice> control_kernel(const KernelSite& site) {
  if (site.op.bodies().empty()) return std::nullopt;
  // Each thread may touch all of the inputs and outputs, so that threads meet before and behind the step.
  KernelChoice choice;
  choice.cut = {.extent = std::numeric_limits<std::int64_t>::max(),
                .inputs = std::vector<Portion>(site.inputs.size()),
                .outputs = Portion::whole};
  return choice;
}

}  // namespace weft
