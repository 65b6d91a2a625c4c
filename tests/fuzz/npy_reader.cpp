// Any bytes are an array, a table or an archive of arrays, or an Error that says what is wrong. The first
// byte says which. For libFuzzer, built as onnx_reader.cpp says, with the target weft_fuzz_npy:
//   build-fuzz/weft_fuzz_npy -max_len=4096 NEW_FOUND

#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <new>
#include <optional>
#include <span>
#include <string>

#include "weft/frontends/data/csv.h"
#include "weft/frontends/data/npy.h"
#include "weft/frontends/data/npz.h"
#include "weft/graph/error.h"

namespace {

/// Bytes in memory, as a plain file or as a compressed one has them.
class Bytes final : public weft::data::ByteSource {
 public:
  Bytes(std::span<const std::uint8_t> bytes, bool knows_size) : bytes_(bytes), knows_size_(knows_size) {
    size_ = bytes.size();
  }
  std::size_t read(std::span<std::byte> into) override {
    const std::size_t count = std::min(into.size(), bytes_.size());
    if (count > 0) std::memcpy(into.data(), bytes_.data(), count);
    bytes_ = bytes_.subspan(count);
    return count;
  }
  std::optional<std::uint64_t> known_size() const override {
    return knows_size_ ? std::optional(size_) : std::nullopt;
  }

 private:
  std::span<const std::uint8_t> bytes_;
  std::uint64_t size_ = 0;
  bool knows_size_;
};

/// The bytes as a file, for what only reads files.
std::filesystem::path as_file(std::span<const std::uint8_t> bytes, const char* ending) {
  const auto path =
      std::filesystem::temp_directory_path() / ("weft_fuzz_" + std::to_string(::getpid()) + ending);
  std::FILE* const file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) std::abort();
  std::fwrite(bytes.data(), 1, bytes.size(), file);
  std::fclose(file);
  return path;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::span rest(data + 1, size - 1);
  try {
    switch (data[0] % 8) {
      case 0:
        weft::data::read_npz(as_file(rest, ".npz"));
        break;
      case 1:
        weft::data::read_csv(as_file(rest, ".csv"));
        break;
      default: {
        Bytes source(rest, data[0] % 2 == 0);
        const weft::Tensor read = weft::data::read_npy(source, "fuzz");
        // What was read can be written, unless it has more axes than NumPy 1 takes.
        if (read.rank() <= 32 && weft::data::npy_header(read).size() % 64 != 0) std::abort();
      }
    }
  } catch (const weft::Error& error) {
    using enum weft::ErrorCode;
    if (error.code() != bad_file && error.code() != unsupported && error.code() != io) std::abort();
  } catch (const std::bad_alloc&) {  // libzip asks for what an archive's directory states
  }
  return 0;
}
