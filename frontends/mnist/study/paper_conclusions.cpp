#include "weft/frontends/mnist/study/paper_conclusions.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <optional>

#include "weft/frontends/mnist/study/depth.h"
#include "weft/frontends/mnist/study/paper.h"
#include "weft/frontends/mnist/study/wording.h"

namespace weft::mnist {
namespace {

constexpr double kPoint = 0.01;  // of accuracy
constexpr const char* kNothingRun = "This study has no runs that could tell.";

constexpr NetworkGroup kTanh{.series = Series::depth, .activation = "tanh"};
constexpr NetworkGroup kRelu{.series = Series::depth, .activation = "relu"};
constexpr NetworkGroup kWidth{.series = Series::width, .activation = "relu"};

enum class Vote : std::uint8_t { yes, no, neither };

void count(Votes& votes, Vote vote) {
  ++(vote == Vote::yes ? votes.yes : vote == Vote::no ? votes.no : votes.neither);
}

/// Whether b takes longer than a.
Vote longer(const Spread& a, const Spread& b) {
  if (b.low > a.high) return Vote::yes;
  return b.high < a.low ? Vote::no : Vote::neither;
}

/// Whether a difference of accuracies is a gain.
Vote gains(const Estimate& difference) {
  Estimate loss = difference;
  loss.mean = -loss.mean;
  if (is_fall(difference)) return Vote::yes;  // is_fall only tests whether it is positive for certain
  return is_fall(loss) ? Vote::no : Vote::neither;
}

Vote opposite(Vote vote) { return vote == Vote::yes ? Vote::no : vote == Vote::no ? Vote::yes : vote; }

/// The smallest and the largest network of a group that a series was run on; nothing if it is the same.
struct Ends {
  const Configuration* first = nullptr;
  const Configuration* last = nullptr;
};
std::optional<Ends> ends_of(const Results& results, const std::string& series, const NetworkGroup& group) {
  std::vector<const Configuration*> run = networks_of(group);
  std::erase_if(run, [&](const Configuration* one) { return results.runs(series, one->name).empty(); });
  if (run.size() < 2) return std::nullopt;
  return Ends{.first = run.front(), .last = run.back()};
}

Estimate accuracy_gain(const Results& results, const std::string& series, const Ends& ends) {
  return difference(results.values(Metric::accuracy, series, ends.last->name),
                    results.values(Metric::accuracy, series, ends.first->name));
}

/// "1.2 to 2.4": the least and the most of some numbers.
std::string range_text(const std::vector<double>& values) {
  const auto [least, most] = std::ranges::minmax(values);
  return fmt::format("{:.2g} to {:.2g}", least, most);
}

PaperConclusion depth_costs_time(const Results& results) {
  PaperConclusion one{
      .number = "1", .claim = "More hidden layers take longer to train.", .figures = kNothingRun};
  Votes votes;
  std::vector<double> factors;
  for (const Curve& curve : results.series()) {
    for (const NetworkGroup& group : {kTanh, kRelu}) {
      const auto ends = ends_of(results, curve.name, group);
      if (!ends) continue;
      const Spread shallow = results.times_of(Metric::train_seconds, curve.name, ends->first->name);
      const Spread deep = results.times_of(Metric::train_seconds, curve.name, ends->last->name);
      count(votes, longer(shallow, deep));
      factors.push_back(deep.median / shallow.median);
    }
  }
  if (votes.all() == 0) return one;
  one.verdict = verdict_of(votes);
  one.figures = fmt::format(
      "The deepest network takes longer than the shallowest in {} of {} pairs of recipe and activation: {} "
      "times "
      "as long.",
      votes.yes, votes.all(), range_text(factors));
  return one;
}

/// The time after which a run first reaches an accuracy, by its epochs; infinite if it never does.
double seconds_to(double accuracy, const Measured& run) {
  const auto reached = std::ranges::find_if(run.accuracies, [&](double value) { return value >= accuracy; });
  if (reached == run.accuracies.end()) return std::numeric_limits<double>::infinity();
  const auto epochs = static_cast<double>(reached - run.accuracies.begin() + 1);
  return run.train_seconds * epochs / static_cast<double>(run.accuracies.size());
}

/// The times to an accuracy over the seeds, including runs that never reach it.
std::vector<double> times_to(double accuracy, const std::vector<const Record*>& runs) {
  std::vector<double> seconds;
  for (const Record* record : runs) seconds.push_back(seconds_to(accuracy, record->measured));
  std::ranges::sort(seconds);
  return seconds;
}

Vote takes_longer_to_reach(double accuracy, const std::vector<const Record*>& narrow,
                           const std::vector<const Record*>& wide) {
  const auto a = times_to(accuracy, narrow);
  const auto b = times_to(accuracy, wide);
  if (b.front() > a.back()) return Vote::yes;
  return b.back() < a.front() ? Vote::no : Vote::neither;
}

PaperConclusion width_costs_time(const Results& results) {
  PaperConclusion one{
      .number = "2", .claim = "More units take longer to train to a given accuracy.", .figures = kNothingRun};
  Votes votes;
  std::vector<double> factors;
  for (const Curve& curve : results.recipes()) {
    const auto ends = ends_of(results, curve.name, kWidth);
    if (!ends) continue;
    const auto narrow = results.runs(curve.name, ends->first->name);
    const auto wide = results.runs(curve.name, ends->last->name);
    // The accuracy that every seed of the narrowest network reaches at some time.
    double level = 1.0;
    for (const Record* record : narrow) {
      const auto& reached = record->measured.accuracies;
      if (!reached.empty()) level = std::min(level, std::ranges::max(reached));
    }
    count(votes, takes_longer_to_reach(level, narrow, wide));
    factors.push_back(results.times_of(Metric::train_seconds, curve.name, ends->last->name).median /
                      results.times_of(Metric::train_seconds, curve.name, ends->first->name).median);
  }
  if (votes.all() == 0) return one;
  one.verdict = verdict_of(votes);
  one.figures = fmt::format(
      "An epoch of the widest network takes {} times as long as one of the narrowest. To the best accuracy "
      "of the "
      "narrowest network, the widest takes longer with {} of {} recipes, and is there sooner with {}.",
      range_text(factors), votes.yes, votes.all(), votes.no);
  return one;
}

/// Pairs of networks that differ in the activation alone.
std::vector<std::pair<const Configuration*, const Configuration*>> tanh_and_relu() {
  std::vector<std::pair<const Configuration*, const Configuration*>> pairs;
  const auto relu = networks_of(kRelu);
  for (const Configuration* one : networks_of(kTanh)) {
    const auto match = std::ranges::find(relu, one->layers, &Configuration::layers);
    if (match != relu.end()) pairs.emplace_back(one, *match);
  }
  return pairs;
}

std::array<PaperConclusion, 2> relu_is_better(const Results& results) {
  PaperConclusion speed{
      .number = "3, speed", .claim = "ReLU trains faster than tanh.", .figures = kNothingRun};
  PaperConclusion accuracy{
      .number = "3, accuracy", .claim = "ReLU is more accurate than tanh.", .figures = kNothingRun};
  Votes faster;
  Votes better;
  std::vector<double> factors;
  std::vector<double> points;
  for (const Curve& curve : results.series()) {
    for (const auto& [tanh, relu] : tanh_and_relu()) {
      const Spread slow = results.times_of(Metric::train_seconds, curve.name, tanh->name);
      const Spread fast = results.times_of(Metric::train_seconds, curve.name, relu->name);
      if (slow.runs == 0 || fast.runs == 0) continue;
      count(faster, longer(fast, slow));
      factors.push_back(slow.median / fast.median);
      const Estimate gain = difference(results.values(Metric::accuracy, curve.name, relu->name),
                                       results.values(Metric::accuracy, curve.name, tanh->name));
      count(better, gains(gain));
      points.push_back(100.0 * gain.mean);
    }
  }
  if (faster.all() == 0) return {speed, accuracy};
  speed.verdict = verdict_of(faster);
  speed.figures = fmt::format(
      "Of {} pairs of recipe and depth, ReLU trains faster in {} and slower in {}; tanh takes {} times as "
      "long. The "
      "paper's text says that ReLU takes nearly half the time.",
      faster.all(), faster.yes, faster.no, range_text(factors));
  accuracy.verdict = verdict_of(better);
  const auto [least, most] = std::ranges::minmax(points);
  accuracy.figures =
      fmt::format("Of {} pairs, ReLU is more accurate in {} and less in {}: by {:.2f} to {:.2f} points.",
                  better.all(), better.yes, better.no, least, most);
  return {speed, accuracy};
}

const Dialect* dialect_of(const std::vector<Dialect>& dialects, std::string_view name) {
  const auto found = std::ranges::find(dialects, name, &Dialect::name);
  return found == dialects.end() ? nullptr : &*found;
}

/// The effect of a change of the network on the accuracy of some recipes, and how each recipe votes on it.
struct Change {
  Votes votes;
  std::vector<std::string> texts;
};

template <typename VoteOf>
Change change_with(const Results& results, const std::vector<Dialect>& dialects,
                   const std::vector<const char*>& names, const NetworkGroup& group, const VoteOf& vote_of) {
  Change change;
  for (const char* const name : names) {
    const Dialect* const dialect = dialect_of(dialects, name);
    const auto ends = dialect == nullptr ? std::nullopt : ends_of(results, name, group);
    if (!ends) continue;
    const Estimate gain = accuracy_gain(results, name, *ends);
    count(change.votes, vote_of(gain));
    change.texts.push_back(fmt::format("{}: {} to {}, a change of {}", recipe_on_weft(*dialect),
                                       percent_text(results.accuracy_of(name, ends->first->name)),
                                       percent_text(results.accuracy_of(name, ends->last->name)),
                                       points_text(gain)));
  }
  return change;
}

std::string sentence(std::string_view opening, const std::vector<std::string>& texts) {
  return texts.empty() ? "" : fmt::format("{}{}.", opening, fmt::join(texts, "; "));
}

/// Says no to a change only where a change of a point or more is ruled out, or it goes the other way.
Vote falls(const Estimate& gain) {
  const Vote vote = opposite(gains(gain));
  if (vote != Vote::neither) return vote;
  return gain.runs > 1 && gain.low() > -kPoint ? Vote::no : Vote::neither;
}

Vote rises(const Estimate& gain) {
  const Vote vote = gains(gain);
  if (vote != Vote::neither) return vote;
  return gain.runs > 1 && gain.high() < kPoint ? Vote::no : Vote::neither;
}

/// A change of less than a point either way.
Vote is_steady(const Estimate& gain) {
  if (gain.low() > -kPoint && gain.high() < kPoint) return Vote::yes;
  return gain.low() > kPoint || gain.high() < -kPoint ? Vote::no : Vote::neither;
}

PaperConclusion of_change(std::string number, std::string claim, const Change& change,
                          const std::string& more = "") {
  PaperConclusion one{.number = std::move(number), .claim = std::move(claim), .figures = kNothingRun};
  if (change.votes.all() == 0) return one;
  one.verdict = verdict_of(change.votes);
  one.figures = sentence("", change.texts) + more;
  return one;
}

PaperConclusion torch_and_tensorflow_fall(const Results& results, const std::vector<Dialect>& dialects) {
  const std::vector<const char*> names{"torch", "tensorflow"};
  const Change with_relu = change_with(results, dialects, names, kRelu, falls);
  return of_change("4", "With more layers Torch and TensorFlow lose accuracy (tanh).",
                   change_with(results, dialects, names, kTanh, falls),
                   sentence(" With ReLU: ", with_relu.texts));
}

/// Compares the framework that the paper found slowest, if it ran itself, with all others that did.
PaperConclusion deeplearning4j_is_slowest(const Results& results) {
  PaperConclusion one{.number = "6",
                      .claim = "Deeplearning4J is the slowest, in training and in prediction.",
                      .figures =
                          "The program itself did not run here, and how long its recipe takes on weft says "
                          "nothing of its speed."};
  const auto curves = results.frameworks();
  const auto it = std::ranges::find_if(
      curves, [](const Curve& curve) { return curve.title.starts_with("Deeplearning4J"); });
  if (it == curves.end()) return one;
  Votes votes;
  for (const Configuration& network : paper_configurations()) {
    for (const Metric metric : {Metric::train_seconds, Metric::predict_seconds}) {
      const Spread its = results.times_of(metric, it->name, network.name);
      for (const Curve& other : curves) {
        const Spread theirs = results.times_of(metric, other.name, network.name);
        if (other.name == it->name || its.runs == 0 || theirs.runs == 0) continue;
        count(votes, longer(theirs, its));
      }
    }
  }
  if (votes.all() == 0) return one;
  one.verdict = verdict_of(votes);
  one.figures = fmt::format("It takes longer than another framework in {} of {} comparisons, and less in {}.",
                            votes.yes, votes.all(), votes.no);
  return one;
}

/// The five recipes by their mean accuracy over all networks that all of them were run on.
std::vector<std::pair<double, const Dialect*>> by_accuracy(const Results& results,
                                                           const std::vector<const Dialect*>& recipes) {
  std::vector<std::pair<double, const Dialect*>> ranked;
  for (const Dialect* recipe : recipes) {
    double sum = 0.0;
    double networks = 0.0;
    for (const Configuration& network : paper_configurations()) {
      const bool by_all = std::ranges::all_of(
          recipes, [&](const Dialect* other) { return !results.runs(other->name, network.name).empty(); });
      if (!by_all) continue;
      sum += results.accuracy_of(recipe->name, network.name).mean;
      networks += 1.0;
    }
    if (networks > 0.0) ranked.emplace_back(sum / networks, recipe);
  }
  std::ranges::sort(ranked, [](const auto& a, const auto& b) {  // equal accuracies by name
    return a.first != b.first ? a.first > b.first : a.second->name < b.second->name;
  });
  return ranked;
}

PaperConclusion ranking(const Results& results, const std::vector<Dialect>& dialects) {
  PaperConclusion one{
      .number = "7",
      .claim =
          "By speed, accuracy and lines of code the order is Theano, TensorFlow, Caffe, Torch, "
          "Deeplearning4J.",
      .figures = kNothingRun};
  std::vector<const Dialect*> recipes;  // in the paper's order
  for (const char* const name : {"theano-keras", "tensorflow", "caffe", "torch", "deeplearning4j"}) {
    const Dialect* const dialect = dialect_of(dialects, name);
    const auto run = results.recipes();
    if (dialect != nullptr && std::ranges::find(run, name, &Curve::name) != run.end()) {
      recipes.push_back(dialect);
    }
  }
  const auto ranked = by_accuracy(results, recipes);
  if (ranked.size() < 2) return one;
  Votes votes;  // each pair of recipes votes on whether it is in the paper's order
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < ranked.size(); ++i) {
    texts.push_back(fmt::format("{} ({:.2f}%)", recipe_name(*ranked[i].second), 100.0 * ranked[i].first));
    for (std::size_t k = i + 1; k < ranked.size(); ++k) {
      const bool in_order =
          std::ranges::find(recipes, ranked[i].second) < std::ranges::find(recipes, ranked[k].second);
      const bool equal = ranked[i].first == ranked[k].first;
      count(votes, equal ? Vote::neither : in_order ? Vote::yes : Vote::no);
    }
  }
  one.verdict = verdict_of(votes);
  one.figures = fmt::format(
      "By accuracy alone, for one engine ran all recipes: {}. {} of {} pairs stand in the paper's order.",
      fmt::join(texts, ", "), votes.yes, votes.all());
  return one;
}

}  // namespace

