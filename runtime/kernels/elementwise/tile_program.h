#pragma once
// The body of an elementwise op compiled to instructions over tiles: a few thousand bytes of every operand at
// a time, so that what one instruction writes is still in the cache when the next reads it. An instruction is
// a chain of steps in machine code, a vectorized function, or the reference kernel of one op.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "weft/runtime/kernels/elementwise/chain_code.h"
#include "weft/runtime/kernels/elementwise/expansion.h"
#include "weft/runtime/kernels/elementwise/tile_function.h"
#include "weft/runtime/kernels/kernel.h"
#include "weft/runtime/ops/fused_ops.h"

namespace weft {

inline constexpr std::int64_t kTile =
    1024;  // elements; a few tiles of f32 fit the first-level cache together
inline constexpr std::size_t kRegisterBytes = kTile * sizeof(double);

/// Rows of a table, picked by another input of the kernel.
struct RowSource {
  std::size_t rows_input = 0;
  DType rows_dtype = DType::i64;
  std::int64_t table_rows = 0;
  std::int64_t row_elements = 0;
};

/// Where the elements of an operand come from: an input of the kernel or a constant.
struct Source {
  std::size_t input = 0;  // among the kernel's inputs, unless it is a constant
  const Tensor* constant = nullptr;
  Expansion expansion;
  std::optional<RowSource> rows{};  // for an operand that is rows of a table
  std::size_t element_size = 0;
  std::size_t location = 0;  // whose pointer tells where the tile lies
  std::ptrdiff_t reg = -1;   // the register that holds it expanded; -1 if it is read where it lies
  bool single = false;       // one element, which the instructions read as such

  /// Whether all tiles of `tile` elements read the same, so that it is expanded before the first.
  bool expands_once(std::int64_t tile) const;
};

struct InstructionResult {
  DType dtype = DType::f32;
  std::size_t location = 0;
  std::ptrdiff_t reg = -1;     // -1 if it is an output
  std::ptrdiff_t output = -1;  // which output it is; -1 if it fills a register
};

struct Instruction {
  std::shared_ptr<const ChainCode> chain;  // null for a single op
  std::shared_ptr<const Op> op;            // of a single op
  TileFunction function;                   // of a single op
  std::vector<std::size_t> operands;       // locations
  std::vector<DType> dtypes;               // of the operands
  std::vector<InstructionResult> results;

  /// Whether a result may lie where an operand does. A reference kernel must not see its output in its input.
  bool may_overlap() const { return chain != nullptr || !std::holds_alternative<std::monostate>(function); }
};

/// Locations are numbered like the body's nodes.
struct TileProgram {
  ElementwiseBody body;  // owns the constants
  std::vector<Source> sources;
  std::vector<Instruction> instructions;
  std::size_t locations = 0;
  std::size_t registers = 0;
  std::int64_t tile = kTile;
  std::size_t operations = 0;  // for each element
};

/// The program of an elementwise op, fused_elementwise or fused_gather; an empty optional for any other op.
std::optional<TileProgram> compile_tiles(const KernelSite& site);

/// An output may share its memory with an input that is read where it lies and whose elements no instruction
/// reads after the one that writes the output.
std::vector<InPlace> in_place_pairs(const TileProgram& program);

}  // namespace weft
