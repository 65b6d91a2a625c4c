#pragma once
// Compresses what is written to it into a file, as one gzip member (RFC 1952) that carries no time and no
// name: the same bytes in, the same file out. Belongs to one thread; the file must outlive it.

#include <cstddef>
#include <memory>
#include <span>

#include "weft/runtime/files/file_system.h"

namespace weft::data {

class GzipWriter {
 public:
  explicit GzipWriter(AtomicFile& file);
  ~GzipWriter();
  GzipWriter(const GzipWriter&) = delete;
  GzipWriter& operator=(const GzipWriter&) = delete;

  /// Throws Error(io) when the file cannot be written.
  void write(std::span<const std::byte> bytes);
  /// Writes what is still held back and the checksum; nothing may be written after it.
  void finish();

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
};

}  // namespace weft::data
