#pragma once
// Optimizers of which every rank keeps a part, and gradients that are sent once for several batches.

#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "weft/frontends/optim/updates.h"

namespace weft::ranks {

/// From parameters and gradients to updates: `[](auto p, auto g) { return optim::adam(p, g, 0.001); }`.
using PartOptimizer =
    std::function<std::vector<Value>(std::span<const Value> parameters, std::span<const Value> gradients)>;

/// The end of the label of the part of a parameter that a rank keeps; labels of its slots go on behind it.
inline constexpr std::string_view kOwnPart = "/own_part";

/// Optimizer slots in parts, one for each of `ranks` ranks (ZeRO stage 1: Rajbhandari et al., SC 2020). Each
/// rank gets the sum over ranks of its part of the gradients (reduce_scatter), updates its part of each
/// parameter with slots of that size, and all get the new parameters (all_gather). `gradients` are those of
/// the mean over a rank's own rows, as for distributed(). The part that a rank updates is kept as
/// "<p>/own_part", f32 [ceil(elements / ranks)]; so Adam takes three such parts in place of two whole
/// tensors. Parts start as the parameters do; after these were set or loaded, ranks::synchronize takes them
/// from there. The optimizer must treat elements one by one: methods with norms of whole parameters (LAMB,
/// Adafactor) would see a part.
std::vector<Value> sharded_updates(std::span<const Value> parameters, std::span<const Value> gradients,
                                   const Operand& rows, std::int64_t ranks, const PartOptimizer& optimizer,
                                   const Where& where = Where::current());

/// Gradients of several batches that are sent once. A function with the updates `add` adds those of a batch
/// to
/// "<p>/accumulated" and exchanges nothing; one with the updates `step` adds those of the last batch, sums
/// over ranks, steps and begins anew. The step is that of the mean over all rows of all batches and ranks.
struct Accumulation {
  std::vector<Value> add;
  std::vector<Value> step;
  Value loss;  // of the batches since the last step, the last included; an output of the function with `step`
};
Accumulation accumulate(const Operand& loss, std::span<const Value> parameters, const Operand& rows,
                        const optim::Optimizer& optimizer, const Where& where = Where::current());

}  // namespace weft::ranks
