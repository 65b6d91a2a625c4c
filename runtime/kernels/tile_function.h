#pragma once
// The vectorized function behind an elementwise op on f32, where there is one.

#include <optional>
#include <variant>

#include "weft/graph/op.h"
#include "weft/runtime/kernels/vector/vector_functions.h"

namespace weft {

using TileFunction = std::variant<std::monostate, VectorFunctions::Unary, VectorFunctions::Binary,
                                  VectorFunctions::Comparison, VectorFunctions::Selection,
                                  decltype(VectorFunctions::where), decltype(VectorFunctions::from_u8)>;

/// Empty (std::monostate) when the op runs through its reference kernel.
TileFunction tile_function(const Op& op, std::span<const DType> inputs);

/// For a comparison of f32: the function that compares its first two operands and picks from the others,
/// where there is one.
std::optional<VectorFunctions::Selection> selection_by(const Op& comparison, DType compared);

}  // namespace weft
