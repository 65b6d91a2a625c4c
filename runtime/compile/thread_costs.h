#pragma once
// How many threads a plan deserves: a model of what its steps take against what it takes to bring threads
// together.

#include <chrono>
#include <functional>
#include <map>

#include "weft/runtime/compile/schedule.h"

namespace weft {

class ThreadPool;

/// In seconds, and per second for one thread.
struct ThreadCosts {
  double region = 0.0;    // to start the threads and to end together
  double barrier = 0.0;   // to wait for each other once
  double flops = 0.0;     // arithmetic of a product that lies in the caches
  double bytes = 0.0;     // traffic with the second-level cache
  double exchange = 0.0;  // a byte that one thread writes again and again and another reads, in seconds
};

/// Measures them with the pool's threads, in about a millisecond. The best of several tries counts.
ThreadCosts measure_thread_costs(ThreadPool& pool);

/// The same, but for a region, a barrier or an exchange that took longer than on any idle machine, or an
/// exchange in less time than nothing: then somebody else had a processor just at that time, which says
/// nothing of later runs, and they get usual values.
ThreadCosts believable(ThreadCosts measured);

/// Costs for each number of threads while they are fresh: whether threads share a cache is for the system to
/// say, which may move them. One thread at a time.
class FreshThreadCosts {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kFresh{1};

  /// What was measured less than kFresh before `now`, or else `measure` gives.
  ThreadCosts at(Clock::time_point now, int threads, const std::function<ThreadCosts()>& measure);

 private:
  struct Measured {
    ThreadCosts costs;
    Clock::time_point when;
  };
  std::map<int, Measured> known_;
};

/// The pool's costs as they are now. They belong to the machine, so that sessions that a thread makes one
/// after the other share them.
ThreadCosts thread_costs_of(ThreadPool& pool);

/// What a run of the schedule would take, in seconds: its steps, the barriers, and the way of what one thread
/// writes to the cache of another.
double estimate_seconds(const Lowered& lowered, const Schedule& schedule, const ThreadCosts& costs);

/// The schedule for the number of threads, up to `most`, that the model says is fastest; for a tiny plan one.
/// More threads must promise a gain that is worth having.
Schedule schedule_by_cost(const Lowered& lowered, int most, int parts, const ThreadCosts& costs);

}  // namespace weft
