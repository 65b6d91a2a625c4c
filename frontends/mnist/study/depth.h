#pragma once
// The open question of the paper: for which dialects does accuracy fall with depth, and which single
// ingredient, taken from a dialect that does well, restores it?

#include <string>
#include <vector>

#include "weft/frontends/mnist/study/results.h"
#include "weft/frontends/mnist/study/study.h"

namespace weft::mnist {

/// The effect of depth on one dialect with one activation.
struct DepthEffect {
  const Dialect* dialect = nullptr;
  std::string activation;
  const Configuration* shallow = nullptr;  // the network with the fewest hidden layers that was run
  const Configuration* deep = nullptr;     // the most
  Estimate drop;                           // accuracy of shallow - accuracy of deep, 95% interval
  bool falls = false;
};

/// Whether a drop counts: it is more than a fifth of a point, and its interval does not hold 0. With a single
/// seed it must be more than half a point.
bool is_fall(const Estimate& drop);

/// The effects for each dialect and activation with at least two depths, in the dialects' order. `dialects`
/// must outlive the result.
std::vector<DepthEffect> depth_effects(const Results& results, const std::vector<Dialect>& dialects);

/// A dialect with one ingredient altered.
struct Swap {
  std::string variant;  // "the initializer of weft", "10 times the rate"
  Dialect dialect;
};

/// Swaps of the initializer, the optimizer and the input scale for those of `donor`, where they differ, and a
/// larger and a smaller rate. An equal input scale is replaced by standardized input.
std::vector<Swap> swaps_of(const Dialect& dialect, const Dialect& donor);

/// The other dialect that does best on `effect.deep`; null if there is none.
const Dialect* donor_for(const DepthEffect& effect, const Results& results,
                         const std::vector<Dialect>& dialects);

/// The runs of all swaps of the dialects that fall, on their shallow and deep networks.
std::vector<PlannedRun> plan_swaps(const std::vector<DepthEffect>& effects, const Results& results,
                                   const std::vector<Dialect>& dialects, const StudySettings& settings);

/// The effect of a swap.
struct SwapEffect {
  std::string variant;
  Estimate deep;          // accuracy on the deep network
  Estimate gain;          // of that over the dialect's own accuracy
  Estimate drop;          // from the swap's shallow to its deep network
  bool restores = false;  // it gains accuracy, which no longer falls with depth
};

/// The effects of the swaps that were run, in the order of swaps_of.
std::vector<SwapEffect> swap_effects(const DepthEffect& effect, const Results& results);

}  // namespace weft::mnist
