#pragma once
// Which part of the compiler a wrong result comes from, found by doing without each in turn. Internal to
// proof/.

#include <functional>
#include <string>
#include <vector>

#include "weft/runtime/session.h"

namespace weft::proof {

/// Whether a session with these options gives right results. It must not throw.
using IsRight = std::function<bool(const SessionOptions&)>;

/// How a trial computes: on all of the threads, and several of them in more parts than threads, so that some
/// compute two, as where a plan gets fewer threads than its session has.
SessionOptions trial_options(int threads, const CompileOptions& compile);

/// A result is wrong with `options`: a line for each kernel without which it is right; else for each pass
/// without which it is; else one for the parts that threads get, or for what threads do at once. Empty where
/// nothing alone makes it right.
std::vector<std::string> culprits(const SessionOptions& options, const IsRight& is_right);

}  // namespace weft::proof
