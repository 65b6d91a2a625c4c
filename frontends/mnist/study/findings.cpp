#include "weft/frontends/mnist/study/findings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "weft/frontends/mnist/study/wording.h"

namespace weft::mnist {
namespace {

constexpr double kPointsThatMatter =
    0.01;  // whether there is a fall is left open if it could be a point or more

/// The dialect with the highest mean on a configuration, and those whose interval reaches its mean.
struct Ranking {
  const Dialect* best = nullptr;
  Estimate accuracy;
  std::vector<const Dialect*> level;  // including the best
};

Ranking ranking_on(const Configuration& configuration, const Results& results,
                   const std::vector<Dialect>& dialects) {
  Ranking ranking;
  for (const Dialect& dialect : dialects) {
    const Estimate all = results.accuracy_of(dialect.name, configuration.name);
    if (all.runs == 0 || (ranking.best != nullptr && all.mean <= ranking.accuracy.mean)) continue;
    ranking.best = &dialect;
    ranking.accuracy = all;
  }
  for (const Dialect& dialect : dialects) {
    const Estimate all = results.accuracy_of(dialect.name, configuration.name);
    if (all.runs > 0 && all.high() >= ranking.accuracy.mean) ranking.level.push_back(&dialect);
  }
  return ranking;
}

/// Says which recipes are the most accurate; the best comes last.
Finding best_recipes(const Results& results, const std::vector<Dialect>& dialects) {
  std::vector<Ranking> rankings;
  for (const Configuration& configuration : paper_configurations()) {
    const Ranking ranking = ranking_on(configuration, results, dialects);
    if (ranking.best != nullptr) rankings.push_back(ranking);
  }
  std::multimap<std::ptrdiff_t, std::string> sentences;
  for (const Dialect& dialect : dialects) {
    const auto first = std::ranges::count_if(rankings, [&](const Ranking& r) { return r.best == &dialect; });
    const auto level = std::ranges::count_if(
        rankings, [&](const Ranking& r) { return std::ranges::find(r.level, &dialect) != r.level.end(); });
    if (level == 0) continue;
    sentences.emplace(
        level,
        fmt::format("{} has the highest mean accuracy on {} of {} networks; on {} its interval reaches the "
                    "highest mean.",
                    recipe_on_weft(dialect), first, rankings.size(), level));
  }
  Finding finding{.heading = "Which recipe is the most accurate", .sentences = {}};
  for (const auto& [level, sentence] : sentences) finding.sentences.push_back(sentence);
  return finding;
}

std::string verdict_on(const Estimate& drop) {
  if (is_fall(drop)) return fmt::format("It falls by {}.", points_text(drop));
  if (drop.high() > kPointsThatMatter) {
    return fmt::format("Whether it falls, these seeds cannot tell: by {}.", points_text(drop));
  }
  return fmt::format("It does not fall: the change is {}.", points_text({-drop.mean, drop.half, drop.runs}));
}

std::string depth_sentence(const DepthEffect& effect, const Results& results) {
  const auto accuracy = [&](const Configuration* configuration) {
    return percent_text(results.accuracy_of(effect.dialect->name, configuration->name));
  };
  return fmt::format("{} with {}: {} with {}, {} with {}. {}", recipe_on_weft(*effect.dialect),
                     effect.activation, accuracy(effect.shallow), layers_text(*effect.shallow),
                     accuracy(effect.deep), layers_text(*effect.deep), verdict_on(effect.drop));
}

std::string swap_sentence(const SwapEffect& swap) {
  const std::string reached = fmt::format("With {}: {}", swap.variant, percent_text(swap.deep));
  if (swap.restores) {
    return fmt::format("{}, a gain of {}, and depth no longer hurts. This alone restores it.", reached,
                       points_text(swap.gain));
  }
  if (is_fall(swap.gain)) {
    return fmt::format("{}, a gain of {}, but it still falls with depth, by {}.", reached,
                       points_text(swap.gain), points_text(swap.drop));
  }
  return fmt::format("{}, a change of {}: it does not help.", reached, points_text(swap.gain));
}

/// Means over the seeds of one norm in each layer.
std::vector<double> layer_means(const Results& results, const DepthEffect& effect, const std::string& variant,
                                double LayerNorms::* norm) {
  std::vector<double> sums;
  const auto runs = results.runs(effect.dialect->name, effect.deep->name, variant);
  for (const Record* record : runs) {
    const auto& layers = record->measured.at_start;
    sums.resize(layers.size(), 0.0);
    for (std::size_t i = 0; i < layers.size(); ++i)
      sums[i] += layers[i].*norm / static_cast<double>(runs.size());
  }
  return sums;
}

std::string evidence_sentence(const Results& results, const DepthEffect& effect, const std::string& variant,
                              const std::string& who) {
  const auto flat = layer_means(results, effect, variant, &LayerNorms::flat);
  const auto activations = layer_means(results, effect, variant, &LayerNorms::activation);
  const auto gradients = layer_means(results, effect, variant, &LayerNorms::gradient);
  if (flat.size() < 2) return "";
  std::vector<std::string> shares;
  for (std::size_t i = 0; i + 1 < flat.size(); ++i)
    shares.push_back(fmt::format("{:.0f}%", kPercent * flat[i]));
  const double way = gradients.front() / gradients[gradients.size() - 2];
  return fmt::format(
      "Before the first step, {}: {} of the units of hidden layers 1 to {} are where the activation is flat, "
      "the logits' root mean square is {:.2g}, and the gradient at the first hidden layer is {:.2g} times "
      "that at the last.",
      who, fmt::join(shares, ", "), flat.size() - 1, activations.back(), way);
}

std::string cure_sentence(const std::vector<std::string>& cures) {
  if (cures.empty()) return "No swap of one ingredient restores it.";
  if (cures.size() == 1) return fmt::format("What restores it is {}.", cures.front());
  return fmt::format("Each of these restores it by itself: {}.", fmt::join(cures, "; "));
}

Finding open_question(const DepthEffect& effect, const Results& results) {
  Finding finding{.heading = fmt::format("Why {} falls with depth ({})", recipe_on_weft(*effect.dialect),
                                         effect.activation),
                  .sentences = {}};
  const auto swaps = swap_effects(effect, results);
  std::vector<std::string> cures;
  for (const SwapEffect& swap : swaps) {
    finding.sentences.push_back(swap_sentence(swap));
    if (swap.restores) cures.push_back(swap.variant);
  }
  if (swaps.empty()) {
    finding.sentences.emplace_back("No ingredient was swapped in this study.");
    return finding;
  }
  finding.sentences.push_back(evidence_sentence(results, effect, "", "its own recipe"));
  for (const SwapEffect& swap : swaps) {
    const bool changes_the_start = swap.variant.find("initializer") != std::string::npos ||
                                   swap.variant.find("input") != std::string::npos;
    if (changes_the_start) {
      finding.sentences.push_back(evidence_sentence(results, effect, swap.variant, "with " + swap.variant));
    }
  }
  finding.sentences.push_back(cure_sentence(cures));
  std::erase(finding.sentences, "");
  return finding;
}

/// Which dialects fall, in one sentence.
std::string falls_sentence(const std::vector<DepthEffect>& effects) {
  std::vector<std::string> falling;
  for (const DepthEffect& effect : effects) {
    if (!effect.falls) continue;
    falling.push_back(fmt::format("{} with {}, by {}", recipe_on_weft(*effect.dialect), effect.activation,
                                  points_text(effect.drop)));
  }
  if (falling.empty()) return "No recipe is shown to lose accuracy with depth.";
  return fmt::format("Accuracy falls with depth for {}.", fmt::join(falling, "; "));
}

Finding depth_finding(const std::vector<DepthEffect>& effects, const Results& results) {
  Finding finding{.heading = "What depth does", .sentences = {}};
  for (const DepthEffect& effect : effects) finding.sentences.push_back(depth_sentence(effect, results));
  const bool some = std::ranges::any_of(effects, &DepthEffect::falls);
  const bool all = std::ranges::all_of(effects, &DepthEffect::falls);
  if (some && !all) {
    finding.sentences.emplace_back(
        "All of them get their gradients from the same graph on the same engine, and some do not fall: wrong "
        "gradients are not the cause. (weft check verifies the gradients of every op on this machine.)");
  }
  finding.sentences.push_back(falls_sentence(effects));
  return finding;
}

}  // namespace

std::vector<std::string> conclusions(const std::vector<Finding>& findings) {
  std::vector<std::string> texts;
  for (const Finding& finding : findings) {
    if (!finding.sentences.empty()) texts.push_back(finding.heading + ": " + finding.sentences.back());
  }
  return texts;
}

std::vector<Finding> findings_of(const Results& results, const std::vector<Dialect>& dialects) {
  std::vector<Finding> findings;
  if (dialects.size() > 1) findings.push_back(best_recipes(results, dialects));
  const auto effects = depth_effects(results, dialects);
  if (effects.empty()) return findings;
  findings.push_back(depth_finding(effects, results));
  for (const DepthEffect& effect : effects) {
    if (effect.falls) findings.push_back(open_question(effect, results));
  }
  return findings;
}

}  // namespace weft::mnist
