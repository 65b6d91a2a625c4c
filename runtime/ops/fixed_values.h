#pragma once
// Which values of a program stay the same from call to call. Internal to runtime/.

#include <vector>

#include "weft/graph/program.h"

namespace weft {

/// For each node whether parameters and constants alone decide its values.
std::vector<bool> fixed_nodes(const Program& program);

/// Whether each call changes the session, by updates or by drawing random numbers, so that nothing is kept
/// from call to call.
bool changes_session(const Program& program);

}  // namespace weft
