#include "weft/frontends/data/cifar.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "weft/frontends/data/byte_source.h"
#include "weft/graph/error.h"
#include "weft/graph/text.h"

namespace weft::data {
namespace {

constexpr std::size_t kPictureBytes = 3UL * 32 * 32;

/// The bytes of all records so far, in parts.
struct CifarRecords {
  std::vector<std::byte> images;
  std::vector<std::byte> labels;
  std::vector<std::byte> coarse;
};

[[noreturn]] void refuse_cifar(const std::filesystem::path& path, const std::string& what) {
  throw Error(ErrorCode::bad_file, fmt::format("'{}' {}", printable(path.string()), what));
}

/// `coarse` says whether two labels come before a picture.
void read_records(const std::filesystem::path& path, bool coarse, CifarRecords& all) {
  const auto source = open_bytes(path);
  const std::size_t before = coarse ? 2 : 1;
  const int classes = coarse ? 100 : 10;
  std::vector<std::byte> record(before + kPictureBytes);
  std::size_t count = 0;
  while (true) {
    const std::size_t got = source->read(record);
    if (got == 0) break;
    if (got < record.size()) refuse_cifar(path, fmt::format("ends within record {}", count));
    const auto label = std::to_integer<int>(record[before - 1]);
    if (label >= classes)
      refuse_cifar(path,
                   fmt::format("has the label {} in record {}; expected 0 to {}", label, count, classes - 1));
    if (coarse) {
      constexpr int kCoarse = 20;
      if (std::to_integer<int>(record[0]) >= kCoarse)
        refuse_cifar(path, fmt::format("has the coarse label {} in record {}; expected 0 to {}",
                                       std::to_integer<int>(record[0]), count, kCoarse - 1));
      all.coarse.push_back(record[0]);
    }
    all.labels.push_back(record[before - 1]);
    all.images.insert(all.images.end(), record.begin() + static_cast<std::ptrdiff_t>(before), record.end());
    ++count;
  }
  if (count == 0) refuse_cifar(path, "has no records");
}

Tensor bytes_as_tensor(const std::vector<std::byte>& bytes, const SizeList& sizes) {
  Tensor tensor = Tensor::uninitialized(u8, sizes);
  if (!bytes.empty()) std::memcpy(tensor.mutable_data(), bytes.data(), bytes.size());
  return tensor;
}

ColourPictures pictures_of(const CifarRecords& all) {
  const auto n = static_cast<std::int64_t>(all.labels.size());
  ColourPictures made{.images = bytes_as_tensor(all.images, {n, 3, 32, 32}),
                      .labels = bytes_as_tensor(all.labels, {n})};
  if (!all.coarse.empty()) made.coarse = bytes_as_tensor(all.coarse, {n});
  return made;
}

}  // namespace

ColourPictures read_cifar10(const std::filesystem::path& path) { return read_cifar10(std::span(&path, 1)); }

ColourPictures read_cifar10(std::span<const std::filesystem::path> paths) {
  CifarRecords all;
  for (const std::filesystem::path& path : paths) read_records(path, false, all);
  return pictures_of(all);
}

ColourPictures read_cifar100(const std::filesystem::path& path) {
  CifarRecords all;
  read_records(path, true, all);
  return pictures_of(all);
}

}  // namespace weft::data
