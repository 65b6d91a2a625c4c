#include "weft/bench/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <thread>

namespace weft::bench {
namespace {

constexpr double kOutOfTheRunning = 1.5;
constexpr std::string_view kJudgedPeer = "PyTorch";

struct NamedMetric {
  Metric metric;
  std::string_view name;
  double reference_bound;   // weft dense / by hand, at most; 0: not judged
  double dense_peer_bound;  // the peer's best / the best of weft dense, at least
  double peer_bound;        // the peer's best / weft's best, at least
  int turns;                // of each contestant in a round: more for what takes milliseconds
};
constexpr std::array kMetrics{NamedMetric{&Measured::train, "training", 1.05, 2.5, 4.0, 1},
                              NamedMetric{&Measured::predict, "prediction", 1.05, 1.5, 2.0, 5},
                              NamedMetric{&Measured::latency, "latency", 0.0, 3.0, 3.0, 1}};
constexpr std::int64_t kWide = 512;
constexpr double kWideDenseTrainingBound = 2.0;
constexpr double kWideTrainingBound = 3.0;
constexpr double kTwoThreadsBound = 1.5;
constexpr double kAddedThreadsBound = 1.05;

/// Whether another setting of the same peer was so much faster in the first round that this one is not its
/// best.
bool out_of_the_running(const Comparison& comparison, const Measured& one, Metric metric) {
  if (one.threads != 0) return false;
  return std::ranges::any_of(comparison.contestants, [&](const Measured& other) {
    return other.name == one.name &&
           (one.*metric).rounds.front() > kOutOfTheRunning * (other.*metric).rounds.front();
  });
}

Measured first_round(Contestant& contestant) {
  Measured measured{.name = contestant.name(),
                    .setting = contestant.setting(),
                    .threads = contestant.threads(),
                    .train = {},
                    .predict = {},
                    .latency = {}};
  const Epoch epoch = contestant.train_epoch();
  measured.loss = epoch.loss;
  measured.train.rounds.push_back(epoch.seconds);
  contestant.predict_seconds();
  measured.predict.rounds.push_back(contestant.predict_seconds());
  measured.latency.rounds.push_back(contestant.latency_us());
  return measured;
}

double measure(Contestant& contestant, Metric metric) {
  if (metric == &Measured::train) {
    contestant.train_epoch();  // to have its own data in the caches, and not those of whose turn was before
    return contestant.train_epoch().seconds;
  }
  return metric == &Measured::predict ? contestant.predict_seconds() : contestant.latency_us();
}

const Measured* find(const Comparison& comparison, std::string_view name, int threads) {
  const auto found = std::ranges::find_if(comparison.contestants, [&](const Measured& one) {
    return one.name == name && one.threads == threads;
  });
  return found == comparison.contestants.end() ? nullptr : &*found;
}

void add_reference_targets(const Comparison& comparison, std::vector<Target>& targets) {
  for (const NamedMetric& metric : kMetrics) {
    for (const Measured& engine : comparison.contestants) {
      const Measured* reference = find(comparison, kReferenceName, engine.threads);
      if (metric.reference_bound == 0.0 || engine.name != kDenseName || reference == nullptr) continue;
      targets.push_back(
          {.what = fmt::format("{}, {}: {} / {}", metric.name, engine.setting, kDenseName, kReferenceName),
           .value = ratio(engine.*metric.metric, reference->*metric.metric),
           .bound = metric.reference_bound});
    }
  }
}

void add_thread_target(const Comparison& comparison, std::vector<Target>& targets) {
  const auto& layers = comparison.configuration.layers;
  const Measured* one = find(comparison, kDenseName, 1);
  const Measured* two = find(comparison, kDenseName, 2);
  const bool judged =
      layers == std::vector<std::int64_t>(4, 100) || layers == std::vector<std::int64_t>{1024};
  if (!judged || one == nullptr || two == nullptr) return;
  targets.push_back({.what = "training: weft dense with 1 thread / with 2",
                     .value = ratio(one->train, two->train),
                     .bound = kTwoThreadsBound,
                     .at_most = false});
}

/// Threads that are added may not slow down either engine.
void add_added_threads_targets(const Comparison& comparison, std::vector<Target>& targets) {
  for (const NamedMetric& metric : kMetrics) {
    for (const std::string_view name : {kEngineName, kDenseName}) {
      const Measured* one = find(comparison, name, 1);
      const Measured* two = find(comparison, name, 2);
      if (metric.reference_bound == 0.0 || one == nullptr || two == nullptr) continue;
      targets.push_back({.what = fmt::format("{}: {} with 2 threads / with 1", metric.name, name),
                         .value = ratio(two->*metric.metric, one->*metric.metric),
                         .bound = kAddedThreadsBound});
    }
  }
}

/// What skipping zeros gains on MNIST, where it says so for this network.
std::optional<double> zeros_bound(const mnist::Configuration& configuration) {
  using Layers = std::vector<std::int64_t>;
  constexpr double kNarrowBound = 0.60;
  constexpr double kOtherBound = 0.75;
  const Layers& layers = configuration.layers;
  if (layers == Layers{64} || layers == Layers{100}) return kNarrowBound;
  if (layers == Layers(4, 100) || layers == Layers{1024}) return kOtherBound;
  return std::nullopt;
}

void add_zeros_target(const Comparison& comparison, std::vector<Target>& targets) {
  const auto bound = zeros_bound(comparison.configuration);
  const Measured* engine = best_of(comparison, kEngineName, &Measured::train);
  const Measured* dense = best_of(comparison, kDenseName, &Measured::train);
  if (!bound || engine == nullptr || dense == nullptr) return;
  targets.push_back({.what = fmt::format("training: {}'s best / {}'s best", kEngineName, kDenseName),
                     .value = ratio(engine->train, dense->train),
                     .bound = *bound});
}

void add_peer_targets(const Comparison& comparison, std::vector<Target>& targets) {
  const bool wide = std::ranges::max(comparison.configuration.layers) >= kWide;
  for (const NamedMetric& metric : kMetrics) {
    const bool wide_training = wide && metric.metric == &Measured::train;
    const Measured* peer = best_of(comparison, kJudgedPeer, metric.metric);
    const auto judge = [&](std::string_view engine_name, double bound) {
      const Measured* engine = best_of(comparison, engine_name, metric.metric);
      if (peer == nullptr || engine == nullptr) return;
      targets.push_back(
          {.what = fmt::format("{}: {}'s best / {}'s best", metric.name, kJudgedPeer, engine_name),
           .value = ratio(peer->*metric.metric, engine->*metric.metric),
           .bound = bound,
           .at_most = false});
    };
    judge(kDenseName, wide_training ? kWideDenseTrainingBound : metric.dense_peer_bound);
    judge(kEngineName, wide_training ? kWideTrainingBound : metric.peer_bound);
  }
}

}  // namespace

double Samples::median() const {
  std::vector<double> sorted = rounds;
  std::ranges::sort(sorted);
  const std::size_t middle = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2.0;
}

Comparison compare(const mnist::Configuration& configuration,
                   const std::vector<std::unique_ptr<Contestant>>& contestants, int rounds,
                   std::chrono::milliseconds pause) {
  Comparison comparison{.configuration = configuration, .contestants = {}};
  for (const auto& contestant : contestants) contestant->network(configuration);
  for (const auto& contestant : contestants) {
    std::this_thread::sleep_for(pause);
    comparison.contestants.push_back(first_round(*contestant));
  }
  const std::vector<Measured> warm_up = comparison.contestants;
  for (const NamedMetric& metric : kMetrics) {
    std::vector<std::size_t> running;
    for (std::size_t i = 0; i < contestants.size(); ++i) {
      if (!out_of_the_running({configuration, warm_up}, warm_up[i], metric.metric)) running.push_back(i);
    }
    for (const std::size_t i : running) (comparison.contestants[i].*metric.metric).rounds.clear();
    for (int turn = 0; turn < rounds * metric.turns; ++turn) {
      for (const std::size_t i : running) {
        std::this_thread::sleep_for(pause);
        (comparison.contestants[i].*metric.metric).rounds.push_back(measure(*contestants[i], metric.metric));
      }
    }
  }
  return comparison;
}

const Measured* best_of(const Comparison& comparison, std::string_view name, Metric metric) {
  const Measured* best = nullptr;
  for (const Measured& one : comparison.contestants) {
    if (one.name != name) continue;
    if (best == nullptr || (one.*metric).median() < (best->*metric).median()) best = &one;
  }
  return best;
}

double ratio(const Samples& a, const Samples& b) {
  if (a.rounds.size() != b.rounds.size()) return a.median() / b.median();
  Samples ratios;
  for (std::size_t i = 0; i < a.rounds.size(); ++i) ratios.rounds.push_back(a.rounds[i] / b.rounds[i]);
  return ratios.median();
}

std::vector<Target> targets_of(const Comparison& comparison) {
  std::vector<Target> targets;
  add_reference_targets(comparison, targets);
  add_thread_target(comparison, targets);
  add_added_threads_targets(comparison, targets);
  add_zeros_target(comparison, targets);
  add_peer_targets(comparison, targets);
  return targets;
}

double loss_difference(const Comparison& comparison) {
  double largest = 0.0;
  for (const Measured& engine : comparison.contestants) {
    const Measured* reference = find(comparison, kReferenceName, engine.threads);
    if (engine.name != kDenseName || reference == nullptr) continue;
    largest = std::max(largest, std::abs(engine.loss - reference->loss) / reference->loss);
  }
  return largest;
}

}  // namespace weft::bench
