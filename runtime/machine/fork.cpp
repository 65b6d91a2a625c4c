#include "weft/runtime/machine/fork.h"

#include <pthread.h>

#include "weft/graph/error.h"

namespace weft {

std::atomic<std::uint32_t> detail::process_generation{1};

namespace {
extern "C" void count_fork() { detail::process_generation.fetch_add(1, std::memory_order_relaxed); }
}  // namespace

void watch_forks() {
  static const int registered = ::pthread_atfork(nullptr, nullptr, count_fork);
  static_cast<void>(registered);
}

void throw_in_use_at_fork() {
  throw Error(ErrorCode::busy,
              "another thread was using this session when the process was forked; make a new session in the "
              "child process");
}

void ForkAwareMutex::lock() {
  const std::uint32_t own = weft::process_generation();
  while (true) {
    std::uint32_t holder = 0;
    if (holder_.compare_exchange_strong(holder, own, std::memory_order_acquire)) return;
    if (holder != own) throw_in_use_at_fork();
    holder_.wait(holder, std::memory_order_relaxed);
  }
}

void ForkAwareMutex::unlock() {
  holder_.store(0, std::memory_order_release);
  holder_.notify_one();
}

}  // namespace weft
