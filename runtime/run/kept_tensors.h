#pragma once
// What plans keep from call to call: values that parameters alone decide, packed weights among them. Plans of
// several arenas, and for several sizes, share one object where their prologues are equal. Internal to
// runtime/.

#include <atomic>
#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "weft/graph/program.h"
#include "weft/graph/tensor.h"
#include "weft/runtime/machine/fork.h"

namespace weft {

class KeptTensors {
 public:
  /// Room for the roots of a program with concrete shapes.
  explicit KeptTensors(const Program& prologue) {
    for (const Value& value : prologue.roots)
      values_.push_back(Tensor::uninitialized(value.dtype(), value.shape().sizes()));
  }

  /// The values for parameters of this version (ArenaPool::version). Where they were made of others, `make`
  /// fills them, in one thread while the others wait; if it throws, the next call tries again. The caller
  /// holds a lease of an arena, so that no parameter changes meanwhile and nobody reads values of another
  /// version.
  template <typename Make>
  std::span<const Tensor> at(std::uint64_t version, Make make) {
    if (version_.load(std::memory_order_acquire) == version) return values_;
    const std::scoped_lock lock(mutex_);
    if (version_.load(std::memory_order_relaxed) == version) return values_;
    version_.store(0, std::memory_order_relaxed);
    make(std::span<Tensor>(values_));
    version_.store(version, std::memory_order_release);
    return values_;
  }

 private:
  ForkAwareMutex mutex_;
  std::atomic<std::uint64_t> version_{0};  // 0: none
  std::vector<Tensor> values_;
};

}  // namespace weft
