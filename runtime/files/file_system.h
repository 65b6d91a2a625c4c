#pragma once
// All files are written here: into a temporary file beside the target, which is synced and then renamed over
// it. A reader sees the old file or the new one, never half of one. Throws Error(io).

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace weft {

/// A file being written. Without `commit` nothing of it remains.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path target);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text);
  /// Makes the file the target.
  void commit();

 private:
  [[noreturn]] void fail(std::string_view what) const;

  std::filesystem::path target_;
  std::string temporary_;
  int descriptor_ = -1;
};

/// The whole text, atomically.
void write_text_file(const std::filesystem::path& target, std::string_view text);

}  // namespace weft
