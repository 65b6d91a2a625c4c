#pragma once
// Ctrl-C, and a batch system that wants the machine back, as a flag: what runs ends in good order and keeps
// what it has.

#include <atomic>
#include <csignal>
#include <thread>

namespace weft::cli {

/// While it lives, SIGINT and SIGTERM set the flag and do nothing else. They are blocked in the thread that
/// made it, and in threads that this one starts, and a thread of its own waits for them: no handler
/// interrupts what runs.
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
