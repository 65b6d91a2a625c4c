#pragma once
// Finds the op that a wrong gradient comes from.

#include <string>
#include <vector>

#include "weft/graph/value.h"

namespace weft::verify {

/// Tests every built-in op that `loss` is made of by its specification. Returns a line for each op that
/// fails, or one line that says that none does and names the ops without a specification.
std::vector<std::string> wrong_rules(const Value& loss);

}  // namespace weft::verify
