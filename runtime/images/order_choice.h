#pragma once
// Which order of pictures makes the convolutions of a program fastest.

#include <span>

#include "weft/graph/graph.h"

namespace weft {

/// Whether pictures whose lanes lie side by side make these convolutions faster than pictures with channels
/// last do. It needs `shards` blocks of as many pictures as the CPU's vectors have lanes, and channels and
/// filters that are not each in a group of their own.
bool interleaving_pays(const Graph& graph, std::span<const NodeId> convolutions, int shards);

}  // namespace weft
