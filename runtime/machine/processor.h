#pragma once
// Where threads run.

namespace weft {

/// The processor on which the calling thread is; below 0 where the system does not tell.
int current_processor();

/// How many processors the calling thread may use; 0 where the system does not tell.
int usable_processors();

/// Moves the calling thread to another of those that it may use, if it runs on this one and there is another.
/// The system may move it again. Below 0: stays where it is.
void keep_off(int processor);

}  // namespace weft
