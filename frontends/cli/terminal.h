#pragma once
// Whether a person watches what a command writes.

#include <cstdio>

namespace weft::cli {

/// Whether what is written to `stream` appears on a terminal. Open MPI gives its ranks a terminal of their
/// own and passes on what they write there, so that under a launcher it is the launcher's output that counts.
bool is_terminal(std::FILE* stream);

}  // namespace weft::cli
