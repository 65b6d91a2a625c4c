#include "weft/runtime/kernels/vector/vector_functions.h"

namespace weft {

const VectorFunctions& vector_functions() {
  static const VectorFunctions& best = []() -> const VectorFunctions& {
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f")) return kAvx512Functions;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return kAvx2Functions;
    return kSse2Functions;
  }();
  return best;
}

}  // namespace weft
