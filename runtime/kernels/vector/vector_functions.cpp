#include "weft/runtime/kernels/vector/vector_functions.h"

#include "weft/runtime/kernels/vector/vector_math.h"

namespace weft {
namespace {

/// The best of three that the CPU can run.
template <typename Table>
const Table& best_of(const Table& avx512, const Table& avx2, const Table& sse2) {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f")) return avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return avx2;
  return sse2;
}

}  // namespace

const VectorFunctions& vector_functions() {
  static const VectorFunctions& best = best_of(kAvx512Functions, kAvx2Functions, kSse2Functions);
  return best;
}

const VectorMath& vector_math() {
  static const VectorMath& best = best_of(kAvx512Math, kAvx2Math, kSse2Math);
  return best;
}

}  // namespace weft
