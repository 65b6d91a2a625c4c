#include "weft/runtime/files/checkpoint.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "weft/tests/runtime/expect_close.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/random_tensor.h"
#include "weft/tests/support/temporary_folder.h"

namespace weft {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing_support::expect_error;
using testing_support::read_bytes;
using testing_support::same_bits;
using testing_support::TemporaryFolder;
using testing_support::TensorSource;
using testing_support::write_bytes;

using Bytes = std::vector<unsigned char>;

Checkpoint example() {
  TensorSource source("checkpoint");
  Checkpoint checkpoint;
  for (const DType dtype : {f32, f64}) {
    checkpoint.tensors.emplace(name_of(dtype), source.uniform({3, 5}, -1.0, 1.0, dtype));
  }
  for (const DType dtype : {i32, i64, u8})
    checkpoint.tensors.emplace(name_of(dtype), source.whole({7}, 100, dtype));
  checkpoint.tensors.emplace("bool", source.whole({2, 3}, 2, boolean));
  checkpoint.tensors.emplace("scalar", Tensor::scalar(2.5F));
  checkpoint.tensors.emplace("nothing", Tensor::zeros(f32, {0, 4}));
  checkpoint.metadata = {{"epoch", "3"}, {"text", "a \"quoted\"\nline, and \u00fc"}};
  return checkpoint;
}

/// A file as its parts: eight bytes of length, the header, the data.
Bytes assemble(const std::string& header, std::size_t data_bytes, std::uint64_t length) {
  Bytes bytes(8);
  std::memcpy(bytes.data(), &length, 8);
  bytes.insert(bytes.end(), header.begin(), header.end());
  bytes.resize(bytes.size() + data_bytes, 1);
  return bytes;
}
Bytes assemble(const std::string& header, std::size_t data_bytes) {
  return assemble(header, data_bytes, header.size());
}
Bytes assemble(const std::string& header, const Bytes& data) {
  Bytes bytes = assemble(header, 0);
  bytes.insert(bytes.end(), data.begin(), data.end());
  return bytes;
}

json entry(const std::string& dtype, const json& shape, const json& begin, const json& end) {
  return {{"dtype", dtype}, {"shape", shape}, {"data_offsets", {begin, end}}};
}

TEST(Checkpoint, ComesBackAsItWasWritten) {
  const TemporaryFolder folder;
  const Checkpoint written = example();
  write_checkpoint(folder / "model.safetensors", written);
  const Checkpoint read = read_checkpoint(folder / "model.safetensors");
  EXPECT_EQ(read.metadata, written.metadata);
  ASSERT_EQ(read.tensors.size(), written.tensors.size());
  for (const auto& [name, tensor] : written.tensors)
    EXPECT_TRUE(same_bits(read.tensors.at(name), tensor)) << name;
}

TEST(Checkpoint, OfNothingComesBackToo) {
  const TemporaryFolder folder;
  write_checkpoint(folder / "empty", {});
  const Checkpoint read = read_checkpoint(folder / "empty");
  EXPECT_TRUE(read.tensors.empty());
  EXPECT_TRUE(read.metadata.empty());
}

TEST(Checkpoint, ComesBackWhereverTensorsAreEmpty) {
  const TemporaryFolder folder;
  TensorSource source("empty tensors");
  for (int i = 0; i < 40; ++i) {
    Checkpoint written;
    const int count = 1 + i;
    for (int k = 0; k < count; ++k) {
      const std::int64_t size = source.whole({1}, 2, i64).item<std::int64_t>();  // a third of them are empty
      written.tensors.emplace(fmt::format("p{:03}", k), source.uniform({size, 2}, -1.0, 1.0));
    }
    write_checkpoint(folder / "file", written);
    const Checkpoint read = read_checkpoint(folder / "file");
    ASSERT_EQ(read.tensors.size(), written.tensors.size());
    for (const auto& [name, tensor] : written.tensors)
      EXPECT_TRUE(same_bits(read.tensors.at(name), tensor)) << name << " of " << count;
  }
}

TEST(Checkpoint, TakesEmptyTensorsInAnyOrderOfTheHeader) {
  const TemporaryFolder folder;
  const json header = {{"a", entry("F32", {2}, 0, 8)},    {"b", entry("F32", {0, 3}, 0, 0)},
                       {"c", entry("F32", {3, 0}, 8, 8)}, {"d", entry("U8", {4}, 8, 12)},
                       {"e", entry("BOOL", {0}, 12, 12)}, {"f", entry("I64", {0}, 8, 8)}};
  write_bytes(folder / "file", assemble(header.dump(), 12));
  const Checkpoint read = read_checkpoint(folder / "file");
  EXPECT_EQ(to_string(read.tensors.at("b").type()), "f32[0, 3]");
  EXPECT_EQ(to_string(read.tensors.at("e").type()), "bool[0]");
  EXPECT_EQ(to_string(read.tensors.at("d").type()), "u8[4]");
}

TEST(Checkpoint, TakesAHeaderWhoseMetadataIsNull) {
  const TemporaryFolder folder;
  write_bytes(folder / "file", assemble(R"({"__metadata__":null})", 0));
  EXPECT_TRUE(read_checkpoint(folder / "file").metadata.empty());
}

TEST(Checkpoint, ReadsNumbersAsTheShortestDTypeThatHoldsThem) {
  const TemporaryFolder folder;
  const json header = {{"bf16", entry("BF16", {2}, 0, 4)},      {"f16", entry("F16", {2}, 4, 8)},
                       {"i8", entry("I8", {2}, 8, 10)},         {"i16", entry("I16", {1}, 10, 12)},
                       {"u32", entry("U32", {1}, 12, 16)},      {"e4m3", entry("F8_E4M3", {2}, 16, 18)},
                       {"e5m2", entry("F8_E5M2", {2}, 18, 20)}, {"bool", entry("BOOL", {2}, 20, 22)},
                       {"u16", entry("U16", {1}, 22, 24)}};
  const Bytes data{0xC0, 0x3F, 0x00, 0xC0,  // bf16 1.5, -2
                   0x00, 0x3E, 0x01, 0x80,  // f16 1.5, -2^-24
                   0xFF, 0x7F, 0xFE, 0xFF,  // -1, 127; -2
                   0xFF, 0xFF, 0xFF, 0xFF,  // 2^32 - 1
                   0x3C, 0xFE, 0x3E, 0xFC,  // e4m3 1.5, -448; e5m2 1.5, -infinity
                   0x00, 0x07, 0xFF, 0xFF};
  write_bytes(folder / "file", assemble(header.dump(), data));
  const auto tensors = read_checkpoint(folder / "file").tensors;
  EXPECT_TRUE(identical(tensors.at("bf16"), Tensor::of({BFloat16(1.5), BFloat16(-2)})));
  EXPECT_TRUE(identical(tensors.at("f16"), Tensor::of({Float16(1.5), Float16(-0x1p-24)})));
  EXPECT_TRUE(identical(tensors.at("i8"), Tensor::of<std::int8_t>({-1, 127})));
  EXPECT_TRUE(identical(tensors.at("i16"), Tensor::of<std::int16_t>({-2})));
  EXPECT_TRUE(identical(tensors.at("u16"), Tensor::of<std::uint16_t>({65535})));
  EXPECT_TRUE(identical(tensors.at("u32"), Tensor::of<std::uint32_t>({4294967295})));
  EXPECT_TRUE(identical(tensors.at("e4m3"), Tensor::of({1.5F, -448.0F})));
  EXPECT_TRUE(identical(tensors.at("e5m2"), Tensor::of({1.5F, -std::numeric_limits<float>::infinity()})));
  EXPECT_TRUE(identical(tensors.at("bool"), Tensor::of<bool>({false, true}))) << "any other byte is true";
}

TEST(Checkpoint, ReadsWhatItCanBesideNumbersThatItCannot) {
  const TemporaryFolder folder;
  const json header = {
      {"c", entry("C64", {1}, 0, 8)}, {"f4", entry("F4", {4}, 8, 10)}, {"w", entry("U8", {2}, 10, 12)}};
  write_bytes(folder / "file", assemble(header.dump(), 12));
  CheckpointReader reader(folder / "file");
  EXPECT_EQ(to_string(reader.tensors().at("f4")), "f4[4]");
  EXPECT_TRUE(identical(reader.read("w", f32), Tensor::of({1.0F, 1.0F})));
  expect_error(ErrorCode::unsupported, {"\"c\"", "C64"}, [&] { reader.read("c", f32); });
  expect_error(ErrorCode::unsupported, {"C64"}, [&] { read_checkpoint(folder / "file"); });
  expect_error(ErrorCode::invalid_argument, {"no tensor", "\"x\""}, [&] { reader.read("x", f32); });
}

TEST(Checkpoint, IsSafetensorsForOtherReaders) {
  const TemporaryFolder folder;
  const Checkpoint written = example();
  write_checkpoint(folder / "model", written);
  const Bytes bytes = read_bytes(folder / "model");
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  EXPECT_EQ(length % 8, 0U) << "the data starts aligned";
  const json header = json::parse(bytes.begin() + 8, bytes.begin() + 8 + static_cast<std::ptrdiff_t>(length));
  EXPECT_EQ(header.at("__metadata__").at("epoch"), "3");
  EXPECT_EQ(header.at("f32").at("dtype"), "F32");
  EXPECT_EQ(header.at("bool").at("dtype"), "BOOL");
  EXPECT_EQ(header.at("f64").at("shape"), json({3, 5}));
  EXPECT_EQ(header.at("scalar").at("shape"), json::array());
  std::size_t end = 0;
  for (const auto& [name, tensor] : written.tensors) {
    const auto begin = header.at(name).at("data_offsets").at(0).get<std::size_t>();
    end = std::max(end, header.at(name).at("data_offsets").at(1).get<std::size_t>());
    EXPECT_EQ(std::memcmp(bytes.data() + 8 + length + begin, tensor.data(), tensor.bytes()), 0) << name;
  }
  EXPECT_EQ(bytes.size(), 8 + length + end);
}

TEST(Checkpoint, EqualContentsGiveEqualFiles) {
  const TemporaryFolder folder;
  write_checkpoint(folder / "a", example());
  write_checkpoint(folder / "b", example());
  EXPECT_EQ(read_bytes(folder / "a"), read_bytes(folder / "b"));
}

TEST(Checkpoint, TruncatedAnywhereIsABadFile) {
  const TemporaryFolder folder;
  write_checkpoint(folder / "whole", example());
  const Bytes whole = read_bytes(folder / "whole");
  ASSERT_GT(whole.size(), 500U);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    write_bytes(folder / "part", std::span(whole).first(size));
    expect_error(ErrorCode::bad_file, {"part"}, [&] { read_checkpoint(folder / "part"); });
    ASSERT_FALSE(HasFailure()) << "cut to " << size << " bytes";
  }
}

