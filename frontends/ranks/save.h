#pragma once
// Checkpoints of a job. Rank 0 alone writes and reads them, so that no other rank needs to see the file. It
// does not depend on the number of ranks, and any number of them continues: slots in parts (sharded.h) are
// whole in it, under the names that they have where one process trains. All ranks call these functions at the
// same place.

#include <filesystem>
#include <functional>

#include "weft/runtime/session.h"

namespace weft::ranks {

/// Does something on rank 0, such as writing a file, while the others wait for its end. What it throws there
/// is thrown; the others throw Error(io). Without ranks, null, it is just done.
void on_first_rank(Communicator* communicator, const std::function<void()>& work);

/// Metadata that rank 0 makes, on all ranks. Throws as on_first_rank does.
Metadata metadata_of_first_rank(Communicator* communicator, const std::function<Metadata()>& work);

/// Session::save by rank 0: the old file or the new one. `graph` is the session's. All ranks return once the
/// file is there. Throws Error(unsupported) for slots of parts that do not have the parts' shape.
void save(Session& session, const Graph& graph, const std::filesystem::path& path,
          const Metadata& metadata = {});

/// Session::load by rank 0, which gives all ranks what it read, the random position included: a file of any
/// number of ranks, also of a program that trains alone and has whole slots. Returns the file's metadata.
/// After an error nothing has changed.
Metadata load(Session& session, const Graph& graph, const std::filesystem::path& path);

}  // namespace weft::ranks
