#pragma once
// What a function computes from parameters and constants alone is the same in every call until somebody
// changes a parameter. Hoisting takes it out of the program, so that a plan computes it once and keeps it.

#include <optional>
#include <string>
#include <vector>

#include "weft/graph/program.h"

namespace weft {

struct Hoisted {
  Program kept;                     // roots: the values to keep
  Program rest;                     // the program with an input in place of each of them
  std::vector<std::string> labels;  // of these inputs, in the order of the roots
};

/// Nothing where nothing can be kept, or where no value depends on anything but parameters and constants. A
/// root stays, since each call gives its caller a tensor of its own, and so do views and the sources
/// themselves. The program must have no updates.
std::optional<Hoisted> hoist(const Program& program);

}  // namespace weft
