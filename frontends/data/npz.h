#pragma once
// NumPy's archive of named arrays: a zip file of .npy files, stored or deflated (numpy.savez and
// numpy.savez_compressed). Names are those of NumPy, without the ".npy" of the files in the archive. They are
// never taken for paths.

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "weft/graph/tensor.h"

namespace weft::data {

using NamedArrays = std::map<std::string, Tensor, std::less<>>;

/// An archive that is open for reading. Its arrays are read when they are asked for. One thread at a time.
///
/// The file is hostile until read: as for read_npy, memory grows with what has been inflated, whatever sizes
/// the archive states, and checksums are compared. The constructor throws Error(io) for a file that is
/// missing or unreadable, and Error(bad_file) for one that is no zip archive or has two arrays of one name.
class NpzReader {
 public:
  explicit NpzReader(const std::filesystem::path& path);
  ~NpzReader();
  NpzReader(const NpzReader&) = delete;
  NpzReader& operator=(const NpzReader&) = delete;
  NpzReader(NpzReader&&) = delete;
  NpzReader& operator=(NpzReader&&) = delete;

  /// The names of the arrays, sorted. Files in the archive that are no arrays are not among them.
  const std::vector<std::string>& names() const noexcept { return names_; }

  /// The array of that name. Throws Error(invalid_argument), which suggests names, if there is none;
  /// Error(bad_file) for a broken or truncated archive; Error(unsupported) for encryption and for
  /// compressions other than deflate; and what read_npy throws.
  Tensor read(std::string_view name);

 private:
  struct Archive;
  std::unique_ptr<Archive> archive_;
  std::vector<std::string> names_;
};

/// All arrays of an archive.
NamedArrays read_npz(const std::filesystem::path& path);

enum class NpzCompression : std::uint8_t { stored, deflated };

/// Writes an archive that NumPy and read_npz read, in the order of the names; the same bytes for the same
/// arrays. bf16 becomes f32. The archive is made in memory and written atomically. Throws
/// Error(invalid_argument) for no arrays and for a name that is empty or holds a zero byte,
/// Error(unsupported) for what write_npy does not write, Error(io) when the operating system refuses; the old
/// file then stays.
void write_npz(const NamedArrays& arrays, const std::filesystem::path& path,
               NpzCompression compression = NpzCompression::stored);

}  // namespace weft::data
