#pragma once
// Where threads run.

namespace weft {

/// The processor on which the calling thread is; below 0 where the system does not tell.
int current_processor();

/// How many processors the calling thread may use; 0 where the system does not tell.
int usable_processors();

/// Moves the calling thread to another of those that it may use, if there is one. The system may move it
/// again.
void leave_processor(int processor);

}  // namespace weft
