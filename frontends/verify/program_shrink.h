#pragma once
// A smaller program with the same fault, for a person to read. Internal to verify/.

#include <functional>

#include "weft/frontends/verify/random_program.h"

namespace weft::verify {

/// Of the programs that compute a single value of `failing`, from its sources or from values near it, a small
/// one that `fails` too; `failing` itself where there is none.
RandomProgram shrink(const RandomProgram& failing, const std::function<bool(const RandomProgram&)>& fails);

}  // namespace weft::verify
