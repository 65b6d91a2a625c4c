#include "weft/frontends/data/npz.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <string>
#include <vector>

#include "weft/frontends/data/npy.h"
#include "weft/graph/philox.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/temporary_folder.h"

namespace weft::data {
namespace {

using testing::ElementsAre;
using testing_support::expect_error;
using testing_support::read_bytes;
using testing_support::TemporaryFolder;
using testing_support::write_bytes;

std::string little(std::uint64_t number, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(number >> (8 * i) & 0xFFU);
  return text;
}

/// A file in an archive, made by hand: stored, with the sizes and the checksum that it is said to have.
struct ZipFile {
  std::string name;
  std::string bytes;
  std::uint32_t stated_size;
  int method = 0;
  int flags = 0;
};

std::string zip_of(const std::vector<ZipFile>& files) {
  std::string all;
  std::string directory;
  for (const ZipFile& file : files) {
    const auto crc = static_cast<std::uint32_t>(
        crc32(0, reinterpret_cast<const Bytef*>(file.bytes.data()), static_cast<uInt>(file.bytes.size())));
    const std::string common = little(20, 2) + little(file.flags, 2) + little(file.method, 2) + little(0, 2) +
                               little(0x21, 2) + little(crc, 4) + little(file.bytes.size(), 4) +
                               little(file.stated_size, 4) + little(file.name.size(), 2) + little(0, 2);
    directory += "PK\x01\x02" + little(20, 2) + common + little(0, 2) + little(0, 2) + little(0, 2) +
                 little(0, 4) + little(all.size(), 4) + file.name;
    all += "PK\x03\x04" + common + file.name + file.bytes;
  }
  return all + directory + "PK\x05\x06" + little(0, 4) + little(files.size(), 2) + little(files.size(), 2) +
         little(directory.size(), 4) + little(all.size(), 4) + little(0, 2);
}

class Npz : public testing::Test {
 protected:
  std::filesystem::path file(const std::string& bytes) const {
    write_bytes(folder_ / "file.npz", std::vector<unsigned char>(bytes.begin(), bytes.end()));
    return folder_ / "file.npz";
  }
  /// The bytes of a .npy file.
  std::string npy_of(const Tensor& tensor) const {
    write_npy(tensor, folder_ / "one.npy");
    const auto bytes = read_bytes(folder_ / "one.npy");
    return {bytes.begin(), bytes.end()};
  }
  ZipFile entry(const std::string& name, const Tensor& tensor) const {
    const std::string bytes = npy_of(tensor);
    return {.name = name, .bytes = bytes, .stated_size = static_cast<std::uint32_t>(bytes.size())};
  }

