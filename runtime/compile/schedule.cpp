#include "weft/runtime/compile/schedule.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "weft/runtime/compile/access.h"
#include "weft/runtime/compile/bodies.h"
#include "weft/runtime/ops/exchange_ops.h"

namespace weft {
namespace {

/// Which ready step goes first.
enum class Preference : std::uint8_t { oldest, least_memory };

/// Where steps run that are not cut.
enum class Homes : std::uint8_t { first_thread, spread };

// A rough machine, for choices among homes: what a step takes, and what a barrier does.
constexpr double kRoughFlops = 3e10;
constexpr double kRoughBytes = 2e10;
constexpr double kRoughBarrier = 1e-6;

double rough_seconds(const KernelChoice& kernel) {
  return kernel.work.flops / kRoughFlops + kernel.work.bytes / kRoughBytes;
}

/// The roughly estimated time from the first step to the last, of which cut steps take an equal share in each
/// thread.
double rough_seconds(const Lowered& lowered, const Schedule& schedule) {
  double seconds = kRoughBarrier * static_cast<double>(schedule.barriers());
  std::vector<double> alone(static_cast<std::size_t>(schedule.threads), 0.0);
  for (const Schedule::Entry& entry : schedule.order) {
    if (entry.barrier_before) {
      seconds += std::ranges::max(alone);
      std::ranges::fill(alone, 0.0);
    }
    const KernelChoice& kernel = lowered.kernels[entry.step];
    if (kernel.cut.extent <= 1) {
      alone[static_cast<std::size_t>(entry.home)] += rough_seconds(kernel);
    } else {
      seconds += rough_seconds(kernel) / schedule.threads;
    }
  }
  return seconds + std::ranges::max(alone);
}

bool is_start(const Lowered& lowered, std::size_t step) {
  return lowered.communicates[step] &&
         lowered.program.graph->node(lowered.steps[step]).op.is<ExchangeStart>();
}
bool is_finish(const Lowered& lowered, std::size_t step) {
  return lowered.communicates[step] &&
         lowered.program.graph->node(lowered.steps[step]).op.is<ExchangeFinish>();
}

class Scheduler {
 public:
  Scheduler(const Lowered& lowered, int threads, int shards, Preference preference, Homes homes)
      : lowered_(lowered), preference_(preference), alone_(static_cast<std::size_t>(threads), 0.0) {
    schedule_.threads = threads;
    schedule_.shards = shards > 0 ? shards : threads;
    // With fewer shards than threads some threads compute nothing.
    if (homes == Homes::spread && schedule_.shards >= threads) homes_ = threads;
    since_barrier_.resize(lowered.storages.size());
    reads_left_.resize(lowered.storages.size(), 0);
    schedule_.memory_of.resize(lowered.storages.size());
    std::iota(schedule_.memory_of.begin(), schedule_.memory_of.end(), 0);
    for (const NodeId id : lowered.steps) {
      std::map<std::size_t, std::size_t> times;
      for (const ValueId& input : lowered.program.graph->node(id).inputs) ++times[storage(input)];
      for (const auto& [read, count] : times) reads_left_[read] += count;
      reads_.emplace_back(times.begin(), times.end());
    }
    for (std::size_t step = 0; step < lowered.steps.size(); ++step) {
      starts_.push_back(is_start(lowered, step));
      finishes_.push_back(is_finish(lowered, step));
    }
  }

  /// The most bytes of the arena that were alive at once, with one thread.
  std::int64_t peak() const { return peak_; }

