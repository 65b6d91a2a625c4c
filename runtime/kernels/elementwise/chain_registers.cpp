#include "weft/runtime/kernels/elementwise/chain_registers.h"

#include <algorithm>

namespace weft {

ChainRegisters::ChainRegisters(const Chain& chain, bool wide)
    : chain_(chain), wide_(wide), last_(chain.values(), 0) {
  for (std::size_t step = 0; step < chain.steps.size(); ++step) {
    for (const std::size_t input : chain.steps[step].inputs) last_[input] = step;
  }
  for (const std::size_t result : chain.results) last_[result] = chain.steps.size();
}

std::optional<std::size_t> ChainRegisters::spare_vectors() const {
  constexpr std::size_t kMasks = 5;  // k1 to k5; k6 and k7 serve within a step
  std::vector<bool> live(chain_.values(), false);
  std::size_t most = 0;
  for (std::size_t step = 0; step < chain_.steps.size(); ++step) {
    for (const std::size_t input : chain_.steps[step].inputs) live[input] = true;
    live[chain_.operands.size() + step] = true;
    std::size_t used = kTemporaries;
    std::size_t masks = 0;
    for (std::size_t value = 0; value < live.size(); ++value) {
      if (live[value]) ++(is_mask(value) ? masks : used);
      if (live[value] && last_[value] <= step) live[value] = false;
    }
    if (masks > kMasks) return std::nullopt;
    most = std::max(most, used);
  }
  if (most > vectors()) return std::nullopt;
  return vectors() - most;
}

}  // namespace weft
