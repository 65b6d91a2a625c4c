#pragma once
// How many threads a plan deserves: a model that weighs the time of its steps against the time that threads
// need to start, to wait for each other, and to read what others wrote.

#include <chrono>
#include <functional>
#include <map>

#include "weft/runtime/compile/schedule.h"

namespace weft {

class ThreadPool;

/// What threads cost on this machine. Times are in seconds, rates per second of one thread.
struct ThreadCosts {
  double region = 0.0;    // to start the threads and to end together
  double barrier = 0.0;   // to wait for each other once
  double flops = 0.0;     // arithmetic of a product that lies in the caches
  double bytes = 0.0;     // traffic with the second-level cache
  double exchange = 0.0;  // seconds for a byte that one thread writes and another reads, in every run
};

/// Measures the costs with the pool's threads, in about a millisecond; each is the best of several tries.
ThreadCosts measure_thread_costs(ThreadPool& pool);

/// Replaces what cannot be right by usual values: a region, a barrier or an exchange that took longer than on
/// any idle machine, or an exchange of negative time. Then another program had a processor while we measured,
/// which says nothing of later runs.
ThreadCosts believable(ThreadCosts measured);

/// Keeps measured costs for each number of threads for as long as they are fresh: the system may move threads
/// to processors that share no cache. One thread at a time.
class FreshThreadCosts {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kFresh{1};

  /// The costs measured less than kFresh before `now`; measures anew where there are none.
  ThreadCosts at(Clock::time_point now, int threads, const std::function<ThreadCosts()>& measure);

 private:
  struct Measured {
    ThreadCosts costs;
    Clock::time_point when;
  };
  std::map<int, Measured> known_;
};

/// The pool's costs as they are now. Costs belong to the machine, so sessions that a thread makes one after
/// the other share them.
ThreadCosts thread_costs_of(ThreadPool& pool);

/// The estimated time of a run of the schedule, in seconds: its steps, its barriers, and the bytes that move
/// from one thread's cache to another's.
double estimate_seconds(const Lowered& lowered, const Schedule& schedule, const ThreadCosts& costs);

/// The schedule for the number of threads, at most `most`, that the model expects to be fastest; for a tiny
/// plan that is one thread. A further thread must promise a gain that is worth having.
Schedule schedule_by_cost(const Lowered& lowered, int most, int shards, const ThreadCosts& costs);

}  // namespace weft
