#pragma once
// How rows are divided into shards.

#include <cstdint>
#include <span>

namespace weft {

/// Rows [begin, end) of a cut, the work of one shard.
struct Range {
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

/// The rows of shard number `shard` when `extent` rows are cut into `shards`.
constexpr Range share(std::int64_t extent, int shards, int shard) {
  return {extent * shard / shards, extent * (shard + 1) / shards};
}

/// The same where some rows are more work than others: `load` has one number more than there are rows, the
/// load of all rows before each row and, last, of all rows. Shards get equal loads.
Range share_of_load(std::span<const std::int64_t> load, int shards, int shard);

}  // namespace weft
