#include "weft/runtime/ops/share.h"

#include <algorithm>

namespace weft {

Range share_of_load(std::span<const std::int64_t> load, int shards, int shard) {
  const auto row_at = [&](int boundary) -> std::int64_t {
    if (boundary == shards) return std::ssize(load) - 1;
    return std::ranges::lower_bound(load, share(load.back(), shards, boundary).begin) - load.begin();
  };
  return {row_at(shard), row_at(shard + 1)};
}

}  // namespace weft
