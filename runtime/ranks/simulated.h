#pragma once
// A job whose ranks are threads of this process: several ranks in one program, for tests and under a
// debugger.
//
//   simulate(4, [](const std::shared_ptr<Communicator>& ranks) {
//     Session session(graph, {.communicator = ranks});
//     ...
//   });
//
// Sums are added in the order of ranks, so that the same ranks give the same bits. Ranks that ask for
// different exchanges, or that end while others wait for them, end the job with an error that says so.

#include <chrono>
#include <functional>
#include <memory>

#include "weft/runtime/ranks/communicator.h"

namespace weft {

struct SimulationOptions {
  /// How long a rank waits for the others, before the job ends with an error that names those that are
  /// missing.
  std::chrono::milliseconds wait_limit{60'000};
  /// A network to imitate: an exchange is complete so long after the last rank has started it.
  double latency = 0.0;           // seconds
  double bytes_per_second = 0.0;  // of what a rank gives; 0: without limit
};

/// What a rank does. Each has a graph and a session of its own: a graph is built by one thread at a time.
using RankBody = std::function<void(const std::shared_ptr<Communicator>& communicator)>;

/// Runs `body` once for each rank, each in a thread of its own, and returns when all have ended. Where one
/// throws, the job ends on all ranks, and what the first threw is thrown here as an Error of the same code
/// whose message begins with the rank ("rank 2: ..."). Throws Error(invalid_argument) unless ranks >= 1.
void simulate(int ranks, const RankBody& body, const SimulationOptions& options = {});

}  // namespace weft
