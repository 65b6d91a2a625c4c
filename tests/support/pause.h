#pragma once
// An op in whose kernel a call waits, so that a test can do something while the call is under way.

#include <algorithm>
#include <barrier>
#include <span>
#include <string_view>

#include "weft/graph/op.h"

namespace weft::testing_support {

/// Where a paused call says that it is under way, and then that it may go on. Null: nothing is paused.
inline std::barrier<>* pause_barrier = nullptr;

struct Pause {  // y = x
  static constexpr std::string_view name = "pause";
  TensorType infer(const TensorType& x) const { return x; }
  template <std::floating_point T>
  void forward(std::span<const T> x, std::span<T> y) const {
    std::ranges::copy(x, y.begin());
    // Read once: who waits for this call takes the barrier away as soon as the call is under way.
    std::barrier<>* const meet = pause_barrier;
    if (meet == nullptr) return;
    meet->arrive_and_wait();
    meet->arrive_and_wait();
  }
  static constexpr NoGradient gradient{"the tests need none"};
};

}  // namespace weft::testing_support