TEST(Checkpoint, OversizedIsABadFile) {
  const TemporaryFolder folder;
  write_checkpoint(folder / "file", example());
  Bytes bytes = read_bytes(folder / "file");
  for (const std::size_t more : {1U, 8U, 1000U}) {
    Bytes longer = bytes;
    longer.resize(longer.size() + more);
    write_bytes(folder / "file", longer);
    expect_error(ErrorCode::bad_file, {"longer"}, [&] { read_checkpoint(folder / "file"); });
  }
}

TEST(Checkpoint, AnyByteChangedIsReadOrRefused) {
  const TemporaryFolder folder;
  Checkpoint small;
  small.tensors.emplace("w", Tensor::of<float>({1, 2, 3}));
  small.metadata = {{"epoch", "3"}};
  write_checkpoint(folder / "file", small);
  const Bytes whole = read_bytes(folder / "file");
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const int flip : {0x01, 0x20, 0x80, 0xFF}) {
      Bytes changed = whole;
      changed[at] = static_cast<unsigned char>(changed[at] ^ flip);
      write_bytes(folder / "changed", changed);
      try {
        read_checkpoint(folder / "changed");
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::bad_file) << error.what();
      }
    }
  }
}

struct HostileCase {
  std::string name;
  Bytes file;
};
void PrintTo(const HostileCase& hostile, std::ostream* out) { *out << hostile.name; }

