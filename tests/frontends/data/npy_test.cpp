#include "weft/frontends/data/npy.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <limits>
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
using std::string_literals::operator""s;

/// A file of version 1.0 with this header, padded as NumPy pads it, and these bytes as its numbers.
std::string npy(const std::string& dict, const std::string& numbers) {
  std::string header = dict;
  header.append((64 - (10 + header.size() + 1) % 64) % 64, ' ');
  header += '\n';
  return "\x93NUMPY\x01\x00"s + static_cast<char>(header.size() % 256) +
         static_cast<char>(header.size() / 256) + header + numbers;
}

std::string dict_of(const std::string& descr, const std::string& shape, bool fortran = false) {
  return fmt::format("{{'descr': '{}', 'fortran_order': {}, 'shape': {}, }}", descr,
                     fortran ? "True" : "False", shape);
}

class Npy : public testing::Test {
 protected:
  std::filesystem::path file(const std::string& bytes) const {
    write_bytes(folder_ / "file.npy", std::vector<unsigned char>(bytes.begin(), bytes.end()));
    return folder_ / "file.npy";
  }
  Tensor read(const std::string& bytes) const { return read_npy(file(bytes)); }
  void expect_bad(std::initializer_list<std::string_view> parts, const std::string& bytes,
                  ErrorCode code = ErrorCode::bad_file) const {
    const auto path = file(bytes);
    expect_error(code, {path.string()}, [&] { read_npy(path); });
    expect_error(code, parts, [&] { read_npy(path); });
  }

  TemporaryFolder folder_;
};

TEST_F(Npy, WritesTheBytesThatNumPyWrites) {
  write_npy(Tensor::of<std::int32_t>({1, -2}, {2, 1}), folder_ / "a.npy");
  const std::string expected =
      "\x93NUMPY\x01\x00v\x00{'descr': '<i4', 'fortran_order': False, 'shape': (2, 1), }"s +
      std::string(58, ' ') + "\n\x01\x00\x00\x00\xFE\xFF\xFF\xFF"s;
  EXPECT_EQ(expected.size(), 128U + 8U);
  EXPECT_EQ(read_bytes(folder_ / "a.npy"), std::vector<unsigned char>(expected.begin(), expected.end()));
}

TEST_F(Npy, ReadsBackEveryDtypeAndRank) {
  const std::vector<std::vector<std::int64_t>> shapes{{}, {1}, {7}, {2, 3}, {2, 0, 3}, {1, 2, 1, 3, 2}};
  for (const char* name : {"a.npy", "a.npy.gz"}) {
    for (const auto& sizes : shapes) {
      for (const DType dtype : kDTypes) {
        Tensor tensor = Tensor::uninitialized(dtype, sizes);
        PhiloxSequence random(1, 0);
        visit_dtype(dtype, [&]<typename T>(T) {
          for (T& number : tensor.mutable_values<T>()) number = static_cast<T>(100.0F * random.uniform());
        });
        write_npy(tensor, folder_ / name);
        const Tensor read = read_npy(folder_ / name);
        if (dtype == DType::bf16) {  // which NumPy does not have
          ASSERT_EQ(read.dtype(), DType::f32);
          for (std::int64_t i = 0; i < read.elements(); ++i)
            EXPECT_EQ(read.values<float>()[i], static_cast<float>(tensor.values<BFloat16>()[i]));
        } else {
          EXPECT_TRUE(identical(read, tensor)) << name << " " << to_string(tensor.type());
        }
      }
    }
  }
}

TEST_F(Npy, KeepsNaNsInfinitiesAndSignedZeros) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  const Tensor tensor = Tensor::of<double>({-0.0, kInf, -kInf, std::nan("")});
  write_npy(tensor, folder_ / "a.npy");
  EXPECT_TRUE(identical(read_npy(folder_ / "a.npy"), tensor));
}

TEST_F(Npy, TransposesTheOrderOfFortran) {
  const Tensor read = this->read(npy(dict_of("|u1", "(2, 3)", true), "\x01\x04\x02\x05\x03\x06"s));
  EXPECT_TRUE(identical(read, Tensor::of<std::uint8_t>({1, 2, 3, 4, 5, 6}, {2, 3})));
  std::string cube;
  for (int k = 0; k < 4; ++k) {
    for (int j = 0; j < 3; ++j) {
      for (int i = 0; i < 2; ++i) cube += {static_cast<char>(12 * i + 4 * j + k), '\0'};
    }
  }
  const Tensor big = this->read(npy(dict_of("<i2", "(2, 3, 4)", true), cube));
  for (std::int16_t i = 0; i < 24; ++i) EXPECT_EQ(big.values<std::int16_t>()[i], i);
  EXPECT_EQ(
      this->read(npy(dict_of("<f4", "(4611686018427387904, 4611686018427387904, 0)", true), "")).elements(),
      0);
}

TEST_F(Npy, SwapsBigEndianNumbers) {
  EXPECT_TRUE(identical(read(npy(dict_of(">i4", "(2,)"), "\x00\x00\x01\x02\xFF\xFF\xFF\xFE"s)),
                        Tensor::of<std::int32_t>({258, -2})));
  EXPECT_TRUE(
      identical(read(npy(dict_of(">f8", "()"), "\xC0\x04\x00\x00\x00\x00\x00\x00"s)), Tensor::scalar(-2.5)));
}

