#pragma once
// The threads of the reference loop. A crew of n is n - 1 threads that sleep between jobs, and the caller.
// All of them hold oneDNN (an OpenMP build) to one thread each; the caller's own OpenMP setting is restored
// when the job is done. One thread at a time may call run().

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

namespace weft::bench {

class ReferenceCrew {
 public:
  /// threads >= 1. Throws std::system_error when the system gives no more threads.
  explicit ReferenceCrew(int threads);

  int size() const { return size_; }

  /// Calls work(0) here and work(1), ..., work(size - 1) in the other threads; returns when all are done.
  /// `work` must not throw.
  void run(const std::function<void(int)>& work);

  /// To be called by all threads of a job: nobody leaves before all have come. Spins for some microseconds,
  /// then yields, because on a shared machine the partner may have lost its core.
  void meet() noexcept;

 private:
  void serve(const std::stop_token& stop, int thread);

  int size_;
  std::atomic<int> arrived_{0};
  std::atomic<std::uint32_t> meetings_{0};
  std::mutex mutex_;
  std::condition_variable_any wake_;
  const std::function<void(int)>* work_ = nullptr;
  int caller_at_ = -1;  // the caller's processor, which the others leave to it; below 0: there are too few
  std::uint64_t jobs_ = 0;
  std::vector<std::jthread> threads_;  // last, so that they end while the rest still lives
};

}  // namespace weft::bench
