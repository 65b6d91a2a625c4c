#pragma once
// Training by the ranks of a job, each with rows of its own: gradients of one rank's loss become those of the
// loss over all ranks' rows. Ranks may have different numbers of rows, also none. All functions build graph,
// in the same form on every rank:
//
//   const auto shared = ranks::distributed(gradients(loss, parameters), ranks::rows_of(x));
//   const auto updates = optim::adam(parameters, shared, 0.001);
//
// They fit every optimizer, and everything that changes gradients or updates. In a job of one rank they keep
// what they are given.

#include <span>
#include <vector>

#include "weft/graph/graph.h"

namespace weft::ranks {

/// How many rows x has, f64 []: the size of its first axis, which may be a symbol.
Value rows_of(const Operand& x);

/// Gradients of the mean over all ranks' rows, from those of the mean over each rank's own: the sum over
/// ranks of gradient * rows, divided by the rows of all. Those of a rank without rows count as 0, whatever
/// they are; without any rows all are 0. `rows` is a scalar of any number dtype, whose sum the gradients'
/// dtype should hold (f32: 2^24). The sums are sent as soon as the gradients are there. Throws
/// Error(dtype_mismatch) for gradients that are neither f32 nor f64.
std::vector<Value> distributed(std::span<const Value> gradients, const Operand& rows);

/// The mean of a loss, or of anything else that is a mean over rows, over the rows of all ranks.
Value mean_over_ranks(const Operand& mean, const Operand& rows);

/// A loss over all ranks' rows, and its gradients. The number of rows is a factor of the loss, so that the
/// gradients need none before they are sent: this is cheaper than `distributed` of gradients that are there.
struct DistributedLoss {
  Value loss;
  std::vector<Value> gradients;  // one for each parameter, of its type
};
DistributedLoss differentiate(const Operand& loss, std::span<const Value> parameters, const Operand& rows);

/// A loss and its gradients as sums over this rank's rows, and not yet over ranks: the loss first. Without
/// rows all are 0.
std::vector<Value> sums_over_rows(const Operand& loss, std::span<const Value> parameters,
                                  const Operand& rows);

/// x times the rows of this rank, and 0 where it has none, whatever x is. Throws Error(dtype_mismatch) for x
/// that is neither f32 nor f64.
Value times_rows(const Value& x, const Value& rows);

/// The sum over ranks of each value, sent in the order in which the graph computes them.
std::vector<Value> sum_over_ranks(std::span<const Value> values);

}  // namespace weft::ranks
