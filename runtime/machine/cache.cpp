#include "weft/runtime/machine/cache.h"

#include <unistd.h>

#include <algorithm>

namespace weft {

std::size_t nearest_cache() {
  constexpr long kLeast = 32'768;
  static const long bytes = std::max(sysconf(_SC_LEVEL1_DCACHE_SIZE), kLeast);
  return static_cast<std::size_t>(bytes);
}

}  // namespace weft
