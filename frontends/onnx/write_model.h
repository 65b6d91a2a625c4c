#pragma once
// Writing ONNX files: the counterpart of read_model.h. The same model gives the same bytes. Pure functions;
// any thread may call them.

#include <filesystem>
#include <string>

#include "weft/frontends/onnx/model.h"

namespace weft::onnx {

/// The bytes of a model's file, fields in the schema's order. Reading them gives an equal model, but for
/// has_training_info, of which nothing is known that could be written.
std::string model_bytes(const ModelProto& model);

/// Writes them to a temporary file, which is synced and renamed. Throws Error(io), and Error(unsupported)
/// above 2 GB, which Protocol Buffers do not allow.
void write_model(const std::filesystem::path& path, const ModelProto& model);

}  // namespace weft::onnx
