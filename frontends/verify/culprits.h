#pragma once
// Finds the part of the compiler that a wrong result comes from, by leaving out each in turn. Internal to
// verify/.

#include <functional>
#include <string>
#include <vector>

#include "weft/runtime/session.h"

namespace weft::verify {

/// Whether a session with these options gives right results. Must not throw.
using IsRight = std::function<bool(const SessionOptions&)>;

/// For a result that is wrong with `options`: a line for each kernel without which it is right, or else for
/// each pass without which it is right, or else one line for the cut into shards or for the threads. Empty if
/// no single change makes it right.
std::vector<std::string> culprits(const SessionOptions& options, const IsRight& is_right);

}  // namespace weft::verify