std::string object(const json& header) { return header.dump(); }

std::vector<HostileCase> hostile_files() {
  constexpr std::uint64_t kHuge = ~std::uint64_t{0};
  const json good = entry("F32", {2}, 0, 8);
  const std::string deep(100'000, '[');
  std::string deep_objects;
  for (int i = 0; i < 50'000; ++i) deep_objects += "{\"a\":";
  return {
      {"HeaderLengthHuge", assemble("{}", 0, kHuge)},
      {"HeaderLengthHuge2", assemble("{}", 0, kHuge - 7)},
      {"HeaderLengthOneTooLong", assemble("{}", 0, 3)},
      {"HeaderLengthPlausible", assemble("{}", 0, 90'000'000)},
      {"HeaderLengthZero", assemble("{}", 0, 0)},
      {"NotJson", assemble("hello", 0)},
      {"JsonWithSomethingBehind", assemble("{} x", 0)},
      {"Array", assemble("[]", 0)},
      {"Number", assemble("7", 0)},
      {"InvalidUtf8", assemble("{\"\xFF\":1}", 0)},
      {"DeepArrays", assemble(deep, 0)},
      {"DeepObjects", assemble(deep_objects, 0)},
      {"DeepInAnEntry", assemble("{\"a\":" + deep, 0)},
      {"Duplicate", assemble("{\"a\":" + good.dump() + ",\"a\":" + good.dump() + "}", 8)},
      {"DuplicateField",
       assemble(R"({"a":{"dtype":"F64","dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8)},
      {"EntryNoObject", assemble(object({{"a", 5}}), 0)},
      {"EntryNull", assemble(object({{"a", nullptr}}), 0)},
      {"NoDType", assemble(R"({"a":{"shape":[2],"data_offsets":[0,8]}})", 8)},
      {"NoShape", assemble(R"({"a":{"dtype":"F32","data_offsets":[0,8]}})", 8)},
      {"NoOffsets", assemble(R"({"a":{"dtype":"F32","shape":[2]}})", 8)},
      {"DTypeUnknown", assemble(object({{"a", entry("F17", {2}, 0, 4)}}), 4)},
      {"DTypeEndsWithinAByte", assemble(object({{"a", entry("F4", {3}, 0, 1)}}), 1)},
      {"DTypeWithALineBreak", assemble(object({{"a", entry("F\n17", {2}, 0, 4)}}), 4)},
      {"NameWithALineBreak", assemble(object({{"a\nb", entry("F17", {2}, 0, 4)}}), 4)},
      {"DTypeNumber", assemble(R"({"a":{"dtype":32,"shape":[2],"data_offsets":[0,8]}})", 8)},
      {"ShapeNegative", assemble(object({{"a", entry("F32", {-2}, 0, 8)}}), 8)},
      {"ShapeFraction", assemble(object({{"a", entry("F32", {2.0}, 0, 8)}}), 8)},
      {"ShapeText", assemble(object({{"a", entry("F32", {"2"}, 0, 8)}}), 8)},
      {"ShapeNumber", assemble(object({{"a", entry("F32", 2, 0, 8)}}), 8)},
      {"ShapeObject", assemble(object({{"a", entry("F32", {{"x", 2}}, 0, 8)}}), 8)},
      {"ShapeNull", assemble(object({{"a", entry("F32", nullptr, 0, 4)}}), 4)},
      {"ShapeHuge", assemble(object({{"a", entry("F32", {kHuge}, 0, 8)}}), 8)},
      {"ShapeOverflows", assemble(object({{"a", entry("F32", {1LL << 40, 1LL << 40}, 0, 8)}}), 8)},
      {"ShapeWrapsToFit", assemble(object({{"a", entry("F32", {1ULL << 62, 4}, 0, 0)}}), 0)},
      {"ShapeLies", assemble(object({{"a", entry("F32", {3}, 0, 8)}}), 8)},
      {"ShapeOfATerabyte", assemble(object({{"a", entry("F32", {1LL << 38}, 0, 1LL << 40)}}), 8)},
      {"OffsetsReversed", assemble(object({{"a", entry("F32", {2}, 8, 0)}}), 8)},
      {"OffsetsBeyond", assemble(object({{"a", entry("F32", {2}, 8, 16)}}), 8)},
      {"OffsetsNegative", assemble(object({{"a", entry("F32", {2}, -8, 0)}}), 8)},
      {"OffsetsHuge", assemble(object({{"a", entry("F32", {2}, kHuge - 8, kHuge)}}), 8)},
      {"OffsetsThree", assemble(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}})", 8)},
      {"OffsetsObject", assemble(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":{"0":0,"1":8}}})", 8)},
      {"Overlap", assemble(object({{"a", good}, {"b", entry("F32", {2}, 4, 12)}}), 12)},
      {"SameBytesTwice", assemble(object({{"a", good}, {"b", good}}), 8)},
      {"Gap", assemble(object({{"a", good}, {"b", entry("F32", {1}, 12, 16)}}), 16)},
      {"EmptyWithinAnother", assemble(object({{"a", good}, {"b", entry("F32", {0}, 4, 4)}}), 8)},
      {"EmptyBehindTheData", assemble(object({{"a", good}, {"b", entry("F32", {0}, 12, 12)}}), 8)},
      {"GapAtTheFront", assemble(object({{"a", entry("F32", {2}, 8, 16)}}), 16)},
      {"MetadataText", assemble(object({{"__metadata__", "x"}}), 0)},
      {"MetadataOfNumbers", assemble(object({{"__metadata__", {{"epoch", 3}}}}), 0)},
  };
}

class HostileCheckpoint : public testing::TestWithParam<HostileCase> {};

TEST_P(HostileCheckpoint, IsABadFile) {
  const TemporaryFolder folder;
  write_bytes(folder / "hostile", GetParam().file);
  expect_error(ErrorCode::bad_file, {"hostile"}, [&] { read_checkpoint(folder / "hostile"); });
}

INSTANTIATE_TEST_SUITE_P(Checkpoint, HostileCheckpoint, testing::ValuesIn(hostile_files()),
                         [](const auto& test) { return test.param.name; });

TEST(Checkpoint, ThatIsNoFileIsAnIoError) {
  const TemporaryFolder folder;
  expect_error(ErrorCode::io, {"missing"}, [&] { read_checkpoint(folder / "missing"); });
  expect_error(ErrorCode::io, {folder.path().string()}, [&] { read_checkpoint(folder.path()); });
}

TEST(Checkpoint, ThatCannotBeWrittenLeavesTheOldFile) {
  const TemporaryFolder folder;
  write_checkpoint(folder / "model", example());
  const Bytes before = read_bytes(folder / "model");
  Checkpoint broken = example();
  broken.metadata["not text"] = "\xFF\xFE";
  expect_error(ErrorCode::invalid_argument, {"UTF-8"}, [&] { write_checkpoint(folder / "model", broken); });
  Checkpoint reserved;
  reserved.tensors.emplace("__metadata__", Tensor::scalar(1.0F));
  expect_error(ErrorCode::invalid_argument, {"__metadata__"},
               [&] { write_checkpoint(folder / "model", reserved); });
  Checkpoint large;
  large.metadata["text"] = std::string(100'000'000, 'a');
  expect_error(ErrorCode::invalid_argument, {"model", "at most 100000000 bytes"},
               [&] { write_checkpoint(folder / "model", large); });
  expect_error(ErrorCode::io, {"nowhere"},
               [&] { write_checkpoint(folder / "nowhere" / "model", example()); });
  EXPECT_EQ(read_bytes(folder / "model"), before);
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(folder.path())) {
    names.push_back(file.path().filename().string());
  }
  EXPECT_THAT(names, ElementsAre("model")) << "no temporary file remains";
}

}  // namespace
}  // namespace weft