const char* name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::confirmed:
      return "confirmed";
    case Verdict::contradicted:
      return "contradicted";
    case Verdict::not_confirmed:
      break;
  }
  return "not confirmed";
}

Verdict verdict_of(const Votes& votes) {
  if (votes.no == 0 && votes.yes > 0 && 4 * votes.yes >= 3 * votes.all()) return Verdict::confirmed;
  return 2 * votes.no > votes.all() ? Verdict::contradicted : Verdict::not_confirmed;
}

std::vector<PaperConclusion> judge_paper(const Results& results, const std::vector<Dialect>& dialects) {
  std::vector<PaperConclusion> all{depth_costs_time(results), width_costs_time(results)};
  for (PaperConclusion& part : relu_is_better(results)) all.push_back(std::move(part));
  all.push_back(torch_and_tensorflow_fall(results, dialects));
  all.push_back(of_change("5, falling", "With more units Caffe and Deeplearning4J lose accuracy.",
                          change_with(results, dialects, {"caffe", "deeplearning4j"}, kWidth, falls)));
  all.push_back(of_change("5, rising", "With more units TensorFlow and Torch gain accuracy.",
                          change_with(results, dialects, {"tensorflow", "torch"}, kWidth, rises)));
  all.push_back(of_change("5, steady", "Theano is as accurate with few units as with many.",
                          change_with(results, dialects, {"theano-keras"}, kWidth, is_steady)));
  all.push_back(deeplearning4j_is_slowest(results));
  all.push_back(ranking(results, dialects));
  return all;
}

std::string verdicts_sentence(const std::vector<PaperConclusion>& conclusions) {
  std::map<Verdict, int> counts;
  for (const PaperConclusion& one : conclusions) ++counts[one.verdict];
  return fmt::format(
      "Of the paper's seven conclusions, judged in {} parts: {} confirmed, {} not confirmed, {} "
      "contradicted.",
      conclusions.size(), counts[Verdict::confirmed], counts[Verdict::not_confirmed],
      counts[Verdict::contradicted]);
}

}  // namespace weft::mnist
