#include "weft/runtime/run/arena_pool.h"

#include <algorithm>

#include "weft/graph/error.h"
#include "weft/runtime/machine/fork.h"
#include "weft/runtime/machine/thread_pool.h"

namespace weft {
namespace {

[[noreturn]] void throw_busy() {
  throw Error(
      ErrorCode::busy,
      "another thread is using this session, and one of the two calls changes it; calls with updates or "
      "random numbers, and set and load, are made one at a time");
}

/// The number of the arena that this thread used last, in any pool. If each thread keeps to its own arena, it
/// finds it in its caches. Only speed depends on it.
thread_local std::size_t preferred = 0;

}  // namespace

void Arena::reserve(std::size_t bytes, int threads, std::size_t scratch_bytes) {
  const auto fits = [](const Tensor& block, std::size_t needed) {
    return !block.empty() && block.bytes() >= needed;
  };
  const auto grow = [&](Tensor& block, std::size_t needed) {
    if (fits(block, needed)) return;
    ++version_;
    block = Tensor();
    block = Tensor::uninitialized(DType::u8, {static_cast<std::int64_t>(needed)});
  };
  grow(block_, bytes);
  const auto count = std::max(scratch_.size(), static_cast<std::size_t>(threads));
  scratch_.resize(count);
  for (std::size_t thread = 0; thread < static_cast<std::size_t>(threads); ++thread)
    grow(scratch_[thread], scratch_bytes);
}

ArenaPool::ArenaPool(int most) : slots_(static_cast<std::size_t>(most)) { watch_forks(); }

bool ArenaPool::take(std::size_t at) {
  // An arena that a thread of the parent process held at a fork stays taken, since it may be half changed.
  std::atomic<std::uint32_t>& taken = slots_[at].taken;
  std::uint32_t free = 0;
  return taken.load(std::memory_order_relaxed) == 0 &&
         taken.compare_exchange_strong(free, process_generation(), std::memory_order_seq_cst);
}

std::size_t ArenaPool::take_any(std::size_t first) {
  const std::size_t used = used_.load(std::memory_order_relaxed);
  for (std::size_t i = 0, at = first < used ? first : 0; i < used; ++i, at = at + 1 < used ? at + 1 : 0) {
    if (take(at)) return at;
  }
  for (std::size_t at = used; at < slots_.size(); ++at) {
    std::size_t known = used_.load();
    while (known < at + 1 && !used_.compare_exchange_weak(known, at + 1)) {
    }
    if (take(at)) return at;
  }
  return kNone;
}

// A reader takes its slot and then looks for a writer; a writer announces itself and then looks at the slots.
// All four are sequentially consistent, so that at least one of the two sees the other.
ArenaPool::Lease ArenaPool::read() {
  while (true) {
    const std::size_t at = take_any(preferred);
    if (at != kNone) {
      Lease lease(this, at, false);
      expect_no_writer();
      preferred = at;
      return lease;
    }
    expect_no_writer();
    wait_for_one();
  }
}

ArenaPool::Lease ArenaPool::write() {
  std::uint32_t nobody = 0;
  while (!writing_.compare_exchange_strong(nobody, process_generation())) {
    expect_no_writer();
    nobody = 0;
  }
  const std::size_t at = take_any(0);
  if (at == kNone) {
    writing_.store(0, std::memory_order_release);
    throw_busy();
  }
  Lease lease(this, at, true);
  if (!others_are_done(at)) throw_busy();
  version_.fetch_add(1, std::memory_order_relaxed);
  return lease;
}

void ArenaPool::expect_no_writer() const {
  const std::uint32_t writer = writing_.load();
  if (writer == 0) return;
  if (writer != process_generation()) throw_in_use_at_fork();
  throw_busy();
}

bool ArenaPool::others_are_done(std::size_t own) const {
  const std::size_t used = used_.load();
  for (std::size_t at = 0; at < used; ++at) {
    if (at == own) continue;
    // A reader that came too late is about to see the writer and to leave.
    constexpr int kLooks = 200;
    SpinWait spin;
    for (int look = 0; slots_[at].taken.load() == process_generation(); ++look) {
      if (look == kLooks) return false;
      spin.pause();
    }
  }
  return true;
}

void ArenaPool::give_back(std::size_t at, bool writes) {
  if (writes) writing_.store(0, std::memory_order_release);
  slots_[at].taken.store(0);
  if (waiting_.load() == 0) return;
  returned_.fetch_add(1);
  returned_.notify_all();
}

void ArenaPool::wait_for_one() {
  const std::uint32_t own = process_generation();
  const auto taken_at_fork = [&](const Slot& slot) {
    const std::uint32_t taken = slot.taken.load();
    return taken != 0 && taken != own;
  };
  if (std::ranges::all_of(slots_, taken_at_fork)) throw_in_use_at_fork();
  const std::uint32_t before = returned_.load();
  waiting_.fetch_add(1);
  const bool none = std::ranges::none_of(slots_, [](const Slot& slot) { return slot.taken.load() == 0; });
  if (none) returned_.wait(before);
  waiting_.fetch_sub(1);
}

}  // namespace weft
