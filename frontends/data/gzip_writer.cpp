#include "weft/frontends/data/gzip_writer.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <new>

namespace weft::data {

struct GzipWriter::Stream {
  explicit Stream(AtomicFile& target) : file(target) {
    constexpr int kGzip = 16 + MAX_WBITS;
    constexpr int kMemoryLevel = 8;  // zlib's default
    if (deflateInit2(&state, Z_BEST_COMPRESSION, Z_DEFLATED, kGzip, kMemoryLevel, Z_DEFAULT_STRATEGY) !=
        Z_OK) {
      throw std::bad_alloc();
    }
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { deflateEnd(&state); }

  /// Lets zlib work until it needs more input, or, at the end, until it has written everything.
  void run(int flush) {
    do {
      state.next_out = reinterpret_cast<Bytef*>(window.data());
      state.avail_out = static_cast<uInt>(window.size());
      deflate(&state, flush);
      file.write(std::span(window).first(window.size() - state.avail_out));
    } while (state.avail_out == 0);
  }

  AtomicFile& file;
  z_stream state{};
  std::array<std::byte, std::size_t{1} << 16> window{};
};

GzipWriter::GzipWriter(AtomicFile& file) : stream_(std::make_unique<Stream>(file)) {}
GzipWriter::~GzipWriter() = default;

void GzipWriter::write(std::span<const std::byte> bytes) {
  constexpr std::size_t kMostAtOnce = std::size_t{1} << 30;  // zlib counts in 32 bits
  while (!bytes.empty()) {
    const auto part = bytes.first(std::min(bytes.size(), kMostAtOnce));
    // zlib reads through this pointer and does not write; its type is older than const.
    auto* input = const_cast<std::byte*>(part.data());  // NOLINT(cppcoreguidelines-pro-type-const-cast)
    stream_->state.next_in = reinterpret_cast<Bytef*>(input);
    stream_->state.avail_in = static_cast<uInt>(part.size());
    stream_->run(Z_NO_FLUSH);
    bytes = bytes.subspan(part.size());
  }
}

void GzipWriter::finish() { stream_->run(Z_FINISH); }

}  // namespace weft::data
