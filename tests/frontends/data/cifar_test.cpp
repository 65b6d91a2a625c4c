#include "weft/frontends/data/cifar.h"

#include <gtest/gtest.h>

#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/temporary_folder.h"

namespace weft {
namespace {

using testing_support::expect_error;
using testing_support::TemporaryFolder;
using testing_support::write_bytes;

/// Records of these labels, whose pixels are the record's number.
std::vector<unsigned char> cifar_records(const std::vector<std::vector<unsigned char>>& labels) {
  std::vector<unsigned char> bytes;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    bytes.insert(bytes.end(), labels[i].begin(), labels[i].end());
    bytes.insert(bytes.end(), 3072, static_cast<unsigned char>(i));
  }
  return bytes;
}

TEST(Cifar, ReadsPicturesAndLabels) {
  const TemporaryFolder folder;
  write_bytes(folder / "a.bin", cifar_records({{3}, {9}}));
  write_bytes(folder / "b.bin", cifar_records({{0}}));
  const std::vector<std::filesystem::path> paths{folder / "a.bin", folder / "b.bin"};
  const data::ColourPictures all = data::read_cifar10(paths);
  EXPECT_EQ(all.images.type(), (TensorType{u8, {3, 3, 32, 32}}));
  const auto labels = all.labels.values<std::uint8_t>();
  EXPECT_EQ(std::vector<int>(labels.begin(), labels.end()), (std::vector<int>{3, 9, 0}));
  EXPECT_EQ(all.images.values<std::uint8_t>()[3072], 1);
  EXPECT_TRUE(all.coarse.empty());
  write_bytes(folder / "c.bin", cifar_records({{19, 99}}));
  const data::ColourPictures fine = data::read_cifar100(folder / "c.bin");
  EXPECT_EQ(fine.labels.values<std::uint8_t>()[0], 99);
  EXPECT_EQ(fine.coarse.values<std::uint8_t>()[0], 19);
}

TEST(Cifar, RefusesOtherFiles) {
  const TemporaryFolder folder;
  const auto refused = [&](std::vector<unsigned char> bytes, std::string_view why, bool fine = false) {
    write_bytes(folder / "x.bin", bytes);
    expect_error(ErrorCode::bad_file, {"x.bin", why}, [&] {
      fine ? data::read_cifar100(folder / "x.bin") : data::read_cifar10(folder / "x.bin");
    });
  };
  std::vector<unsigned char> cut = cifar_records({{1}, {2}});
  cut.pop_back();
  refused(cut, "ends within record 1");
  refused({}, "no records");
  refused(cifar_records({{1}, {10}}), "label 10 in record 1");
  refused(cifar_records({{20, 5}}), "coarse label 20", true);
  refused(cifar_records({{3, 100}}), "label 100", true);
  expect_error(ErrorCode::io, {"none.bin"}, [&] { data::read_cifar10(folder / "none.bin"); });
}

}  // namespace
}  // namespace weft
