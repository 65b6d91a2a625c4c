#include "weft/frontends/data/idx.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "weft/graph/philox.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/temporary_folder.h"

namespace weft::data {
namespace {

using testing_support::expect_error;
using testing_support::read_bytes;
using testing_support::TemporaryFolder;
using testing_support::write_bytes;
using Bytes = std::vector<unsigned char>;

Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Bytes header(unsigned char type, const std::vector<std::uint32_t>& sizes) {
  Bytes bytes{0, 0, type, static_cast<unsigned char>(sizes.size())};
  for (const std::uint32_t size : sizes) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<unsigned char>(size >> shift));
  }
  return bytes;
}

/// One gzip member, made by zlib and not by the code under test.
Bytes gzip(Bytes plain) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  Bytes packed(deflateBound(&stream, plain.size()));
  stream.next_in = plain.data();
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = packed.data();
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

class Idx : public testing::Test {
 protected:
  std::filesystem::path file(const Bytes& bytes) const {
    write_bytes(folder_ / "file", bytes);
    return folder_ / "file";
  }
  /// Reading `bytes`, plain and as gzip, fails in the same way.
  void expect_both_fail(ErrorCode code, std::initializer_list<std::string_view> parts, const Bytes& bytes) {
    for (const Bytes& form : {bytes, gzip(bytes)}) {
      const auto path = file(form);
      SCOPED_TRACE(form == bytes ? "plain" : "gzip");
      expect_error(code, {path.string(), "; expected ", ", got "}, [&] { read_idx(path); });
      expect_error(code, parts, [&] { read_idx(path); });
    }
  }

  TemporaryFolder folder_;
};

template <typename T>
Tensor counting(const std::vector<std::int64_t>& sizes) {
  Tensor tensor = Tensor::uninitialized(dtype_of<T>(), sizes);
  T next{1};
  for (T& value : tensor.mutable_values<T>()) {
    value = next;
    next = static_cast<T>(next + next / T{3} + T{1});
    if (next > T{100}) next = T{0};
  }
  return tensor;
}

TEST_F(Idx, ReadsBackWhatItWroteInEveryTypeAndRank) {
  const std::vector<std::vector<std::int64_t>> shapes{{7}, {2, 3}, {2, 3, 4}, {2, 3, 1, 2}, {1, 2, 1, 3, 2}};
  for (const char* name : {"tensor", "tensor.gz"}) {
    for (const auto& sizes : shapes) {
      for (const Tensor& tensor : {counting<std::uint8_t>(sizes), counting<std::int32_t>(sizes),
                                   counting<float>(sizes), counting<double>(sizes)}) {
        write_idx(tensor, folder_ / name);
        EXPECT_TRUE(identical(read_idx(folder_ / name), tensor)) << name << " " << to_string(tensor.type());
      }
    }
  }
}

TEST_F(Idx, ReadsBigEndianElements) {
  const Bytes ints = header(0x0C, {2}) + Bytes{0x00, 0x00, 0x01, 0x02, 0xFF, 0xFF, 0xFF, 0xFE};
  EXPECT_TRUE(identical(read_idx(file(ints)), Tensor::of<std::int32_t>({258, -2})));
  const Bytes floats = header(0x0D, {1}) + Bytes{0x3F, 0xC0, 0x00, 0x00};
  EXPECT_TRUE(identical(read_idx(file(floats)), Tensor::of<float>({1.5F})));
  const Bytes doubles = header(0x0E, {1}) + Bytes{0xC0, 0x04, 0, 0, 0, 0, 0, 0};
  EXPECT_TRUE(identical(read_idx(file(gzip(doubles))), Tensor::of<double>({-2.5})));
}

TEST_F(Idx, WritesTheBytesThatTheFormatPrescribes) {
  write_idx(Tensor::of<std::int32_t>({1, -2}, {2, 1}), folder_ / "tensor");
  EXPECT_EQ(read_bytes(folder_ / "tensor"),
            header(0x0C, {2, 1}) + (Bytes{0, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0xFE}));
}

