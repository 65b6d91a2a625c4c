#pragma once
// Finds a smaller program with the same fault, for people to read. Internal to verify/.

#include <functional>

#include "weft/frontends/verify/random_program.h"

namespace weft::verify {

/// A small program that `fails` too, among those that compute a single value of `failing` from its sources or
/// from values near it; `failing` itself if there is none.
RandomProgram shrink(const RandomProgram& failing, const std::function<bool(const RandomProgram&)>& fails);

}  // namespace weft::verify
