#include "weft/runtime/files/file_system.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "weft/graph/error.h"

namespace weft {
namespace {

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path target) : target_(std::move(target)) {
  // O_EXCL finds an unused name; the user's umask decides the mode.
  constexpr int kMostTries = 100;
  constexpr mode_t kReadWriteAll = 0666;
  for (int attempt = 0; attempt < kMostTries; ++attempt) {
    temporary_ = fmt::format("{}.{}-{}.tmp", target_.string(), ::getpid(), attempt);
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kReadWriteAll);
    if (descriptor_ >= 0 || errno != EEXIST) break;
  }
  if (descriptor_ < 0) fail("cannot be created");
  if (std::filesystem::is_directory(target_)) {
    ::close(std::exchange(descriptor_, -1));
    ::unlink(temporary_.c_str());
    errno = EISDIR;
    fail("cannot be replaced");
  }
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("cannot be written");
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void AtomicFile::write(std::string_view text) { write(std::as_bytes(std::span(text))); }

void AtomicFile::commit() {
  if (::fsync(descriptor_) != 0) fail("cannot be synced");
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) fail("cannot be replaced");
  ::close(descriptor_);
  descriptor_ = -1;
  // The rename is durable once the folder is synced. Some file systems refuse that; then it is as durable as
  // they make it.
  const int folder = ::open(folder_of(target_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;
  ::fsync(folder);
  ::close(folder);
}

void AtomicFile::fail(std::string_view what) const {
  const int reason = errno;
  throw Error(ErrorCode::io, fmt::format("{} {}: {}", target_.string(), what, std::strerror(reason)));
}

void write_text_file(const std::filesystem::path& target, std::string_view text) {
  AtomicFile file(target);
  file.write(text);
  file.commit();
}

}  // namespace weft
