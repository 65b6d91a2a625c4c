#pragma once
// Which registers a chain needs: how many values live at a time, from the step that makes or first reads one
// to the last that reads it. Results live to the end, where they are stored, after everything was read.

#include <cstddef>
#include <optional>
#include <vector>

#include "weft/runtime/kernels/elementwise/chain.h"

namespace weft {

class ChainRegisters {
 public:
  static constexpr std::size_t kTemporaries = 2;  // vectors that serve within a step

  /// The chain must outlive this. `wide`: AVX-512, which has 32 vectors, and masks apart from them.
  ChainRegisters(const Chain& chain, bool wide);

  std::size_t vectors() const { return wide_ ? 32 : 16; }
  bool is_mask(std::size_t value) const { return wide_ && chain_.dtype_of(value) == DType::boolean; }
  std::size_t last_read(std::size_t value) const { return last_[value]; }

  /// Vectors that are left for scalars: those that no step needs. Empty if there are too few for the steps.
  std::optional<std::size_t> spare_vectors() const;

 private:
  const Chain& chain_;
  bool wide_;
  std::vector<std::size_t> last_;
};

}  // namespace weft