TEST_F(Idx, CompressesWhenTheNameSaysSo) {
  const Tensor zeros = Tensor::zeros(DType::u8, {10000});
  write_idx(zeros, folder_ / "zeros");
  write_idx(zeros, folder_ / "zeros.gz");
  EXPECT_EQ(std::filesystem::file_size(folder_ / "zeros"), 10008U);
  EXPECT_LT(std::filesystem::file_size(folder_ / "zeros.gz"), 200U);
}

TEST_F(Idx, WritesGzipOfBytesThatDoNotCompress) {
  Tensor noise = Tensor::uninitialized(DType::u8, {300'000});
  PhiloxSequence random(1, 0);
  for (std::uint8_t& value : noise.mutable_values<std::uint8_t>()) {
    value = static_cast<std::uint8_t>(random.below(256));
  }
  write_idx(noise, folder_ / "noise.gz");
  EXPECT_TRUE(identical(read_idx(folder_ / "noise.gz"), noise));
}

TEST_F(Idx, GrowsWithAGzipFileThatIsLargerThanItsFirstMemory) {
  const Tensor bytes = counting<std::uint8_t>({5, 1'000'003});
  const Tensor numbers = counting<double>({1'200'001});
  write_idx(bytes, folder_ / "bytes.gz");
  write_idx(numbers, folder_ / "numbers.gz");
  EXPECT_TRUE(identical(read_idx(folder_ / "bytes.gz"), bytes));
  EXPECT_TRUE(identical(read_idx(folder_ / "numbers.gz"), numbers));
}

TEST_F(Idx, ReadsAGzipFileOfSeveralMembers) {
  const Bytes first = header(0x08, {4}) + Bytes{1, 2};
  EXPECT_TRUE(identical(read_idx(file(gzip(first) + gzip({3, 4}))), Tensor::of<std::uint8_t>({1, 2, 3, 4})));
}

TEST_F(Idx, ReadsGzipThatIsPaddedWithZeros) {
  const Tensor expected = Tensor::of<std::uint8_t>({1, 2, 3, 4});
  const Bytes whole = gzip(header(0x08, {4}) + Bytes{1, 2, 3, 4});
  for (const std::size_t zeros : {1U, 8U, 70'000U})
    EXPECT_TRUE(identical(read_idx(file(whole + Bytes(zeros))), expected)) << zeros;
  const Bytes first = gzip(header(0x08, {4}) + Bytes{1, 2});
  EXPECT_TRUE(identical(read_idx(file(first + Bytes(100) + gzip({}) + gzip({3, 4}) + Bytes(3))), expected));
  const auto path = file(whole + Bytes(5) + Bytes{'x'});
  expect_error(ErrorCode::bad_file, {path.string(), "broken gzip"}, [&] { read_idx(path); });
}

TEST_F(Idx, ReadsGzipWithEveryFieldOfItsHeader) {
  // Flags: text, CRC-16 of the header, extra field, name and comment.
  z_stream stream{};
  ASSERT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  gz_header fields{};
  Bytes extra(300, 7);
  Bytes name{'f', 0};
  Bytes comment{'a', 0};
  fields.text = 1;
  fields.extra = extra.data();
  fields.extra_len = static_cast<uInt>(extra.size());
  fields.name = name.data();
  fields.comment = comment.data();
  fields.hcrc = 1;
  ASSERT_EQ(deflateSetHeader(&stream, &fields), Z_OK);
  Bytes plain = header(0x08, {2}) + Bytes{5, 6};
  Bytes packed(1000);
  stream.next_in = plain.data();
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = packed.data();
  stream.avail_out = static_cast<uInt>(packed.size());
  ASSERT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  EXPECT_TRUE(identical(read_idx(file(packed)), Tensor::of<std::uint8_t>({5, 6})));
}

TEST_F(Idx, ReadsATensorWithoutElements) {
  EXPECT_TRUE(identical(read_idx(file(header(0x0D, {0, 28}))), Tensor::zeros(DType::f32, {0, 28})));
  EXPECT_TRUE(identical(read_idx(file(gzip(header(0x08, {3, 0})))), Tensor::zeros(DType::u8, {3, 0})));
}

TEST_F(Idx, RejectsAHeaderThatEndsEarly) {
  expect_both_fail(ErrorCode::bad_file, {"header ends early", "expected 4 more bytes, got 0"}, {});
  expect_both_fail(ErrorCode::bad_file, {"expected 4 more bytes, got 3"}, {0, 0, 8});
  expect_both_fail(ErrorCode::bad_file, {"expected 8 more bytes, got 5"}, {0, 0, 8, 2, 0, 0, 0, 1, 0});
}

TEST_F(Idx, RejectsATruncatedFile) {
  expect_both_fail(ErrorCode::bad_file, {"data ends early", "24 bytes of data for f32[2, 3], got 23"},
                   header(0x0D, {2, 3}) + Bytes(23));
}

TEST_F(Idx, RejectsBytesAfterTheData) {
  const Bytes longer = header(0x08, {3}) + Bytes(4);
  expect_both_fail(ErrorCode::bad_file, {"bytes after the data", "3 bytes of data for u8[3]"}, longer);
  expect_both_fail(ErrorCode::bad_file, {"bytes after the data"}, header(0x08, {0}) + Bytes(1));
}

TEST_F(Idx, RejectsAGzipStreamThatEndsEarly) {
  const Bytes whole = gzip(header(0x08, {5}) + Bytes{9, 8, 7, 6, 5});
  for (std::size_t length = 2; length < whole.size(); ++length) {
    const auto path = file(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)));
    expect_error(ErrorCode::bad_file, {path.string(), "got the end of the file"}, [&] { read_idx(path); });
  }
}

TEST_F(Idx, RejectsGarbageAfterTheGzipStream) {
  const auto path = file(gzip(header(0x08, {1}) + Bytes{1}) + Bytes{'x', 'y', 'z'});
  expect_error(ErrorCode::bad_file, {path.string(), "broken gzip", "nothing but zeros"},
               [&] { read_idx(path); });
}

TEST_F(Idx, RejectsAWrongGzipChecksum) {
  Bytes packed = gzip(header(0x08, {3}) + Bytes{1, 2, 3});
  packed[packed.size() - 8] ^= 1;  // the CRC-32 is the first half of the trailer
  const auto path = file(packed);
  expect_error(ErrorCode::bad_file, {path.string(), "broken gzip", "incorrect data check"},
               [&] { read_idx(path); });
}

TEST_F(Idx, RejectsWhatIsNotIdx) {
  expect_both_fail(ErrorCode::bad_file, {"not an IDX file", "got 0x89504E47"},
                   {0x89, 'P', 'N', 'G', 0, 0, 0, 0});
  expect_both_fail(ErrorCode::bad_file, {"type code", "got 0x0A"}, header(0x0A, {1}) + Bytes(1));
  expect_both_fail(ErrorCode::bad_file, {"rank of 1 or more", "got rank 0"}, {0, 0, 8, 0, 1});
}

TEST_F(Idx, WidensElementsThatHaveNoDtypeOfTheirSize) {
  const Bytes small = header(0x09, {2, 2}) + Bytes{0x01, 0xFF, 0x7F, 0x80};
  const Bytes middle = header(0x0B, {3}) + Bytes{0x01, 0x02, 0xFF, 0xFE, 0x80, 0x00};
  for (const bool packed : {false, true}) {
    EXPECT_TRUE(identical(read_idx(file(packed ? gzip(small) : small)),
                          Tensor::of<std::int32_t>({1, -1, 127, -128}, {2, 2})));
    EXPECT_TRUE(identical(read_idx(file(packed ? gzip(middle) : middle)),
                          Tensor::of<std::int32_t>({258, -2, -32768})));
  }
  EXPECT_TRUE(identical(read_idx(file(header(0x0B, {0, 5}))), Tensor::zeros(DType::i32, {0, 5})));
  expect_both_fail(ErrorCode::bad_file, {"data ends early", "6 bytes of data for i32[3], got 5"},
                   header(0x0B, {3}) + Bytes(5));
}

TEST_F(Idx, AllocatesNothingOnAHeadersWordAlone) {
  // No machine has the memory for the second: an allocation would not come back as an Error.
  expect_both_fail(ErrorCode::bad_file,
                   {"data ends early", "1099511627776 bytes of data for u8[1048576, 1048576]"},
                   header(0x08, {1U << 20, 1U << 20}) + Bytes(100));
  expect_both_fail(ErrorCode::bad_file, {"data ends early", "1152921504606846976 bytes of data"},
                   header(0x08, {1U << 20, 1U << 20, 1U << 20}) + Bytes(100));
}

TEST_F(Idx, RejectsSizesWhoseProductOverflows) {
  constexpr std::uint32_t kMost = 0xFFFFFFFF;
  expect_both_fail(ErrorCode::bad_file, {"impossible IDX header", "does not fit 63 bits"},
                   header(0x08, {kMost, kMost, kMost, kMost}) + Bytes(8));
  // 2^62 elements fit and their bytes do not.
  expect_both_fail(ErrorCode::bad_file, {"impossible IDX header", "size in bytes"},
                   header(0x0E, {1U << 31, 1U << 31}) + Bytes(8));
}

TEST_F(Idx, ReportsAFileThatCannotBeRead) {
  const auto missing = folder_ / "missing";
  expect_error(ErrorCode::io, {missing.string(), "expected a readable file", "No such file"},
               [&] { read_idx(missing); });
  expect_error(ErrorCode::io, {folder_.path().string(), "expected a regular file"},
               [&] { read_idx(folder_.path()); });
  const auto pipe = folder_ / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  expect_error(ErrorCode::io, {pipe.string(), "expected a regular file"}, [&] { read_idx(pipe); });
}

TEST_F(Idx, ReportsAFileThatMayNotBeRead) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read everything";
  const auto path = file(header(0x08, {0}));
  std::filesystem::permissions(path, std::filesystem::perms::none);
  expect_error(ErrorCode::io, {path.string(), "Permission denied"}, [&] { read_idx(path); });
}

std::size_t files_in(const TemporaryFolder& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder.path()), {}));
}

