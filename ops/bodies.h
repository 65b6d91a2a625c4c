#pragma once
// The programs that an op holds, for passes and the compiler, which treat all such ops alike.

#include <vector>

#include "weft/graph/op.h"
#include "weft/ops/body.h"

namespace weft {

/// Whether a node of the program holds programs.
bool has_bodies(const Program& program);

/// Whether no step of the body can fail.
bool cannot_fail(const Body& body);

/// A copy in which every scan whose length is a number is what its steps compute, one after the other.
Program unrolled(const Graph& graph, std::span<const Value> roots);

}  // namespace weft
