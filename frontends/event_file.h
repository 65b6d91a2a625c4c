#pragma once
// Numbers of a training in the event files that TensorBoard shows: records of TFRecord's form, each with a
// tensorflow.Event.

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace weft {

/// A file "events.out.tfevents.<seconds>.weft" in a folder, to which events are appended; whoever reads it
/// sees each when `write` returns. It is a log and not replaced as a whole: of a crash the last record may
/// remain cut off, which readers leave out. One thread at a time may use it.
class EventFile {
 public:
  /// `seconds` is the time at which the training began, in seconds since 1970; it is part of the name. Makes
  /// the folder. Throws Error(io), also for a file that is there already.
  EventFile(const std::filesystem::path& folder, double seconds);

  /// The value of the curve `tag` at a step. Throws Error(io).
  void write(std::string_view tag, std::int64_t step, double value, double seconds);

  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  void append(const std::string& event);

  std::filesystem::path path_;
  std::ofstream file_;
};

/// CRC-32C (Castagnoli), masked as TFRecord has it.
std::uint32_t masked_crc32c(std::string_view bytes);

}  // namespace weft
