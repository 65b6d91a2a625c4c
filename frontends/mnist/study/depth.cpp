#include "weft/frontends/mnist/study/depth.h"

#include <fmt/format.h>

#include <algorithm>

#include "weft/frontends/mnist/study/fingerprint.h"
#include "weft/frontends/mnist/study/wording.h"

namespace weft::mnist {
namespace {

constexpr double kLeastFall = 0.002;
constexpr double kLeastFallOfOneSeed = 0.005;
constexpr double kRateFactor = 10.0;

struct Depths {
  const Configuration* shallow = nullptr;
  const Configuration* deep = nullptr;
};

Depths depths_run(const Results& results, const std::string& dialect, const std::string& activation) {
  Depths depths;
  for (const Configuration& one : paper_configurations()) {
    if (one.series != Series::depth || one.activation != activation) continue;
    if (results.runs(dialect, one.name).empty()) continue;
    if (depths.shallow == nullptr) depths.shallow = &one;
    depths.deep = &one;
  }
  return depths;
}

Estimate accuracy_difference(const Results& results, const std::string& series,
                             const std::pair<const Configuration*, std::string>& a,
                             const std::pair<const Configuration*, std::string>& b) {
  return difference(results.values(Metric::accuracy, series, a.first->name, a.second),
                    results.values(Metric::accuracy, series, b.first->name, b.second));
}

}  // namespace

bool is_fall(const Estimate& drop) {
  if (drop.runs < 2) return drop.mean > kLeastFallOfOneSeed;
  return drop.low() > 0.0 && drop.mean > kLeastFall;
}

std::vector<DepthEffect> depth_effects(const Results& results, const std::vector<Dialect>& dialects) {
  std::vector<DepthEffect> effects;
  for (const Dialect& dialect : dialects) {
    for (const char* const activation : {"tanh", "relu"}) {
      const Depths depths = depths_run(results, dialect.name, activation);
      if (depths.shallow == depths.deep) continue;
      DepthEffect effect{
          .dialect = &dialect,
          .activation = activation,
          .shallow = depths.shallow,
          .deep = depths.deep,
          .drop = accuracy_difference(results, dialect.name, {depths.shallow, ""}, {depths.deep, ""})};
      effect.falls = is_fall(effect.drop);
      effects.push_back(effect);
    }
  }
  return effects;
}

std::vector<Swap> swaps_of(const Dialect& dialect, const Dialect& donor) {
  std::vector<Swap> swaps;
  const auto altered = [&](const std::string& variant, const auto& alter) {
    Dialect copy = dialect;
    alter(copy);
    if (recipe_of(copy) != recipe_of(dialect)) swaps.push_back({.variant = variant, .dialect = copy});
  };
  const bool same_input = dialect.input == donor.input;
  altered("the initializer of " + recipe_name(donor), [&](Dialect& d) { d.initializer = donor.initializer; });
  altered("the optimizer of " + recipe_name(donor), [&](Dialect& d) { d.optimizer = donor.optimizer; });
  altered("10 times the rate",
          [&](Dialect& d) { d.optimizer.learning_rate = kRateFactor * d.optimizer.rate(); });
  altered("a tenth of the rate",
          [&](Dialect& d) { d.optimizer.learning_rate = d.optimizer.rate() / kRateFactor; });
  altered(same_input ? "standardized input" : "the input scale of " + recipe_name(donor), [&](Dialect& d) {
    d.input = same_input ? InputConfig{.standardize = true, .divide_by = d.input.divide_by} : donor.input;
  });
  return swaps;
}

const Dialect* donor_for(const DepthEffect& effect, const Results& results,
                         const std::vector<Dialect>& dialects) {
  const Dialect* best = nullptr;
  double best_accuracy = -1.0;
  for (const Dialect& dialect : dialects) {
    if (dialect.name == effect.dialect->name) continue;
    const Estimate accuracy = results.accuracy_of(dialect.name, effect.deep->name);
    if (accuracy.runs == 0 || accuracy.mean <= best_accuracy) continue;
    best = &dialect;
    best_accuracy = accuracy.mean;
  }
  return best;
}

std::vector<PlannedRun> plan_swaps(const std::vector<DepthEffect>& effects, const Results& results,
                                   const std::vector<Dialect>& dialects, const StudySettings& settings) {
  std::vector<PlannedRun> runs;
  for (const DepthEffect& effect : effects) {
    const Dialect* const donor = effect.falls ? donor_for(effect, results, dialects) : nullptr;
    if (donor == nullptr) continue;
    for (std::int64_t repeat = 0; repeat < settings.repeats; ++repeat) {
      for (const Swap& swap : swaps_of(*effect.dialect, *donor)) {
        for (const Configuration* configuration : {effect.shallow, effect.deep}) {
          runs.push_back({.key = {.kind = "swap",
                                  .series = effect.dialect->name,
                                  .variant = swap.variant,
                                  .configuration = configuration->name,
                                  .seed = settings.seed + static_cast<std::uint64_t>(repeat),
                                  .recipe = Fingerprint().add(recipe_of(swap.dialect)).text()},
                          .dialect = swap.dialect,
                          .configuration = configuration});
        }
      }
    }
  }
  return runs;
}

std::vector<SwapEffect> swap_effects(const DepthEffect& effect, const Results& results) {
  std::vector<SwapEffect> effects;
  const std::string& series = effect.dialect->name;
  for (const Record& record : results.records()) {
    const RunKey& key = record.key;
    if (key.kind != "swap" || key.series != series || key.configuration != effect.deep->name) continue;
    if (std::ranges::find(effects, key.variant, &SwapEffect::variant) != effects.end()) continue;
    SwapEffect swap{
        .variant = key.variant,
        .deep = results.accuracy_of(series, effect.deep->name, key.variant),
        .gain = accuracy_difference(results, series, {effect.deep, key.variant}, {effect.deep, ""}),
        .drop =
            accuracy_difference(results, series, {effect.shallow, key.variant}, {effect.deep, key.variant})};
    swap.restores = is_fall(swap.gain) && !is_fall(swap.drop);
    effects.push_back(swap);
  }
  return effects;
}

}  // namespace weft::mnist