TEST_F(Npy, ReadsEveryVersionAndWhatPython2Wrote) {
  const std::string dict = "{\"shape\": (2L,), 'fortran_order':False,'descr':'|b1'}\n";
  const Tensor expected = Tensor::of(std::vector<bool>{true, false});
  EXPECT_TRUE(identical(read(npy(dict, "\x01\x00"s)), expected));
  for (const char version : {'\x02', '\x03'}) {
    const std::string start = "\x93NUMPY"s + version + '\0' + static_cast<char>(dict.size()) + "\0\0\0"s;
    EXPECT_TRUE(identical(read(start + dict + "\x01\x00"s), expected));
  }
}

TEST_F(Npy, RefusesFilesThatAreCutOrTooLong) {
  const std::string good = npy(dict_of("<f4", "(3,)"), std::string(12, '\0'));
  EXPECT_EQ(read(good).elements(), 3);
  for (std::size_t bytes = 0; bytes < good.size(); ++bytes)
    expect_error(ErrorCode::bad_file, {"early"}, [&] { read(good.substr(0, bytes)); });
  expect_bad({"bytes after the data", "12 bytes of data for f32[3]", "got 13"}, good + "x");
}

TEST_F(Npy, RefusesHeadersThatLie) {
  expect_bad({"a version of .npy that is not known", "9.0"},
             "\x93NUMPY\x09\x00"
             "aaaa"s);
  expect_bad({"not a .npy file"}, "\x93NUMPX\x01\x00 something else"s);
  expect_bad({"too long", "at most 10000 bytes", "4294967295"}, "\x93NUMPY\x02\x00\xFF\xFF\xFF\xFF"s);
  expect_bad({"the data ends early", "f64[1000000000000]"}, npy(dict_of("<f8", "(1000000000000,)"), "abc"));
  expect_bad({"an impossible shape"}, npy(dict_of("<f8", "(4611686018427387904, 2)"), ""));
  expect_bad({"a size from 0 to 2^63 - 1", "got -1,)"}, npy(dict_of("<f8", "(-1,)"), ""));
  expect_bad({"a size from 0 to 2^63 - 1"}, npy(dict_of("<f8", "(9223372036854775808,)"), ""));
  std::string axes = "(";
  for (int i = 0; i < 100; ++i) axes += "1, ";
  expect_bad({"at most 64 axes"}, npy(dict_of("|u1", axes + ")"), "x"));
}

TEST_F(Npy, RefusesHeadersThatAreNoDictOfNumPy) {
  const auto bad = [&](const std::string& header) {
    expect_bad({"a broken .npy header at byte"}, npy(header, ""));
  };
  bad("");
  bad("{}");
  bad("{'descr': '<f4'}");
  bad("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (0,)}");
  bad("{'descr': '<f4', 'fortran_order': False, 'shape': (0,), 'more': 1}");
  bad("{'descr': '<f4', 'fortran_order': 0, 'shape': (0,)}");
  bad("{'descr': '<f4', 'fortran_order': False, 'shape': (0)}");
  bad("{'descr': '<f4', 'fortran_order': False, 'shape': [0]}");
  bad("{'descr': '<f4', 'fortran_order': False, 'shape': (0,)} + open('x')");
  bad("{'descr': '<f4, 'fortran_order': False, 'shape': (0,)}");
  bad("{'descr': '<\\x664', 'fortran_order': False, 'shape': (0,)}");
  bad("{'descr': '<f4', 'fortran_order': False, 'shape': (0,)\0}"s);
}

TEST_F(Npy, RefusesWhatIsNoNumber) {
  for (const char* descr : {"|O", "<U5", "|S3", "<c8", "<M8[ns]", "|V2", "<f16", "f4", "|f4", "=f4", "", "<"})
    expect_bad({"an element type that weft does not have", fmt::format("'{}'", descr)},
               npy(dict_of(descr, "(0,)"), ""), ErrorCode::unsupported);
  expect_bad({"an array of records"},
             npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (0,)}", ""),
             ErrorCode::unsupported);
  expect_bad({"element 1 is no bool", "got 2"}, npy(dict_of("|b1", "(2,)"), "\x01\x02"s));
}

TEST_F(Npy, AllocatesOnlyWhatACompressedFileHasShown) {
  const std::string big = npy(dict_of("<f8", "(100000000000,)"), std::string(100, '\0'));
  write_bytes(folder_ / "plain", std::vector<unsigned char>(big.begin(), big.end()));
  // A gzip member without compression: a stored block of deflate.
  std::vector<unsigned char> gzip{0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 1};
  const auto size = static_cast<std::uint16_t>(big.size());
  for (const std::uint16_t word : {size, static_cast<std::uint16_t>(~size)}) {
    gzip.push_back(static_cast<unsigned char>(word % 256));
    gzip.push_back(static_cast<unsigned char>(word / 256));
  }
  gzip.insert(gzip.end(), big.begin(), big.end());
  write_bytes(folder_ / "a.npy.gz", gzip);
  expect_error(ErrorCode::bad_file, {"broken gzip"}, [&] { read_npy(folder_ / "a.npy.gz"); });
}

TEST_F(Npy, SaysWhichFileCannotBeOpenedOrWritten) {
  expect_error(ErrorCode::io, {"nothing.npy"}, [&] { read_npy(folder_ / "nothing.npy"); });
  expect_error(ErrorCode::io, {"a folder"}, [&] { read_npy(folder_.path()); });
  expect_error(ErrorCode::io, {"nowhere"},
               [&] { write_npy(Tensor::scalar(1.0F), folder_ / "nowhere/a.npy"); });
  const std::vector<std::int64_t> ones(33, 1);
  expect_error(ErrorCode::unsupported, {"at most 32 axes"},
               [&] { write_npy(Tensor::zeros(DType::f32, ones), folder_ / "a.npy"); });
  EXPECT_FALSE(std::filesystem::exists(folder_ / "a.npy"));
}

}  // namespace
}  // namespace weft::data
