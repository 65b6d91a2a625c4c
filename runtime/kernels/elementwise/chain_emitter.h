#pragma once
// The machine code of a chain's loop, for AVX2 or AVX-512. Every step rounds like its reference kernel,
// element for element: nothing is contracted, so the bits are the same with and without this code.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "weft/runtime/kernels/elementwise/chain.h"

namespace weft {

/// The instructions that code is made of.
enum class CodeSet : std::uint8_t { none, avx2, avx512 };

/// The best that this processor has.
CodeSet best_code_set();

/// Computes `turns` times as many elements as the loop has lanes. `at` tells where the operands lie, then
/// where the results go.
using LoopFunction = void (*)(std::byte* const* at, std::int64_t turns);

struct EmittedLoop {
  std::size_t lanes = 0;
  LoopFunction function = nullptr;
  std::shared_ptr<const void> memory;  // that holds the code
};

/// The loop of a chain. Empty without instructions, where the system forbids executable memory, and where
/// more values live at a time than there are registers.
std::optional<EmittedLoop> emit_loop(const Chain& chain, CodeSet set);

/// Whether the op can be a step of a chain on elements of these types.
bool can_be_step(const Op& op, std::span<const DType> inputs, DType result);

}  // namespace weft
