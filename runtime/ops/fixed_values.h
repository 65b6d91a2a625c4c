#pragma once
// Which values of a program stay the same from call to call. Internal to runtime/.

#include <cstddef>
#include <vector>

#include "weft/graph/program.h"

namespace weft {

/// Arguments of a loop's body from this number on are the same in all of its steps.
inline constexpr std::size_t kNoArguments = static_cast<std::size_t>(-1);

/// For each node whether parameters and constants alone decide its values, and arguments from number
/// `first_fixed` on.
std::vector<bool> fixed_nodes(const Program& program, std::size_t first_fixed = kNoArguments);

/// Whether each call changes the session, by updates or by drawing random numbers, so that nothing is kept
/// from call to call.
bool changes_session(const Program& program);

}  // namespace weft
