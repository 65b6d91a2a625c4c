#pragma once
// Which op a wrong gradient comes from.

#include <string>
#include <vector>

#include "weft/graph/value.h"

namespace weft::verify {

/// Tries every built-in op that `loss` is made of against its specification: a line for each that fails, or
/// one that says that none does and names the ops that have no specification.
std::vector<std::string> wrong_rules(const Value& loss);

}  // namespace weft::verify
