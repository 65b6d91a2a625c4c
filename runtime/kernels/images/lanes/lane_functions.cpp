#include "weft/runtime/kernels/images/lanes/lane_functions.h"

namespace weft {

std::span<const LaneFunctions* const> usable_lane_functions() {
  static constexpr std::array kAll{&kAvx512Lanes, &kAvx2Lanes, &kSse2Lanes};
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f")) return kAll;
  const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  return std::span(kAll).subspan(has_avx2 ? 1 : 2);
}

const LaneFunctions& lane_functions() {
  static const LaneFunctions& best = *usable_lane_functions().front();
  return best;
}

}  // namespace weft