  Schedule run() {
    std::vector<std::size_t> waits(lowered_.steps.size());
    std::vector<std::vector<std::size_t>> next(lowered_.steps.size());
    auto fallible = std::ranges::count(lowered_.can_fail, true);
    std::vector<std::size_t> commits;  // steps that commit; they wait for all steps that can fail together
    for (std::size_t step = 0; step < lowered_.steps.size(); ++step) {
      if (lowered_.commits[step]) commits.push_back(step);
      waits[step] = lowered_.after[step].size() + (lowered_.commits[step] && fallible > 0 ? 1 : 0);
      if (waits[step] == 0) ready_.insert(step);
      for (const std::size_t before : lowered_.after[step]) next[before].push_back(step);
    }
    while (!ready_.empty() || !blocked_.empty()) {
      const std::size_t step = choose();
      const auto finish_for = [&](std::size_t later) {
        if (--waits[later] == 0) ready_.insert(later);
      };
      std::ranges::for_each(next[step], finish_for);
      if (lowered_.can_fail[step] && --fallible == 0) std::ranges::for_each(commits, finish_for);
    }
    if (schedule_.order.size() != lowered_.steps.size()) {
      throw Error(ErrorCode::internal, "the steps wait for each other in a circle");
    }
    return std::move(schedule_);
  }

 private:
  std::size_t choose() {
    // A step that needs a barrier now needs it until the next barrier, so it is looked at once for each
    // barrier.
    auto first = preferred();
    int home = kNowhere;
    while (first != ready_.end()) {
      home = home_of(*first);
      if (home != kNowhere && !may_wait(*first)) break;
      const bool sends = starts_[*first];
      blocked_.insert(ready_.extract(first));
      if (sends) blocked_.merge(ready_);  // what is sent goes at once, even where that takes a barrier
      first = preferred();
    }
    const bool barrier = ready_.empty();
    if (barrier) {
      ready_.swap(blocked_);
      for (const std::size_t storage : touched_) since_barrier_[storage].clear();
      touched_.clear();
      may_have_failed_ = false;
      std::ranges::fill(alone_, 0.0);
      ++phase_;
      first = preferred();
      home = home_of(*first);
    }
    const std::size_t chosen = *first;
    ready_.erase(first);
    if (is_whole(chosen)) alone_[static_cast<std::size_t>(home)] += rough_seconds(lowered_.kernels[chosen]);
    for (const Access& access : accesses_of(lowered_, chosen, home)) {
      auto& earlier = since_barrier_[access.storage];
      if (earlier.empty()) touched_.push_back(access.storage);
      if (std::ranges::find(earlier, access) == earlier.end()) earlier.push_back(access);
    }
    const std::int64_t freed = finish_reads(chosen);
    const std::int64_t shared = share_memory(chosen);
    count_memory(chosen, freed, shared);
    may_have_failed_ = may_have_failed_ || lowered_.can_fail[chosen];
    schedule_.order.push_back({.step = chosen, .barrier_before = barrier, .phase = phase_, .home = home});
    return chosen;
  }

  /// Whether the step would wait for other ranks while there are steps that compute.
  bool may_wait(std::size_t step) const {
    return finishes_[step] &&
           std::ranges::any_of(blocked_, [&](std::size_t other) { return !finishes_[other]; });
  }

  bool is_whole(std::size_t step) const { return lowered_.kernels[step].cut.extent <= 1; }

  static constexpr int kNowhere = -1;

  /// The thread in which the step can run before the next barrier; any, if it is cut; kNowhere if it must
  /// wait. Of several it is thread 0, unless the step is worth the barrier that others may then need before
  /// they read what it makes.
  int home_of(std::size_t step) const {
    if (schedule_.threads == 1) return 0;
    if (!is_whole(step) || lowered_.communicates[step]) return needs_barrier(step, 0) ? kNowhere : 0;
    constexpr double kWorthMoving = 5 * kRoughBarrier;
    const bool moves = rough_seconds(lowered_.kernels[step]) >= kWorthMoving;
    const auto load_of = [&](int home) { return alone_[static_cast<std::size_t>(home)]; };
    int best = kNowhere;
    for (int home = 0; home < homes_; ++home) {
      if (needs_barrier(step, home)) continue;
      if (best == kNowhere || (moves && load_of(home) < load_of(best))) best = home;
    }
    return best;
  }

