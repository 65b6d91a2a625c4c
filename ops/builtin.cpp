#include "weft/ops/builtin.h"

namespace weft {

bool kernel_can_fail(const Op& op) {
  if (const auto stated = op.traits().can_fail) return *stated;
  bool builtin = false;
  for_each_builtin([&]<typename O>() { builtin = builtin || op.is<O>(); });
  return !builtin;
}

}  // namespace weft
