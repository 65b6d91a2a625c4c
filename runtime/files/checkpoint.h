#pragma once
// Tensors in a file, in the safetensors format (github.com/huggingface/safetensors): eight bytes with the
// header's length, little-endian; a JSON header with dtype, shape and offsets of each tensor; then the data.
// Files are hostile until verified: nothing is allocated on the file's word alone.

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "weft/graph/tensor.h"
#include "weft/runtime/files/metadata.h"
#include "weft/runtime/files/stored_dtype.h"

namespace weft {

struct Checkpoint {
  std::map<std::string, Tensor, std::less<>> tensors;
  Metadata metadata;  // the header's "__metadata__"
};

/// Writes the file atomically. Throws Error(io). Throws Error(invalid_argument) for what no reader would
/// accept: names or metadata that are not UTF-8, a header above 100 MB, or a tensor called "__metadata__".
void write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint);

/// All tensors of a file. Element types that weft does not have are read as the smallest DType that holds
/// their numbers: F16, BF16 and the readable forms of F8 as f32, I8, I16 and U16 as i32, U32 and U64 as i64.
/// Throws Error(io) when the file cannot be read, Error(bad_file) when its header is wrong or it holds a
/// number above i64, and Error(unsupported) for complex numbers or numbers of fewer than 8 bits.
Checkpoint read_checkpoint(const std::filesystem::path& path);

/// What the header says about one tensor, checked against the file.
struct StoredTensor {
  const StoredDType* dtype = nullptr;
  std::vector<std::int64_t> sizes;
  std::uint64_t begin = 0;  // where its bytes begin among the data
  std::uint64_t end = 0;
};
/// "bf16[784, 100]".
std::string to_string(const StoredTensor& tensor);

/// An open file: its header is verified, and its tensors are read one by one. Errors are those of
/// read_checkpoint. One thread at a time may use it.
class CheckpointReader {
 public:
  explicit CheckpointReader(const std::filesystem::path& path);

  const std::map<std::string, StoredTensor, std::less<>>& tensors() const noexcept { return tensors_; }
  const Metadata& metadata() const noexcept { return metadata_; }

  /// The tensor of this name, as `dtype`. Throws Error(bad_file) for a number that `dtype` cannot hold, and
  /// Error(invalid_argument) for a name that the file does not have.
  Tensor read(std::string_view name, DType dtype);

 private:
  std::filesystem::path path_;
  std::ifstream file_;
  std::uint64_t data_begin_ = 0;
  std::map<std::string, StoredTensor, std::less<>> tensors_;
  Metadata metadata_;
};

}  // namespace weft
