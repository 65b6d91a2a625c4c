#pragma once
// A chain of elementwise steps as code for any number of elements, made when a plan is compiled.

#include <cstddef>
#include <memory>
#include <span>

#include "weft/runtime/kernels/elementwise/chain_emitter.h"

namespace weft {

class ChainCode {
 public:
  virtual ~ChainCode() = default;

  /// Computes `count` elements. `at` tells where the operands lie, then where the results go; a result may
  /// lie where an operand of as large elements does. May run in several threads at once.
  virtual void run(std::span<std::byte* const> at, std::size_t count) const = 0;
};

/// The most operands and results of a chain together.
inline constexpr std::size_t kMostChainPointers = 32;

/// New code of a chain. Null where there is no loop for it (emit_loop), and for too many pointers.
std::shared_ptr<const ChainCode> make_code(const Chain& chain, CodeSet set);

/// The code of a chain for this processor, shared by all who ask for the same one in this thread; null as
/// above.
std::shared_ptr<const ChainCode> compile_chain(const Chain& chain);

}  // namespace weft
