#pragma once
// The program of a function whose inputs are any values of the graph, and in which values have replacements.
// Internal to runtime/.

#include <span>
#include <string>
#include <vector>

#include "weft/graph/program.h"
#include "weft/runtime/function.h"

namespace weft {

/// The labels under which the values are fed: those of inputs, and new ones for other values. Throws
/// Error(invalid_argument) for a value that comes twice and, unless it is an input, one whose shape has a
/// formula of symbols.
std::vector<std::string> labels_of_fed(const Graph& graph, std::span<const Value> inputs);

/// A copy of what `roots` need, with inputs of these labels in place of the fed values, and replacements in
/// place of what they replace. Replacements are computed of the graph as it is, apart from fed values. The
/// parameter that an assign stores in stays. Throws Error(invalid_argument) for a value that has
/// two replacements, shape_mismatch or dtype_mismatch for a replacement of another type.
Program with_substitutes(const Graph& graph, std::span<const Value> roots, const FunctionSpec& spec,
                         std::span<const std::string> labels);

}  // namespace weft
