#pragma once
// Random bytes as a model, as every target for ONNX starts.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <vector>

#include "weft/frontends/onnx/read_model.h"
#include "weft/graph/error.h"

namespace fuzz {

/// The model that the bytes are, or nothing where they are a bad file; any other error ends the program.
inline std::optional<weft::onnx::ModelProto> parse_input(const std::uint8_t* data, std::size_t size) {
  const auto* const first = reinterpret_cast<const std::byte*>(data);
  const auto bytes = std::make_shared<const std::vector<std::byte>>(first, first + size);
  try {
    return weft::onnx::parse_model({*bytes, bytes}, "fuzz");
  } catch (const weft::Error& error) {
    if (error.code() != weft::ErrorCode::bad_file) std::abort();
    return std::nullopt;
  }
}

}  // namespace fuzz
