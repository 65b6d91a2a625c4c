#include "weft/runtime/machine/multiply_and_add.h"

namespace weft {
namespace {

using Floats4 = float __attribute__((vector_size(16)));
using Floats8 = float __attribute__((vector_size(32)));
using Floats16 = float __attribute__((vector_size(64)));

constexpr int kChains = 10;  // at once: more than latency times units of any core, fewer than registers

template <typename Vector>
[[gnu::always_inline]] inline double in_registers_of(int rounds) {
  // Distinct numbers that the compiler cannot know, so that it does not compute one chain for all.
  volatile float unknown = 1.0F;
  Vector chains[kChains] = {};
  for (int i = 0; i < kChains; ++i) chains[i] += unknown * static_cast<float>(i);
  Vector factor = {};
  factor += 0.5F * unknown;
  for (int round = 0; round < rounds; ++round) {
#pragma GCC unroll 10
    for (auto& chain : chains) chain = chain * factor + factor;
  }
  Vector sum = {};
  for (const auto& chain : chains) sum += chain;
  unknown = sum[0];
  return 2.0 * kChains * rounds * sizeof(Vector) / sizeof(float);
}

double by_sse2(int rounds) { return in_registers_of<Floats4>(rounds); }
#if defined(__x86_64__)
[[gnu::target("avx2,fma")]] double by_avx2(int rounds) { return in_registers_of<Floats8>(rounds); }
[[gnu::target("avx512f,fma")]] double by_avx512(int rounds) { return in_registers_of<Floats16>(rounds); }
#endif

}  // namespace

double multiply_and_add(int rounds) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return by_avx512(rounds);
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return by_avx2(rounds);
#endif
  return by_sse2(rounds);
}

}  // namespace weft
