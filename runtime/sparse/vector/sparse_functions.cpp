#include "weft/runtime/sparse/vector/sparse_functions.h"

namespace weft {

const SparseFunctions& sparse_functions() {
  static const SparseFunctions& best = []() -> const SparseFunctions& {
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f")) return kAvx512SparseFunctions;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return kAvx2SparseFunctions;
    return kSse2SparseFunctions;
  }();
  return best;
}

}  // namespace weft