  TemporaryFolder folder_;
};

NamedArrays some_arrays() {
  Tensor noise = Tensor::uninitialized(DType::f32, {1000, 3});
  PhiloxSequence random(1, 0);
  for (float& number : noise.mutable_values<float>()) number = random.uniform();
  return {{"noise", noise},
          {"zeros", Tensor::zeros(DType::i64, {100, 100})},
          {"a/b:0", Tensor::scalar(2.5)},
          {"größe", Tensor::of(std::vector<bool>{true, false})}};
}

TEST_F(Npz, ReadsBackWhatItWrote) {
  const NamedArrays arrays = some_arrays();
  for (const NpzCompression compression : {NpzCompression::stored, NpzCompression::deflated}) {
    write_npz(arrays, folder_ / "a.npz", compression);
    const NamedArrays read = read_npz(folder_ / "a.npz");
    ASSERT_EQ(read.size(), arrays.size());
    for (const auto& [name, tensor] : arrays) EXPECT_TRUE(identical(read.at(name), tensor)) << name;
  }
}

TEST_F(Npz, CompressesOnlyWhenAskedAndWritesTheSameBytesTwice) {
  write_npz(some_arrays(), folder_ / "stored.npz");
  write_npz(some_arrays(), folder_ / "deflated.npz", NpzCompression::deflated);
  write_npz(some_arrays(), folder_ / "again.npz", NpzCompression::deflated);
  EXPECT_GT(std::filesystem::file_size(folder_ / "stored.npz"), 80000U + 12000U);
  EXPECT_LT(std::filesystem::file_size(folder_ / "deflated.npz"), 20000U);
  EXPECT_EQ(read_bytes(folder_ / "again.npz"), read_bytes(folder_ / "deflated.npz"));
}

TEST_F(Npz, ReadsSingleArraysByTheirNames) {
  write_npz(some_arrays(), folder_ / "a.npz");
  NpzReader reader(folder_ / "a.npz");
  EXPECT_THAT(reader.names(), ElementsAre("a/b:0", "größe", "noise", "zeros"));
  EXPECT_EQ(reader.read("a/b:0").item<double>(), 2.5);
  EXPECT_EQ(reader.read("zeros").elements(), 10000);
  expect_error(ErrorCode::invalid_argument, {"no array 'noisy'", "did you mean 'noise'"},
               [&] { reader.read("noisy"); });
}

TEST_F(Npz, ReadsArchivesOfOtherWriters) {
  const ZipFile x = entry("x.npy", Tensor::of({1.0F, 2.0F}));
  const ZipFile text{.name = "notes.txt", .bytes = "hello", .stated_size = 5};
  const NamedArrays read = read_npz(file(zip_of({x, text})));
  ASSERT_EQ(read.size(), 1U);
  EXPECT_TRUE(identical(read.at("x"), Tensor::of({1.0F, 2.0F})));
}

TEST_F(Npz, RefusesArchivesThatLie) {
  const ZipFile x = entry("x.npy", Tensor::of({1.0F, 2.0F}));
  expect_error(ErrorCode::bad_file, {"two arrays are called 'x'"}, [&] { read_npz(file(zip_of({x, x}))); });
  expect_error(ErrorCode::bad_file, {"file.npz"}, [&] { read_npz(file("no archive")); });
  std::string bytes = zip_of({x});
  bytes[bytes.find(x.bytes) + x.bytes.size() - 1] ^= '\x01';  // of a number, which its checksum covers
  expect_error(ErrorCode::bad_file, {"file.npz:x"}, [&] { read_npz(file(bytes)); });
  ZipFile larger = x;
  larger.stated_size = 0x7FFFFFFF;
  expect_error(ErrorCode::bad_file, {"file.npz"}, [&] { read_npz(file(zip_of({larger}))); });
  ZipFile longer = x;
  longer.bytes += "more";
  longer.stated_size += 4;
  expect_error(ErrorCode::bad_file, {"file.npz:x", "bytes after the data"},
               [&] { read_npz(file(zip_of({longer}))); });
}

TEST_F(Npz, RefusesCutArchivesAtEveryLength) {
  const std::string good = zip_of({entry("x.npy", Tensor::of({1.0F, 2.0F}))});
  EXPECT_EQ(read_npz(file(good)).size(), 1U);
  for (std::size_t bytes = 0; bytes < good.size(); ++bytes) {
    try {
      read_npz(file(good.substr(0, bytes)));
      ADD_FAILURE() << bytes << " bytes were read";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::bad_file) << error.what();
    }
  }
}

TEST_F(Npz, SurvivesEveryChangedByte) {
  const std::string good = zip_of({entry("x.npy", Tensor::of({1.0F, 2.0F}))});
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const int change : {0x01, 0xFF}) {
      std::string bytes = good;
      bytes[at] = static_cast<char>(bytes[at] ^ change);
      try {
        read_npz(file(bytes));
      } catch (const Error& error) {
        EXPECT_NE(error.code(), ErrorCode::internal) << error.what();
      }
    }
  }
}

TEST_F(Npz, RefusesWhatItCannotUnpack) {
  ZipFile other = entry("x.npy", Tensor::scalar(1.0F));
  other.method = 97;  // WavPack
  expect_error(ErrorCode::unsupported, {"file.npz:x"}, [&] { read_npz(file(zip_of({other}))); });
  ZipFile locked = entry("x.npy", Tensor::scalar(1.0F));
  locked.flags = 1;
  expect_error(ErrorCode::unsupported, {"file.npz:x"}, [&] { read_npz(file(zip_of({locked}))); });
}

TEST_F(Npz, RefusesToWriteWhatHasNoName) {
  expect_error(ErrorCode::invalid_argument, {"name"},
               [&] { write_npz({{"", Tensor::scalar(1.0F)}}, folder_ / "a.npz"); });
  expect_error(ErrorCode::invalid_argument, {"at least one"}, [&] { write_npz({}, folder_ / "a.npz"); });
  expect_error(ErrorCode::io, {"nowhere"},
               [&] { write_npz({{"x", Tensor::scalar(1.0F)}}, folder_ / "nowhere/a.npz"); });
  expect_error(ErrorCode::io, {"nothing.npz"}, [&] { read_npz(folder_ / "nothing.npz"); });
  expect_error(ErrorCode::io, {"a folder"}, [&] { read_npz(folder_.path()); });
  EXPECT_FALSE(std::filesystem::exists(folder_ / "a.npz"));
}

}  // namespace
}  // namespace weft::data
