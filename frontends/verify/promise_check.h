#pragma once
// Checks what an op promises besides numbers: that its traits are true, that its shape rule knows symbols,
// that equal ops are equal, and that it refuses bad input.

#include <string>
#include <vector>

#include "weft/frontends/verify/specification.h"

namespace weft::verify {

/// A line for each promise that is broken.
std::vector<std::string> check_promises(const Sample& sample);
std::vector<std::string> check_refusal(const Refusal& refusal);

}  // namespace weft::verify
