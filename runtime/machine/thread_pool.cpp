#include "weft/runtime/machine/thread_pool.h"

#include <string>
#include <thread>
#include <vector>

#include "weft/graph/error.h"
#include "weft/runtime/machine/fork.h"
#include "weft/runtime/machine/onednn.h"
#include "weft/runtime/machine/processor.h"
#include "weft/runtime/machine/signals.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace weft {
namespace {

constexpr int kSpins = 2000;       // about 50 us on a 3 GHz machine
constexpr int kRestAfter = 20000;  // how often a worker without work looks before it sleeps

void relax() {
#if defined(__x86_64__)
  _mm_pause();
#else
  std::this_thread::yield();
#endif
}

}  // namespace

void SpinWait::pause() {
  if (++looks_ < kSpins) {
    relax();
  } else {
    std::this_thread::yield();
  }
}

void Barrier::wait() {
  const std::uint32_t round = round_.load(std::memory_order_acquire);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == threads_) {
    arrived_.store(0, std::memory_order_relaxed);
    round_.fetch_add(1, std::memory_order_release);
    return;
  }
  SpinWait spin;
  while (round_.load(std::memory_order_acquire) == round) spin.pause();
}

/// The workers of one process.
class ThreadPool::Crew {
 public:
  explicit Crew(int threads) : have_room_(usable_processors() >= threads) {
    const SignalShield shield;  // the workers inherit it
    try {
      for (int thread = 1; thread < threads; ++thread)
        workers_.emplace_back([this, thread] { serve(thread); });
    } catch (...) {
      stop();
      throw;
    }
  }
  ~Crew() { stop(); }
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  void run(const std::function<void(int)>& work) {
    work_ = &work;
    caller_at_.store(have_room_ ? current_processor() : -1, std::memory_order_relaxed);
    running_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
    started_.fetch_add(1, std::memory_order_release);
    started_.notify_all();
    work(0);
    SpinWait spin;
    while (running_.load(std::memory_order_acquire) != 0) spin.pause();
  }

 private:
  void stop() {
    stopping_.store(true, std::memory_order_relaxed);
    started_.fetch_add(1, std::memory_order_release);
    started_.notify_all();
  }

  void serve(int thread) {
    const OneDnnSingleThread single;
    std::uint32_t seen = 0;
    while (true) {
      SpinWait spin;
      for (int look = 0; started_.load(std::memory_order_acquire) == seen; ++look) {
        if (look < kRestAfter) {
          spin.pause();
        } else {
          started_.wait(seen, std::memory_order_acquire);
        }
      }
      ++seen;
      if (stopping_.load(std::memory_order_relaxed)) return;
      keep_off(caller_at_.load(std::memory_order_relaxed));
      (*work_)(thread);
      running_.fetch_sub(1, std::memory_order_release);
    }
  }

  const std::function<void(int)>* work_ = nullptr;
  std::atomic<std::uint32_t> started_{0};  // regions begun; workers wait for it to change
  std::atomic<int> running_{0};            // workers that have not finished the region
  std::atomic<bool> stopping_{false};
  std::atomic<int> caller_at_{-1};  // the processor of the caller; below 0: unknown, or there are too few
  bool have_room_;                  // a processor for each thread
  std::vector<std::jthread> workers_;
};

namespace {

/// Returns the pool in its destructor.
class Turn {
 public:
  explicit Turn(std::atomic<std::uint32_t>& taken) : taken_(taken) {}
  ~Turn() { taken_.store(0, std::memory_order_release); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  std::atomic<std::uint32_t>& taken_;
};

}  // namespace

ThreadPool::ThreadPool(int threads) : threads_(threads) {
  if (threads < 1) {
    throw Error(ErrorCode::invalid_argument, "a session needs at least one thread",
                {.expected = "threads >= 1", .actual = std::to_string(threads)});
  }
  watch_forks();
  generation_ = process_generation();
  if (threads > 1) crew_ = std::make_unique<Crew>(threads);
}

ThreadPool::~ThreadPool() {
  // The parent's workers do not exist here and cannot be joined; the little memory that they held is lost.
  if (generation_ != process_generation()) static_cast<void>(crew_.release());
}

bool ThreadPool::try_run(const std::function<void(int)>& work) {
  const OneDnnSingleThread single;
  if (threads_ == 1) {
    work(0);
    return true;
  }
  const std::uint32_t own = process_generation();
  std::uint32_t taken = taken_.load(std::memory_order_relaxed);
  if (taken == own || !taken_.compare_exchange_strong(taken, own, std::memory_order_acquire)) return false;
  const Turn turn(taken_);
  if (generation_ != own) {
    static_cast<void>(crew_.release());
    generation_ = own;
  }
  if (!crew_) crew_ = std::make_unique<Crew>(threads_);
  crew_->run(work);
  return true;
}

void ThreadPool::run(const std::function<void(int)>& work) {
  SpinWait spin;
  while (!try_run(work)) spin.pause();
}

}  // namespace weft
