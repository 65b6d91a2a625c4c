#pragma once
// When each step of a plan began and ended in each thread, for the latest runs. The constructor allocates all
// memory; recording a step reads the clock twice. Internal to runtime/. Each thread writes its own row; the
// calling thread begins and ends runs.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace weft {

class Recorder {
 public:
  /// The time of one step in one thread, in nanoseconds of the steady clock. Between the end of one step and
  /// the beginning of the next the thread waited at a barrier. Where it had nothing to do, beginning and end
  /// are equal.
  struct Interval {
    std::int64_t begin = 0;
    std::int64_t end = 0;
  };

  Recorder(std::size_t steps, int threads);

  static std::int64_t now() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }

  void begin_run() {
    calls_[current()].begin = now();
    for (std::int64_t& time : completed()) time = 0;
  }
  /// Where thread 0 notes, for each step that started an exchange, when it saw that this was complete; 0: not
  /// yet.
  std::span<std::int64_t> completed() { return {completed_.data() + current() * steps_, steps_}; }
  /// Where a thread records its steps of the current run, in the order of the schedule.
  std::span<Interval> row(int thread) { return {intervals_.data() + offset(current(), thread), steps_}; }
  /// Keeps the run; without it, the next one takes its place.
  void end_run() { calls_[current()].end = now(), ++ended_; }

  /// How many runs are kept: the latest ones, up to a fixed number.
  std::size_t runs() const;
  int threads() const { return threads_; }
  /// Run 0 is the oldest that is kept.
  Interval call(std::size_t run) const { return calls_[slot(run)]; }
  std::span<const Interval> row(std::size_t run, int thread) const {
    return {intervals_.data() + offset(slot(run), thread), steps_};
  }
  std::span<const std::int64_t> completed(std::size_t run) const {
    return {completed_.data() + slot(run) * steps_, steps_};
  }

 private:
  std::size_t current() const { return ended_ % calls_.size(); }
  std::size_t slot(std::size_t run) const { return (ended_ - runs() + run) % calls_.size(); }
  std::size_t offset(std::size_t at, int thread) const {
    return (at * static_cast<std::size_t>(threads_) + static_cast<std::size_t>(thread)) * steps_;
  }

  std::size_t steps_;
  int threads_;
  std::size_t ended_ = 0;
  std::vector<Interval> calls_;  // for each slot
  std::vector<Interval> intervals_;
  std::vector<std::int64_t> completed_;  // for each slot and step
};

}  // namespace weft
