#pragma once
// Safety in forked processes. A child does not have its parent's other threads, and what they were using at
// the moment of the fork may be half changed. weft marks what is in use with the generation of the process,
// so that a child can tell its own marks from inherited ones.

#include <atomic>
#include <cstdint>

namespace weft {

namespace detail {
extern std::atomic<std::uint32_t> process_generation;
}

/// Must be called once before generations are compared; further calls do nothing.
void watch_forks();

/// 1 in the process that started; a child has one more than its parent.
inline std::uint32_t process_generation() noexcept {
  return detail::process_generation.load(std::memory_order_relaxed);
}

/// A mutex that never makes a forked child wait for a thread of its parent.
class ForkAwareMutex {
 public:
  ForkAwareMutex() { watch_forks(); }
  ForkAwareMutex(const ForkAwareMutex&) = delete;
  ForkAwareMutex& operator=(const ForkAwareMutex&) = delete;
  ~ForkAwareMutex() = default;

  /// Throws Error(busy) in a child if another thread held it when the process was forked, since what it
  /// guards may be half changed.
  void lock();
  void unlock();

 private:
  std::atomic<std::uint32_t> holder_{0};  // the generation of the process that holds it; 0: none
};

/// The error that both the mutex and the arenas throw.
[[noreturn]] void throw_in_use_at_fork();

}  // namespace weft
