#pragma once
// What a training step takes on many ranks, predicted from what it takes on one and from two figures of a
// network. The step is run among imagined ranks, whose exchanges take no time, and notes when it starts and
// needs each of them; the prediction then lets them take the time that the network needs.
//
// It is a model: ranks are equally fast, and the network has no more than its few figures.

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "weft/runtime/ranks/communicator.h"

namespace weft::ranks {

/// When a step starts an exchange and when it waits for its end, in seconds since the step's begin, with
/// exchanges that take no time.
struct ExchangeTimes {
  ExchangeKind kind = ExchangeKind::all_reduce;
  double bytes = 0.0;  // that a rank gives; of reduce_scatter and all_to_all, to each rank
  double started = 0.0;
  double finished = 0.0;
};

struct StepTimes {
  double seconds = 0.0;                  // of the step, with exchanges that take no time
  std::vector<ExchangeTimes> exchanges;  // in the order in which they start
};

/// A network by Hockney's model: a message of n bytes takes latency + n / bytes_per_second.
struct Network {
  double latency = 20e-6;            // seconds
  double bytes_per_second = 1.25e9;  // 10 Gbit/s
  /// How much of its speed an exchange keeps while the rank computes, 0 to 1; what is left over is done when
  /// the rank waits for it.
  double progress = 1.0;
  /// How much of its speed an exchange has while the one before it is on its way, 0 to 1: what a link that is
  /// idle between messages does for another.
  double beside = 0.0;
};

/// Seconds of one exchange by the best of the usual algorithms, whose costs Thakur, Rabenseifner and Gropp
/// give (2005): recursive doubling for few bytes, halving and doubling, or a ring, for many.
double exchange_seconds(ExchangeKind kind, double bytes, std::int64_t ranks, const Network& network);

struct StepPrediction {
  double seconds = 0.0;        // of the step
  double communication = 0.0;  // seconds of all exchanges
  double waiting = 0.0;        // seconds that the rank waits for them
  /// The share of the communication that goes on while the rank computes; 1 where there is none.
  double overlap() const { return communication > 0.0 ? 1.0 - waiting / communication : 1.0; }
  /// The share of the time that is not waiting: how much of so many times one rank's speed the job has.
  double efficiency() const { return seconds > 0.0 ? 1.0 - waiting / seconds : 1.0; }
};

/// Exchanges go one after the other in the order in which they start, as far as `beside` says. Throws
/// Error(invalid_argument) unless ranks >= 1, latency >= 0, bytes_per_second > 0, 0 <= progress <= 1 and
/// 0 <= beside <= 1.
StepPrediction predict_step(const StepTimes& step, const Network& network, std::int64_t ranks);

/// Rank 0 among imagined ranks, whose exchanges take no time. What the others give is as if they gave zeros;
/// all_gather and all_to_all give this rank's own elements for theirs.
class ImaginedRanks final : public Communicator {
 public:
  explicit ImaginedRanks(std::int64_t size) : size_(size) {}

  std::int64_t rank() const override { return 0; }
  std::int64_t size() const override { return size_; }
  Ticket start(const Exchange& exchange) override;
  bool test(Ticket ticket) override;
  void finish(Ticket ticket) override;
  void abort(const std::string& cause) override;

  /// Calls `step` and says when it exchanged what.
  StepTimes run(const std::function<void()>& step);

 private:
  double now() const;

  std::int64_t size_;
  std::chrono::steady_clock::time_point begin_;
  std::vector<ExchangeTimes> times_;
};

/// Calls `step` `runs` times after a few others, and gives the medians. It must start the same exchanges of
/// `ranks` in each call.
StepTimes measure_step(ImaginedRanks& ranks, const std::function<void()>& step, int runs);

/// The figures of the network between the ranks of a job, from all_reduces of few and of many bytes, one at a
/// time and two together. All ranks call it; all get the same. With one rank the figures are the defaults.
Network measure_network(Communicator& communicator);

/// The size of buckets of gradients that suits such a network (CompileOptions::bucket_bytes).
std::int64_t bucket_bytes_for(const Network& network, std::int64_t ranks);

}  // namespace weft::ranks
