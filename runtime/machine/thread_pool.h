#pragma once
// A session's own threads. `run` is one parallel region: the calling thread is thread 0. A pool serves one
// caller at a time; two pools are independent. oneDNN works single-threaded in all of a pool's threads.

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

namespace weft {

/// Spins for about `kSpins` looks, then yields the processor between looks: a busy machine is not stalled.
class SpinWait {
 public:
  void pause();

 private:
  int looks_ = 0;
};

/// Where the threads of one region wait for each other. Reusable at once.
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

  int threads() const noexcept { return static_cast<int>(workers_.size()) + 1; }

  /// Calls `work(t)` once in each thread t and returns when all are done. `work` must not throw.
  void run(const std::function<void(int)>& work);

 private:
  void serve(int thread);

  const std::function<void(int)>* work_ = nullptr;
  std::atomic<std::uint32_t> started_{0};  // regions begun; workers wait for it to change
  std::atomic<int> running_{0};            // workers that have not finished the region
  std::atomic<bool> stopping_{false};
  std::atomic<int> caller_at_{-1};  // the processor of the caller; below 0: unknown, or there are too few
  bool have_room_ = false;          // a processor for each thread
  std::vector<std::jthread> workers_;
};

}  // namespace weft