TEST_F(Idx, ReplacesAFileAndLeavesNothingElse) {
  for (const std::uint8_t value : {std::uint8_t{1}, std::uint8_t{2}}) {
    write_idx(Tensor::of<std::uint8_t>({value}), folder_ / "tensor");
    EXPECT_TRUE(identical(read_idx(folder_ / "tensor"), Tensor::of<std::uint8_t>({value})));
  }
  EXPECT_EQ(files_in(folder_), 1U);
}

TEST_F(Idx, KeepsTheOldFileWhenItCannotWriteTheNew) {
  const Tensor old = Tensor::of<std::uint8_t>({1, 2});
  write_idx(old, folder_ / "tensor");
  expect_error(ErrorCode::unsupported, {"IDX cannot hold this dtype", "got i64"},
               [&] { write_idx(Tensor::of<std::int64_t>({1}), folder_ / "tensor"); });
  expect_error(ErrorCode::unsupported, {"IDX cannot hold this shape", "got u8[]"},
               [&] { write_idx(Tensor::scalar<std::uint8_t>(1), folder_ / "tensor"); });
  expect_error(ErrorCode::unsupported, {"IDX cannot hold this shape", "got u8[0, 4294967296]"},
               [&] { write_idx(Tensor::zeros(DType::u8, {0, 4294967296}), folder_ / "tensor"); });
  EXPECT_TRUE(identical(read_idx(folder_ / "tensor"), old));
  EXPECT_EQ(files_in(folder_), 1U);
}

TEST_F(Idx, CleansUpWhenTheFileCannotTakeItsPlace) {
  std::filesystem::create_directory(folder_ / "taken");
  const auto path = folder_ / "taken";
  expect_error(ErrorCode::io, {path.string()}, [&] { write_idx(Tensor::of<std::uint8_t>({1}), path); });
  EXPECT_EQ(files_in(folder_), 1U);
  const auto nowhere = folder_ / "no/such/folder";
  expect_error(ErrorCode::io, {nowhere.string(), "No such file"},
               [&] { write_idx(Tensor::of<std::uint8_t>({1}), nowhere); });
}

}  // namespace
}  // namespace weft::data
