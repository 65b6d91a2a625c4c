#pragma once
// The bytes of one file from front to back, inflated where the file is gzip (RFC 1952, also of several
// members, with zeros between and behind them, as gunzip and Python take it). The file is not trusted: a
// stream that ends early, fails its CRC, or is followed by anything else throws Error(bad_file) as soon as
// reading gets there, and a read never takes more memory than the caller's buffer and a fixed window. A
// source belongs to one thread at a time.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>

namespace weft::data {

class ByteSource {
 public:
  ByteSource() = default;
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;
  virtual ~ByteSource() = default;

  /// Fills `into` as far as there are bytes; fewer than its size means the end. Throws Error(io) when the
  /// operating system refuses, Error(bad_file) when the gzip stream is broken.
  virtual std::size_t read(std::span<std::byte> into) = 0;

  /// How many bytes there are in all, where that is known before reading: for a plain file, not for gzip.
  virtual std::optional<std::uint64_t> known_size() const = 0;
};

/// Opens a regular file; throws Error(io) when it is missing, unreadable, or a folder, pipe or device, and
/// Error(unsupported) when it is bzip2, xz, zstd or zip.
std::unique_ptr<ByteSource> open_bytes(const std::filesystem::path& path);

}  // namespace weft::data
