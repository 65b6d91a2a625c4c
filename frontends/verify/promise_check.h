#pragma once
// What an op promises beside numbers: that its traits are true, that its shape rule knows symbols, that equal
// ops are equal, and that it refuses what it must.

#include <string>
#include <vector>

#include "weft/frontends/verify/specification.h"

namespace weft::verify {

/// What is wrong, a line each; empty if nothing is.
std::vector<std::string> check_promises(const Sample& sample);
std::vector<std::string> check_refusal(const Refusal& refusal);

}  // namespace weft::verify