  /// The step to look at first among the oldest ready steps; the end if there is none.
  std::set<std::size_t>::iterator preferred() {
    constexpr int kLookedAt = 16;
    // What is sent goes first, and what is waited for last.
    const auto sent = std::ranges::find_if(ready_, [&](std::size_t step) { return starts_[step]; });
    if (sent != ready_.end()) return sent;
    auto best = std::ranges::find_if(ready_, [&](std::size_t step) { return !finishes_[step]; });
    if (best == ready_.end()) return ready_.begin();
    if (preference_ == Preference::oldest || ready_.size() < 2) return best;
    std::int64_t least = growth(*best);
    int looked_at = 1;
    for (auto step = std::next(best); step != ready_.end() && looked_at < kLookedAt; ++step, ++looked_at) {
      const std::int64_t grown = growth(*step);
      if (grown >= least || finishes_[*step]) continue;
      least = grown;
      best = step;
    }
    return best;
  }

  std::int64_t arena_bytes(std::size_t storage) const {
    const Storage& place = lowered_.storages[storage];
    return place.place == Place::arena ? static_cast<std::int64_t>(place.bytes) : 0;
  }

  /// By how many bytes the step increases the arena's living values.
  std::int64_t growth(std::size_t step) const {
    const NodeId id = lowered_.steps[step];
    std::int64_t bytes = 0;
    for (const std::size_t made : lowered_.storage_of[id]) bytes += arena_bytes(made);
    for (const auto& [read, times] : reads_[step]) {
      if (reads_left_[read] == times) bytes -= arena_bytes(read);
    }
    return bytes;
  }

  std::size_t storage(const ValueId& id) const { return lowered_.storage_of[id.node][id.output]; }

  /// Returns how many bytes of the arena are not read after the step.
  std::int64_t finish_reads(std::size_t step) {
    std::int64_t freed = 0;
    for (const ValueId& input : lowered_.program.graph->node(lowered_.steps[step]).inputs) {
      if (--reads_left_[storage(input)] == 0) freed += arena_bytes(storage(input));
    }
    return freed;
  }

  /// Lets the step write its outputs over inputs that no later step needs; returns how many bytes are shared
  /// so.
  std::int64_t share_memory(std::size_t step) {
    const NodeId id = lowered_.steps[step];
    const Node& node = lowered_.program.graph->node(id);
    std::int64_t shared = 0;
    std::vector<std::size_t> given;
    for (const InPlace& pair : lowered_.kernels[step].in_place) {
      const std::size_t from = storage(node.inputs[pair.input]);
      const std::size_t to = lowered_.storage_of[id][pair.output];
      if (schedule_.memory_of[to] != to || std::ranges::find(given, from) != given.end()) continue;
      if (!may_overwrite(step, pair.output, from, to)) continue;
      schedule_.memory_of[to] = schedule_.memory_of[from];
      given.push_back(from);
      shared += arena_bytes(from);
    }
    // The tensors of an exchange lie side by side; memory is in one exchange only.
    for (std::size_t i = 0; starts_[step] && i < lowered_.storage_of[id].size(); ++i)
      exchanged_.insert(schedule_.memory_of[lowered_.storage_of[id][i]]);
    return shared;
  }

  void count_memory(std::size_t step, std::int64_t freed, std::int64_t shared) {
    for (const std::size_t made : lowered_.storage_of[lowered_.steps[step]]) alive_ += arena_bytes(made);
    peak_ = std::max(peak_, alive_ - shared);  // inputs and outputs are alive together
    alive_ -= freed;
  }

  bool may_overwrite(std::size_t step, std::size_t output, std::size_t from, std::size_t to) const {
    const Storage& old = lowered_.storages[from];
    const Storage& made = lowered_.storages[to];
    if (from == to || old.place != Place::arena || made.place != Place::arena || old.bytes != made.bytes)
      return false;
    if (reads_left_[from] > 0) return false;
    if (starts_[step] && exchanged_.contains(schedule_.memory_of[from])) return false;
    const Node& node = lowered_.program.graph->node(lowered_.steps[step]);
    const auto& allowed = lowered_.kernels[step].in_place;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const InPlace needed{.output = output, .input = i};
      if (storage(node.inputs[i]) == from && std::ranges::find(allowed, needed) == allowed.end())
        return false;
    }
    // Before the next barrier a thread must not overwrite rows that another thread may still read.
    return schedule_.threads == 1 || std::ranges::none_of(since_barrier_[to], [&](Access write) {
             write.storage = from;
             return std::ranges::any_of(since_barrier_[from],
                                        [&](const Access& earlier) { return conflict(earlier, write); });
           });
  }

