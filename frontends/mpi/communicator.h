#pragma once
// The ranks of an MPI job as a weft::Communicator. No header of MPI is needed to use it.
//
// A job ends as a whole. A rank that gives up says why on stderr, in one line that names it, and ends all
// ranks (MPI_Abort); where several give up at once, the lowest speaks. Ranks that wait for one that does not
// come give up when their patience ends, and name it. What the launcher sees, such as a rank that was killed,
// it reports itself.
//
// Threads: as the interface says; MPI is asked for MPI_THREAD_SERIALIZED.

#include <chrono>
#include <functional>
#include <memory>

#include "weft/runtime/ranks/communicator.h"

namespace weft::mpi {

struct JoinOptions {
  /// How long an exchange may wait for the other ranks before the job is ended. The slowest step between two
  /// exchanges must be shorter: so must the time in which one rank alone reads or writes a file.
  std::chrono::milliseconds patience = std::chrono::minutes(5);
  /// Whether ranks of one node exchange through memory that they share. Sums are then made in the order of
  /// ranks, and by MPI between the nodes.
  bool shared_memory = true;
  /// How many ranks, in their order, count as those of a node; 0: those that MPI finds on one. The same on
  /// all ranks.
  int ranks_per_node = 0;
};

/// Joins the job that this process was started in, of one rank where no launcher started it. Initializes MPI
/// unless the program did; then the communicator finalizes it too, once all ranks have come to its end. Where
/// it ends because of an exception, it ends the job. To be called once, by all ranks. Throws
/// Error(unsupported) where MPI cannot be used by several threads in turn, and Error(io) for what MPI
/// reports, as all functions of the communicator do.
std::shared_ptr<Communicator> join(const JoinOptions& options = {});

/// The body of a main function: joins, calls `work`, and returns its result. An exception ends the job on all
/// ranks with its message.
int run(const std::function<int(const std::shared_ptr<Communicator>& ranks)>& work,
        const JoinOptions& options = {});

}  // namespace weft::mpi
