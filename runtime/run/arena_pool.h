#pragma once
// Memory for calls, and which calls may be made at the same time. A call that only reads the session's
// parameters takes an arena of its own, so that many threads may make such calls at once. A call that changes
// the session must be the only one. Taking and returning an arena cost a few atomic operations, and a call
// waits only where readers use all arenas. Internal to runtime/; any thread may use a pool.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "weft/graph/tensor.h"
#include "weft/runtime/machine/cache.h"

namespace weft {

/// A block for values between steps and a block of scratch memory for each thread. They grow to what the most
/// demanding plan needs. All plans that run in this arena share them, one at a time.
class Arena {
 public:
  /// Changes whenever a block moves.
  std::uint64_t version() const noexcept { return version_; }
  /// Makes the blocks at least as large as this.
  void reserve(std::size_t bytes, int threads, std::size_t scratch_bytes);

  std::byte* data() { return static_cast<std::byte*>(block_.mutable_data()); }
  std::byte* scratch(int thread) {
    return static_cast<std::byte*>(scratch_[static_cast<std::size_t>(thread)].mutable_data());
  }

 private:
  Tensor block_;
  std::vector<Tensor> scratch_;
  std::uint64_t version_ = 0;
};

class ArenaPool {
 public:
  /// The right to an arena until it is destroyed.
  class Lease {
   public:
    Lease(Lease&& other) noexcept : pool_(other.pool_), at_(other.at_), writes_(other.writes_) {
      other.pool_ = nullptr;
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (pool_ != nullptr) pool_->give_back(at_, writes_);
    }

    /// Which of the pool's arenas this is.
    std::size_t index() const noexcept { return at_; }
    Arena& arena() const { return pool_->slots_[at_].arena; }

   private:
    friend class ArenaPool;
    Lease(ArenaPool* pool, std::size_t at, bool writes) : pool_(pool), at_(at), writes_(writes) {}
    ArenaPool* pool_;
    std::size_t at_;
    bool writes_;
  };

  /// At most `most` arenas, >= 1; each is made when it is first needed.
  explicit ArenaPool(int most);

  /// For a call that changes nothing. Throws Error(busy) during a call that changes something; waits while
  /// all arenas are in use.
  Lease read();
  /// For a call that changes something. Throws Error(busy) during any other call.
  Lease write();

  std::size_t most() const noexcept { return slots_.size(); }
  /// Another number after each call of write(): while it stays, nobody has changed anything. For who holds a
  /// lease; never 0.
  std::uint64_t version() const noexcept { return version_.load(std::memory_order_relaxed); }

 private:
  struct alignas(kCacheLine) Slot {
    std::atomic<std::uint32_t> taken{0};  // the generation of the process that holds it; 0: free
    Arena arena;
  };

  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  bool take(std::size_t at);
  std::size_t take_any(std::size_t first);
  void give_back(std::size_t at, bool writes);
  void wait_for_one();
  void expect_no_writer() const;
  bool others_are_done(std::size_t own) const;

  std::vector<Slot> slots_;
  std::atomic<std::size_t> used_{0};       // slots at and beyond this were never taken
  std::atomic<std::uint32_t> writing_{0};  // the generation of the process that holds a lease to write; or 0
  std::atomic<std::uint64_t> version_{1};
  std::atomic<std::uint32_t> waiting_{0};  // threads
  std::atomic<std::uint32_t> returned_{0};
};

}  // namespace weft
