#pragma once
// What a model holds, as text for people. Names from the file are made safe to show. Pure functions.

#include <filesystem>
#include <string>

#include "weft/frontends/onnx/import.h"
#include "weft/frontends/onnx/model.h"

namespace weft::onnx {

/// "f32[batch, 3]", as the model states it; "?" is a size that it does not state.
std::string to_string(const TypeProto& type);

/// Lines with the model's producer and operator sets, its inputs and outputs with their types, its weights,
/// and its operators with how often each occurs, inner graphs and functions included; those that have no rule
/// are marked. If it cannot be imported with these options, the last line says why.
std::string describe(const ModelProto& model, const std::filesystem::path& folder,
                     const Options& options = {});

}  // namespace weft::onnx
