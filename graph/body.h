#pragma once
// A function inside an op: what a loop does in each step, what a branch computes. ops/body.h makes them.

#include <memory>
#include <vector>

#include "weft/graph/shape.h"

namespace weft {

struct Program;

/// A function as an attribute of an op. Argument i is the Input "i" of the program, if a root needs it. Two
/// are equal if they do the same in the same order.
struct Body {
  std::vector<TensorType> arguments;
  std::shared_ptr<const Program> program;

  std::vector<TensorType> results() const;
};

}  // namespace weft
