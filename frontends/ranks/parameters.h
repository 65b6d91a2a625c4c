#pragma once
// The parameters of a session on all ranks of its job. All ranks call these functions at the same place. A
// session without ranks, or whose job has one, is left alone.

#include <cstdint>

#include "weft/runtime/session.h"

namespace weft::ranks {

/// Gives all ranks the parameters, optimizers' slots included, and the random position that `root` has.
/// `graph` is the session's. Throws Error(interrupted) where ranks have other parameters.
void synchronize(Session& session, const Graph& graph, std::int64_t root = 0);

/// Lets every rank but the first draw random numbers of its own from here on, so that what drops out of rows
/// of the same place differs. `synchronize` takes it back.
void separate_random_numbers(Session& session);

/// Compares digests of all parameters over all ranks. Throws Error(internal), on every rank, which names the
/// first parameter that differs from that of rank 0, and the ranks whose do. The parts of which every rank
/// has its own (sharded.h), and their slots, may differ.
void expect_equal_parameters(Session& session, const Graph& graph);

}  // namespace weft::ranks
