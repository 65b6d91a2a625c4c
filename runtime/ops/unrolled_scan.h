#pragma once
// A scan whose plan takes several steps at a time. Internal to runtime/.

#include <cstdint>
#include <vector>

#include "weft/ops/loop.h"

namespace weft {

/// The scan with these fields and the body `single`. `block` does `unroll` steps: its arguments are the
/// states, the elements of the sequences of each step in the order of the steps, and what is captured; its
/// results are the states and the stacked elements of each step, likewise.
struct UnrolledScan {
  static constexpr std::string_view name = "unrolled_scan";
  static constexpr Traits traits{.can_fail = true};
  Body block;
  Body single;
  std::int64_t states = 0;
  std::int64_t sequences = 0;
  Dim length = 0;
  bool reverse = false;
  std::int64_t unroll = 1;
  static constexpr auto attributes = weft::attributes(
      &UnrolledScan::block, &UnrolledScan::single, &UnrolledScan::states, &UnrolledScan::sequences,
      &UnrolledScan::length, &UnrolledScan::reverse, &UnrolledScan::unroll);
  Scan scan() const {
    return {.body = single, .states = states, .sequences = sequences, .length = length, .reverse = reverse};
  }
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const { return scan().infer(inputs); }
  void forward(const KernelArgs& args) const { scan().forward(args); }
  static constexpr NoGradient gradient{"the compiler made it; differentiate the scan"};
};

}  // namespace weft
