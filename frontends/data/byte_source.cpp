#include "weft/frontends/data/byte_source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <new>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "weft/graph/error.h"

namespace weft::data {
namespace {

std::string reason(int error) { return std::generic_category().message(error); }

class PlainFile final : public ByteSource {
 public:
  // Without O_NONBLOCK, opening a pipe would wait for its writer before we can see that it is a pipe.
  explicit PlainFile(const std::filesystem::path& path)
      : path_(path.string()), descriptor_(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    if (descriptor_ < 0) {
      throw Error(ErrorCode::io, path_ + ": cannot open",
                  {.expected = "a readable file", .actual = reason(errno)});
    }
    struct stat status{};
    if (::fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode)) {
      ::close(descriptor_);
      throw Error(ErrorCode::io, path_ + ": cannot read",
                  {.expected = "a regular file", .actual = "a folder, pipe or device"});
    }
    size_ = static_cast<std::uint64_t>(status.st_size);
  }
  PlainFile(const PlainFile&) = delete;
  PlainFile& operator=(const PlainFile&) = delete;
  ~PlainFile() override { ::close(descriptor_); }

  std::size_t read(std::span<std::byte> into) override {
    std::size_t done = 0;
    while (done < into.size()) {
      const ssize_t got = ::read(descriptor_, into.data() + done, into.size() - done);
      if (got == 0) break;
      if (got > 0) {
        done += static_cast<std::size_t>(got);
      } else if (errno != EINTR) {
        throw Error(ErrorCode::io, path_ + ": cannot read",
                    {.expected = fmt::format("{} more bytes", into.size() - done), .actual = reason(errno)});
      }
    }
    return done;
  }

  std::optional<std::uint64_t> known_size() const override { return size_; }
  const std::string& path() const { return path_; }

  /// Whether the file begins with `magic`; does not move in the file.
  bool begins_with(std::string_view magic) const {
    std::array<char, 8> first{};
    const ssize_t got = ::pread(descriptor_, first.data(), first.size(), 0);
    return got > 0 && std::string_view(first.data(), static_cast<std::size_t>(got)).starts_with(magic);
  }

 private:
  std::string path_;
  int descriptor_;
  std::uint64_t size_ = 0;
};

class GzipFile final : public ByteSource {
 public:
  explicit GzipFile(std::unique_ptr<PlainFile> file) : file_(std::move(file)) {
    constexpr int kGzipOnly = 16 + MAX_WBITS;
    if (inflateInit2(&stream_, kGzipOnly) != Z_OK) throw std::bad_alloc();
  }
  GzipFile(const GzipFile&) = delete;
  GzipFile& operator=(const GzipFile&) = delete;
  ~GzipFile() override { inflateEnd(&stream_); }

  std::size_t read(std::span<std::byte> into) override {
    constexpr std::size_t kMostAtOnce = std::size_t{1} << 30;  // zlib counts in 32 bits
    std::size_t done = 0;
    while (done < into.size() && !ended_) {
      if (!refill()) throw broken("the end of the file");
      const auto room = static_cast<uInt>(std::min(into.size() - done, kMostAtOnce));
      stream_.next_out = reinterpret_cast<Bytef*>(into.data() + done);
      stream_.avail_out = room;
      const int status = inflate(&stream_, Z_NO_FLUSH);
      done += room - stream_.avail_out;
      if (status == Z_MEM_ERROR) throw std::bad_alloc();
      if (status == Z_STREAM_END) {
        next_member();
      } else if (status != Z_OK && status != Z_BUF_ERROR) {
        throw broken(stream_.msg != nullptr ? stream_.msg : "a stream that zlib refuses");
      }
    }
    return done;
  }

  std::optional<std::uint64_t> known_size() const override { return std::nullopt; }

 private:
  /// False at the end of the file.
  bool refill() {
    if (stream_.avail_in > 0) return true;
    stream_.avail_in = static_cast<uInt>(file_->read(window_));
    stream_.next_in = reinterpret_cast<Bytef*>(window_.data());
    return stream_.avail_in > 0;
  }

  /// A member is followed by other members, by zeros, with which tapes and archives pad, or by nothing.
  void next_member() {
    while (refill() && *stream_.next_in == 0) {
      ++stream_.next_in;
      --stream_.avail_in;
    }
    ended_ = stream_.avail_in == 0;
    inflateReset(&stream_);
  }

  Error broken(const std::string& actual) const {
    return Error(ErrorCode::bad_file, file_->path() + ": broken gzip",
                 {.expected = "complete gzip streams and nothing but zeros after them", .actual = actual});
  }

  std::unique_ptr<PlainFile> file_;
  std::array<std::byte, std::size_t{1} << 16> window_{};
  z_stream stream_{};
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<ByteSource> open_bytes(const std::filesystem::path& path) {
  using namespace std::string_view_literals;
  struct Compression {
    std::string_view magic;
    std::string_view name;
  };
  constexpr std::array kUnsupported{Compression{"BZh"sv, "bzip2"}, Compression{"\xFD\x37zXZ\0"sv, "xz"},
                                    Compression{"\x28\xB5\x2F\xFD"sv, "zstd"},
                                    Compression{"PK\x03\x04"sv, "zip"}};
  auto file = std::make_unique<PlainFile>(path);
  if (file->begins_with("\x1F\x8B"sv)) return std::make_unique<GzipFile>(std::move(file));
  for (const auto& [magic, name] : kUnsupported) {
    if (!file->begins_with(magic)) continue;
    throw Error(ErrorCode::unsupported, path.string() + ": a compression that weft does not read",
                {.expected = "a plain file or gzip", .actual = std::string(name)});
  }
  return file;
}

}  // namespace weft::data
