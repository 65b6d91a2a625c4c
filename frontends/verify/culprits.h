#pragma once
// Which part of the compiler a wrong result comes from, found by doing without each in turn. Internal to
// verify/.

#include <functional>
#include <string>
#include <vector>

#include "weft/runtime/session.h"

namespace weft::verify {

/// Whether a session with these options gives right results. It must not throw.
using IsRight = std::function<bool(const SessionOptions&)>;

/// A result is wrong with `options`: a line for each kernel without which it is right; else for each pass
/// without which it is; else one for the shards that threads get, or for what threads do at once. Empty where
/// nothing alone makes it right.
std::vector<std::string> culprits(const SessionOptions& options, const IsRight& is_right);

}  // namespace weft::verify
