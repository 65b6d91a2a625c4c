#pragma once
// The programs that an op holds, for passes and the compiler, which treat all such ops alike.

#include <vector>

#include "weft/graph/op.h"
#include "weft/ops/body.h"

namespace weft {

/// Whether a node of the program holds programs.
bool has_bodies(const Program& program);

/// In the order of the op's fields; empty for an op without programs.
std::vector<Body> bodies_of(const Op& op);
/// A copy in which every scan whose length is a number is what its steps compute, one after the other.
Program unrolled(const Graph& graph, std::span<const Value> roots);

/// The same op with other bodies, as many as it has.
Op with_bodies(const Op& op, std::vector<Body> bodies);

}  // namespace weft
