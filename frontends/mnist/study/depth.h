#pragma once
// The open question of the paper: for which dialects does accuracy fall with depth, and which single
// ingredient, taken from a dialect that does well, restores it?

#include <string>
#include <vector>

#include "weft/frontends/mnist/study/results.h"
#include "weft/frontends/mnist/study/study.h"

namespace weft::mnist {

/// What depth does to one dialect with one activation.
struct DepthEffect {
  const Dialect* dialect = nullptr;
  std::string activation;
  const Configuration* shallow = nullptr;  // the fewest hidden layers that were run
  const Configuration* deep = nullptr;     // the most
  Estimate drop;                           // accuracy of shallow - accuracy of deep, 95% interval
  bool falls = false;
};

/// Whether a drop counts: more than a fifth of a point, and its interval without 0; where there is one seed
/// only, more than half a point.
bool is_fall(const Estimate& drop);

/// For each dialect and activation with at least two depths, in the dialects' order. `dialects` must outlive
/// the result.
std::vector<DepthEffect> depth_effects(const Results& results, const std::vector<Dialect>& dialects);

/// A dialect with one ingredient altered.
struct Swap {
  std::string variant;  // "the initializer of weft", "10 times the rate"
  Dialect dialect;
};

/// Initializer, optimizer and input scale of `donor`, where they differ, and a larger and a smaller rate. An
/// equal input scale is replaced by standardized input.
std::vector<Swap> swaps_of(const Dialect& dialect, const Dialect& donor);

/// The other dialect that does best on `effect.deep`; null where there is none.
const Dialect* donor_for(const DepthEffect& effect, const Results& results,
                         const std::vector<Dialect>& dialects);

/// The runs of all swaps of the dialects that fall, on their shallow and deep networks.
std::vector<PlannedRun> plan_swaps(const std::vector<DepthEffect>& effects, const Results& results,
                                   const std::vector<Dialect>& dialects, const StudySettings& settings);

/// What a swap did.
struct SwapEffect {
  std::string variant;
  Estimate deep;          // accuracy on the deep network
  Estimate gain;          // of it over the dialect's own
  Estimate drop;          // from the swap's shallow to its deep network
  bool restores = false;  // it gains, and no longer falls
};

/// In the order of swaps_of; only those that were run.
std::vector<SwapEffect> swap_effects(const DepthEffect& effect, const Results& results);

}  // namespace weft::mnist
