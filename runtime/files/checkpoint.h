#pragma once
// Tensors in a file, in the safetensors format (github.com/huggingface/safetensors): eight bytes with the
// header's length, little-endian; a JSON header with dtype, shape and offsets of each tensor; then the data.
// Files are hostile until verified: nothing is allocated on the file's word alone.

#include <filesystem>
#include <map>
#include <string>

#include "weft/graph/tensor.h"

namespace weft {

struct Checkpoint {
  std::map<std::string, Tensor, std::less<>> tensors;
  std::map<std::string, std::string> metadata;  // the header's "__metadata__"
};

/// Writes the file atomically. Throws Error(io).
void write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint);

/// Throws Error(io) when the file cannot be read, Error(bad_file) when it is not what it says.
Checkpoint read_checkpoint(const std::filesystem::path& path);

}  // namespace weft
