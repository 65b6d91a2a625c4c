#pragma once
// Functions in one file. The model's graph is the first function alone, so that every runtime runs it with
// its own inputs. Each other is a function of the model (FunctionProto) in weft's domain. What it reads from
// the model, inputs, parameters and constants, are its inputs, by their names in the graph; nodes that it
// shares with the graph stand in both. `value_info` has the types of its inputs and outputs that are no
// initializers. No node calls these functions: runtimes pass over them, and tools may.

#include <vector>

#include "weft/frontends/onnx/described_functions.h"
#include "weft/frontends/onnx/model.h"

namespace weft::onnx {

/// A model whose graph is that of all functions in the form above.
ModelProto apart(ModelProto model, const std::vector<DescribedFunction>& functions);

/// The other way: a model whose graph is that of all functions. Where functions have nodes of the same
/// names, those of the graph hold. A model without such functions stays as it is.
ModelProto joined(const ModelProto& model);

/// Whether `joined` would change it.
bool has_functions_apart(const ModelProto& model);

}  // namespace weft::onnx
