#pragma once
// A session's own threads. A region is one piece of work for all of them: the calling thread is thread 0. One
// region runs at a time; two pools are independent. oneDNN works single-threaded in all of a pool's threads,
// and the workers block signals. In a forked child the workers are started anew with the first region.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

namespace weft {

/// Spins for about `kSpins` looks and then yields the processor between looks, so that a busy machine is not
/// stalled.
class SpinWait {
 public:
  void pause();

 private:
  int looks_ = 0;
};

/// Where the threads of one region wait for each other. It can be used again at once.
class Barrier {
 public:
  explicit Barrier(int threads) : threads_(threads) {}
  void wait();

 private:
  int threads_;
  std::atomic<int> arrived_{0};
  std::atomic<std::uint32_t> round_{0};
};

class ThreadPool {
 public:
  /// `threads` >= 1, the caller included.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const noexcept { return threads_; }

  /// Calls `work(t)` once in each thread t and returns true when all are done; false, at once, while another
  /// caller's region runs. `work` must not throw.
  bool try_run(const std::function<void(int)>& work);
  /// The same, but waits for the other caller's region.
  void run(const std::function<void(int)>& work);

 private:
  class Crew;

  int threads_;
  std::atomic<std::uint32_t> taken_{0};  // the generation of the process whose region runs; 0: none
  std::uint32_t generation_ = 0;         // of the process that the crew belongs to
  std::unique_ptr<Crew> crew_;           // null for one thread
};

}  // namespace weft
