#pragma once
// Ctrl-C, and a batch system that wants the machine back, as a flag: what runs ends in good order and keeps
// what it has.

#include <atomic>

namespace weft::cli {

/// While it lives, SIGINT and SIGTERM set the flag and do nothing else. One at a time.
class InterruptWatch {
 public:
  InterruptWatch();
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;
  ~InterruptWatch();

  const std::atomic<bool>* flag() const;
};

}  // namespace weft::cli
