#pragma once
// Which rows of a batch or a data set each rank of a job takes, and rows of all ranks as one tensor. All
// ranks call what exchanges something at the same place; without ranks, null, a job has one.

#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include "weft/graph/tensor.h"
#include "weft/graph/where.h"
#include "weft/runtime/ranks/communicator.h"

namespace weft::ranks {

/// Rows `first`, `first + 1`, ..., of which there are `count`.
struct Share {
  std::int64_t first = 0;
  std::int64_t count = 0;

  bool operator==(const Share&) const = default;
};

/// The rows of `rows` that a rank takes: every row is in exactly one share, shares are in the order of ranks,
/// and each has as many rows as the next one or one more; with fewer rows than ranks some have none. With
/// `shards` >= 1 the rows are cut into so many shards, and a rank takes a share of whole shards: results that
/// are added shard by shard then do not depend on the number of ranks. A pure function. Throws
/// Error(invalid_argument) unless 0 <= rank < ranks, rows >= 0 and shards >= 0.
Share rows_of_rank(std::int64_t rows, std::int64_t rank, std::int64_t ranks, std::int64_t shards = 0);

/// The same for the rank of a communicator.
Share own_rows(std::int64_t rows, const Communicator* communicator, std::int64_t shards = 0);

/// The sum of a number over all ranks.
double sum(Communicator* communicator, double number);

/// The rows of all ranks in the order of ranks, on each of them. The tensors may differ in their numbers of
/// rows alone: [n_r, ...] on rank r becomes [n_0 + n_1 + ..., ...]. Throws Error(invalid_argument) for a
/// scalar.
Tensor gather_rows(Communicator* communicator, const Tensor& own, const Where& where = Where::current());

}  // namespace weft::ranks
