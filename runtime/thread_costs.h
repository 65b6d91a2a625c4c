#pragma once
// How many threads a plan deserves: a model of what its steps take against what it takes to bring threads
// together.

#include "weft/runtime/schedule.h"

namespace weft {

class ThreadPool;

/// In seconds, and per second for one thread.
struct ThreadCosts {
  double region = 0.0;   // to start the threads and to end together
  double barrier = 0.0;  // to wait for each other once
  double flops = 0.0;    // arithmetic of a product that lies in the caches
  double bytes = 0.0;    // traffic with the second-level cache
};

/// Measures them with the pool's threads, in about a millisecond. On a busy machine the best of several
/// tries counts, and no more than what a machine with processors to spare would take.
ThreadCosts measure_thread_costs(ThreadPool& pool);

/// The same, measured once in the process for each number of threads. Sessions in several threads may ask.
ThreadCosts thread_costs_of(ThreadPool& pool);

/// What a run of the schedule would take, in seconds.
double estimate_seconds(const Lowered& lowered, const Schedule& schedule, const ThreadCosts& costs);

/// The schedule for the number of threads, up to `most`, that the model says is fastest; for a tiny plan one.
/// More threads must promise a gain that is worth having.
Schedule schedule_by_cost(const Lowered& lowered, int most, int parts, const ThreadCosts& costs);

}  // namespace weft
