#include "weft/bench/reference_crew.h"

#include <immintrin.h>

#include "weft/runtime/machine/processor.h"

extern "C" {
int omp_get_max_threads();
void omp_set_num_threads(int);
}

namespace weft::bench {
namespace {

constexpr int kSpins = 2000;

class SingleOmpThread {
 public:
  SingleOmpThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~SingleOmpThread() { omp_set_num_threads(before_); }
  SingleOmpThread(const SingleOmpThread&) = delete;
  SingleOmpThread& operator=(const SingleOmpThread&) = delete;

 private:
  int before_;
};

}  // namespace

ReferenceCrew::ReferenceCrew(int threads) : size_(threads) {
  threads_.reserve(static_cast<std::size_t>(threads - 1));
  for (int thread = 1; thread < threads; ++thread) {
    threads_.emplace_back([this, thread](const std::stop_token& stop) { serve(stop, thread); });
  }
}

void ReferenceCrew::run(const std::function<void(int)>& work) {
  const SingleOmpThread single;
  if (size_ > 1) {
    const std::lock_guard lock(mutex_);
    work_ = &work;
    caller_at_ = usable_processors() >= size_ ? current_processor() : -1;
    ++jobs_;
  }
  wake_.notify_all();
  work(0);
  meet();
}

void ReferenceCrew::serve(const std::stop_token& stop, int thread) {
  omp_set_num_threads(1);
  for (std::uint64_t done = 0;; ++done) {
    const std::function<void(int)>* work = nullptr;
    int caller_at = -1;
    {
      std::unique_lock lock(mutex_);
      if (!wake_.wait(lock, stop, [&] { return jobs_ > done; })) return;
      work = work_;
      caller_at = caller_at_;
    }
    keep_off(caller_at);
    (*work)(thread);
    meet();
  }
}

void ReferenceCrew::meet() noexcept {
  if (size_ == 1) return;
  const std::uint32_t meeting = meetings_.load(std::memory_order_acquire);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == size_) {
    arrived_.store(0, std::memory_order_relaxed);
    meetings_.store(meeting + 1, std::memory_order_release);
    return;
  }
  for (int spin = 0; meetings_.load(std::memory_order_acquire) == meeting; ++spin) {
    if (spin < kSpins) {
      _mm_pause();
    } else {
      std::this_thread::yield();
    }
  }
}

}  // namespace weft::bench
