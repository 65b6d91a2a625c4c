#pragma once
// Reading ONNX files. They are not trusted: what is wrong with one is an Error(bad_file), see wire.h. Memory
// is bounded by the file's own size. Pure functions; any thread may call them.

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "weft/frontends/onnx/model.h"
#include "weft/frontends/onnx/wire.h"

namespace weft::onnx {

/// Reads a whole regular file. Throws Error(io) when it cannot be read, Error(bad_file) when it is above 2
/// GB, which Protocol Buffers do not allow.
SharedBytes read_file(const std::filesystem::path& path);

/// Parses a message; tensors share the bytes. `name` stands before every complaint.
ModelProto parse_model(const SharedBytes& bytes, const std::string& name, const ReadLimits& limits = {});
TensorProto parse_tensor(const SharedBytes& bytes, const std::string& name, const ReadLimits& limits = {});
/// SequenceProto: its tensors. Error(unsupported) for a sequence of anything else.
std::vector<TensorProto> parse_tensor_sequence(const SharedBytes& bytes, const std::string& name,
                                               const ReadLimits& limits = {});
/// OptionalProto: its tensor or its tensors; nothing if it holds neither.
struct OptionalTensors {
  bool is_sequence = false;
  std::vector<TensorProto> tensors;
};
OptionalTensors parse_optional(const SharedBytes& bytes, const std::string& name,
                               const ReadLimits& limits = {});

/// read_file() and parse_model().
ModelProto read_model(const std::filesystem::path& path, const ReadLimits& limits = {});

}  // namespace weft::onnx
