#pragma once
// Sums and means over ranks gathered into buckets: each bucket is one exchange, which starts as soon as the
// last of its tensors is there and is finished where the first is needed. All ranks make the same buckets,
// since sizes of exchanged tensors are equal on all of them.

#include <cstdint>
#include <optional>

#include "weft/graph/program.h"

namespace weft {

/// A bucket is closed once it holds `bucket_bytes`, or a quarter of all if that is less, but not below 64 KB;
/// <= 0: nothing is done. Nodes on which nothing but buckets depend move forward to where their inputs are
/// there, the others keep their order. Nothing where there are no such sums.
std::optional<Program> bucket_exchanges(const Program& program, std::int64_t bucket_bytes);

}  // namespace weft
