#include "weft/runtime/machine/thread_pool.h"

#include "weft/graph/error.h"
#include "weft/runtime/machine/onednn.h"
#include "weft/runtime/machine/processor.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace weft {
namespace {

constexpr int kSpins = 2000;       // about 50 us on a 3 GHz machine
constexpr int kRestAfter = 20000;  // looks before a worker without work sleeps

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

ThreadPool::ThreadPool(int threads) {
  if (threads < 1) {
    throw Error(ErrorCode::invalid_argument, "a session needs at least one thread",
                {.expected = "threads >= 1", .actual = std::to_string(threads)});
  }
  have_room_ = usable_processors() >= threads;
  for (int thread = 1; thread < threads; ++thread) workers_.emplace_back([this, thread] { serve(thread); });
}

ThreadPool::~ThreadPool() {
  stopping_.store(true, std::memory_order_relaxed);
  started_.fetch_add(1, std::memory_order_release);
  started_.notify_all();
}

void ThreadPool::serve(int thread) {
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

void ThreadPool::run(const std::function<void(int)>& work) {
  const OneDnnSingleThread single;
  if (workers_.empty()) {
    work(0);
    return;
  }
  work_ = &work;
  caller_at_.store(have_room_ ? current_processor() : -1, std::memory_order_relaxed);
  running_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
  started_.fetch_add(1, std::memory_order_release);
  started_.notify_all();
  work(0);
  SpinWait spin;
  while (running_.load(std::memory_order_acquire) != 0) spin.pause();
}

}  // namespace weft
