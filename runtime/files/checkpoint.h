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

/// Writes the file atomically. Throws Error(io), and Error(invalid_argument) for what no reader would take
/// back: names or metadata that are no UTF-8 or, as a header, above 100 MB, and a tensor called
/// "__metadata__".
void write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint);

/// All tensors of a file. The formats that no DType has are read as the smallest that holds their numbers:
/// F16, BF16 and the readable forms of F8 as f32, I8, I16 and U16 as i32, U32 and U64 as i64. Throws
/// Error(io) when the file cannot be read, Error(bad_file) when it is not what it says or holds a number
/// above i64, and Error(unsupported) for a tensor of complex numbers or of fewer than 8 bits each.
Checkpoint read_checkpoint(const std::filesystem::path& path);

/// What a file says of one tensor, checked against the file.
struct StoredTensor {
  const StoredDType* dtype = nullptr;
  std::vector<std::int64_t> sizes;
  std::uint64_t begin = 0;  // of its bytes among the data
  std::uint64_t end = 0;
};
/// "bf16[784, 100]".
std::string to_string(const StoredTensor& tensor);

/// A file that is open: its header is verified, and its tensors are read one by one. Errors as for
/// read_checkpoint. Belongs to one thread at a time.
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
