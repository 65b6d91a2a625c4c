#pragma once
// How the ranks of one job talk: processes on any number of machines, or simulated ranks, which are threads
// of one process. All ranks start the same exchanges in the same order; an exchange is started by each of
// them, goes on while they compute, and is finished by each. Exchanges that were started may be finished in
// any order.
//
// Threads: one thread at a time uses a rank's communicator.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "weft/graph/dtype.h"
#include "weft/ops/rank_reduction.h"

namespace weft {

enum class ExchangeKind : std::uint8_t {
  all_reduce,      // every rank gives `count` elements and gets `count`, reduced over all ranks
  reduce_scatter,  // every rank gives `count` elements for each rank and gets `count`, its own, reduced
  all_gather,      // every rank gives `count` elements and gets those of all, in the order of ranks
  all_to_all,  // every rank gives `count` elements for each rank and gets `count` from each, in their order
  broadcast,   // the root gives `count` elements, the others get them
  barrier,     // nobody finishes before all have started
};

/// "all_reduce", "barrier", ...
constexpr std::string_view name_of(ExchangeKind kind) {
  constexpr std::string_view kNames[] = {"all_reduce", "reduce_scatter", "all_gather",
                                         "all_to_all", "broadcast",      "barrier"};
  return kNames[static_cast<std::size_t>(kind)];
}

/// What one rank asks for. `in` and `out` stay the communicator's until the exchange is finished. They may be
/// the same memory for all_reduce and broadcast, and must not overlap otherwise.
struct Exchange {
  ExchangeKind kind = ExchangeKind::barrier;
  RankReduction reduction = RankReduction::sum;
  DType dtype = DType::f32;
  std::int64_t count = 0;  // elements, as the kind says
  std::int64_t root = 0;   // of a broadcast
  const std::byte* in = nullptr;
  std::byte* out = nullptr;
};

/// An exchange that was started.
using Ticket = std::int64_t;

class Communicator {
 public:
  Communicator() = default;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;
  Communicator(Communicator&&) = delete;
  Communicator& operator=(Communicator&&) = delete;
  virtual ~Communicator() = default;

  virtual std::int64_t rank() const = 0;  // from 0
  virtual std::int64_t size() const = 0;  // how many ranks there are, >= 1

  /// Starts an exchange and returns at once. Allocates nothing once as many exchanges have been on their way
  /// at a time. Throws Error(unsupported) for a dtype or reduction that cannot be, and what abort says, as
  /// the other two do.
  virtual Ticket start(const Exchange& exchange) = 0;
  /// Moves exchanges on and says whether this one is complete; it must still be finished.
  virtual bool test(Ticket ticket) = 0;
  /// Waits for the exchange. Throws Error(interrupted), with rank and cause, where a rank has
  /// aborted or has not come for longer than the communicator waits.
  virtual void finish(Ticket ticket) = 0;

  /// Ends the job on all ranks: each throws Error(interrupted) with this rank and `cause` from its next use
  /// of its communicator, or, where ranks are processes, ends with that message.
  virtual void abort(const std::string& cause) = 0;

  /// start and finish in one.
  void run(const Exchange& exchange) { finish(start(exchange)); }
};

/// Whether there are other ranks; false without a communicator.
inline bool has_peers(const Communicator* ranks) { return ranks != nullptr && ranks->size() > 1; }

}  // namespace weft
