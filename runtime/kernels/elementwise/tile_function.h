#pragma once
// The vectorized function behind an elementwise op on f32, where there is one.

#include <span>
#include <variant>

#include "weft/graph/op.h"
#include "weft/runtime/kernels/vector/vector_functions.h"

namespace weft {

using TileFunction =
    std::variant<std::monostate, VectorFunctions::Unary, VectorFunctions::Binary, VectorFunctions::Comparison,
                 VectorFunctions::Selection, decltype(VectorFunctions::where),
                 decltype(VectorFunctions::from_u8), decltype(VectorFunctions::scale_u8)>;

/// Empty (std::monostate) when the op runs through its reference kernel.
TileFunction tile_function(const Op& op, std::span<const DType> inputs);

/// The function that computes both `inner` and `outer`, which reads it. Its operands are those of `inner`,
/// the first of type `read`, and then the other operands of `outer`. Empty where there is none.
TileFunction tile_function_of_both(const Op& inner, DType read, const Op& outer);

}  // namespace weft