  /// An update also waits until every thread knows that nothing failed.
  bool needs_barrier(std::size_t step, int home) const {
    if (lowered_.commits[step] && may_have_failed_) return true;
    return std::ranges::any_of(accesses_of(lowered_, step, home), [&](const Access& access) {
      return std::ranges::any_of(since_barrier_[access.storage],
                                 [&](const Access& earlier) { return conflict(earlier, access); });
    });
  }

  const Lowered& lowered_;
  Preference preference_;
  int homes_ = 1;              // threads that may be homes
  std::vector<double> alone_;  // by thread: rough seconds of the steps at home there since the last barrier
  Schedule schedule_;
  std::set<std::size_t> ready_;                     // steps that wait for no other step
  std::set<std::size_t> blocked_;                   // ready steps that need a barrier
  std::vector<std::vector<Access>> since_barrier_;  // by storage, without duplicates
  std::vector<std::size_t> touched_;
  std::vector<std::size_t> reads_left_;  // by storage: how many inputs of later steps it is
  std::vector<std::vector<std::pair<std::size_t, std::size_t>>> reads_;  // by step: storages, and how often
  std::int64_t alive_ = 0;                                               // bytes of the arena
  std::int64_t peak_ = 0;
  std::int64_t phase_ = 0;
  bool may_have_failed_ = false;  // since the last barrier
  std::vector<bool> starts_;      // by step: whether it starts an exchange
  std::vector<bool> finishes_;
  std::set<std::size_t> exchanged_;  // storages whose memory is part of an exchange
};

/// Notes behind which steps exchanges are under way.
void place_tests(const Lowered& lowered, Schedule& schedule) {
  std::vector<std::size_t> under_way;  // positions of starts
  for (std::size_t position = 0; position < schedule.order.size(); ++position) {
    Schedule::Entry& entry = schedule.order[position];
    if (const auto start = finished_by(lowered, schedule, position)) std::erase(under_way, *start);
    if (!lowered.communicates[entry.step]) entry.tests = under_way;
    if (is_start(lowered, entry.step)) under_way.push_back(position);
  }
}

}  // namespace

std::optional<std::size_t> finished_by(const Lowered& lowered, const Schedule& schedule,
                                       std::size_t position) {
  const std::size_t step = schedule.order[position].step;
  if (!is_finish(lowered, step)) return std::nullopt;
  const NodeId started = lowered.program.graph->node(lowered.steps[step]).inputs.back().node;
  for (std::size_t before = 0; before < position; ++before) {
    if (lowered.steps[schedule.order[before].step] == started) return before;
  }
  throw Error(ErrorCode::internal, "an exchange is finished that was not started");
}

std::size_t Schedule::barriers() const {
  return static_cast<std::size_t>(std::ranges::count_if(order, &Entry::barrier_before));
}

Schedule schedule(const Lowered& lowered, int threads, int shards) {
  Scheduler by_age(lowered, threads, shards, Preference::oldest, Homes::first_thread);
  Scheduler by_memory(lowered, threads, shards, Preference::least_memory, Homes::first_thread);
  Schedule usual = by_age.run();
  Schedule lean = by_memory.run();
  const bool better = by_memory.peak() < by_age.peak() && lean.barriers() <= usual.barriers();
  Schedule best = better ? std::move(lean) : std::move(usual);
  const auto with_bodies = [&](Schedule chosen) {
    plan_bodies(lowered, chosen);
    place_tests(lowered, chosen);
    return chosen;
  };
  if (threads == 1) return with_bodies(std::move(best));
  constexpr double kWorthSpreading = 0.95;
  Schedule spread = Scheduler(lowered, threads, shards,
                              better ? Preference::least_memory : Preference::oldest, Homes::spread)
                        .run();
  const bool sooner = rough_seconds(lowered, spread) < kWorthSpreading * rough_seconds(lowered, best);
  return with_bodies(std::move(sooner ? spread : best));
}

}  // namespace weft
