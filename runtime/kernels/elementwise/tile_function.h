#pragma once
// The vectorized function behind an elementwise op on f32 or f64, where there is one.

#include <span>
#include <variant>

#include "weft/graph/op.h"
#include "weft/runtime/kernels/vector/vector_math.h"

namespace weft {

using TileFunction =
    std::variant<std::monostate, VectorFunctions::Unary, VectorFunctions::Binary, VectorFunctions::Comparison,
                 VectorMath::UnaryOfDoubles, decltype(VectorFunctions::where),
                 decltype(VectorFunctions::from_u8), VectorFunctions::Widening, VectorFunctions::Narrowing>;

/// Empty (std::monostate) when the op runs through its reference kernel.
TileFunction tile_function(const Op& op, std::span<const DType> inputs);

}  // namespace weft
