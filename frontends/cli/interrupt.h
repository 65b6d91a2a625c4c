#pragma once
// Turns Ctrl-C, and SIGTERM from a batch system, into a flag, so that a command can stop in good order and
// keep its results.

#include <atomic>
#include <csignal>
#include <thread>

namespace weft::cli {

/// While it lives, SIGINT and SIGTERM set the flag and do nothing else. They are blocked in the thread that
/// made it and in threads that this thread starts, and a separate thread waits for them, so no handler
/// interrupts a computation.
class InterruptWatch {
 public:
  InterruptWatch();
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;
  ~InterruptWatch();

  const std::atomic<bool>* flag() const { return &interrupted_; }

 private:
  std::atomic<bool> interrupted_{false};
  std::atomic<bool> ending_{false};
  sigset_t before_{};
  std::thread waiting_;
};

}  // namespace weft::cli
