#pragma once
// The compiled engine against the reference interpreter.

#include <string>
#include <vector>

#include "weft/frontends/verify/specification.h"

namespace weft::verify {

/// Runs the op in a session, with all passes and on one and on three threads, with its floats in `dtype`.
/// Returns what is wrong, a line each.
std::vector<std::string> check_engine(const Sample& sample, DType dtype);

}  // namespace weft::verify
