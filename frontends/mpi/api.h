#pragma once
// MPI's C functions, how weft's types are named there, and errors of MPI as Errors.

#include <mpi.h>

#include <string_view>

#include "weft/runtime/ranks/communicator.h"

namespace weft::mpi {

/// Throws Error(io) with MPI's text unless `code` is MPI_SUCCESS; `what` is what was done.
void expect_success(int code, std::string_view what);

/// Whether elements are added, or the least or largest taken, and not only moved.
bool reduces(ExchangeKind kind);

/// For exchanges that only move elements: any dtype. Throws Error(unsupported) for one that a reduction
/// cannot be made of: bool, f16 and bf16, and means of integers.
MPI_Datatype datatype_of(const Exchange& exchange);
MPI_Op op_of(RankReduction reduction);

}  // namespace weft::mpi
