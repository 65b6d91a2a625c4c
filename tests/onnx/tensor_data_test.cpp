#include "weft/frontends/onnx/tensor_data.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "weft/tests/onnx/wire_bytes.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/temporary_folder.h"

namespace weft::onnx {
namespace {

using testing_support::expect_error;
using testing_support::shared;
using testing_support::TemporaryFolder;
using testing_support::WireBytes;
using testing_support::write_bytes;

TensorProto of_type(DataType type, std::vector<std::int64_t> dims) {
  TensorProto proto;
  proto.name = "w";
  proto.data_type = type;
  proto.dims = std::move(dims);
  return proto;
}

template <typename T>
void expect_numbers(const TensorProto& proto, std::initializer_list<T> numbers) {
  const Tensor tensor = read_tensor(proto, {});
  EXPECT_TRUE(identical(tensor, Tensor::of(numbers, proto.dims))) << to_string(tensor);
}

void expect_bad(const TensorProto& proto, std::string_view part, const std::filesystem::path& folder = {}) {
  expect_error(ErrorCode::bad_file, {"the tensor 'w'", part}, [&] { read_tensor(proto, folder); });
}

TEST(OnnxTensor, ReadsTypedFields) {
  TensorProto floats = of_type(DataType::f32, {2});
  floats.float_data = {1.5F, -2.0F};
  expect_numbers(floats, {1.5F, -2.0F});
  TensorProto doubles = of_type(DataType::f64, {1});
  doubles.double_data = {0.1};
  expect_numbers(doubles, {0.1});
  TensorProto longs = of_type(DataType::i64, {1, 2});
  longs.int64_data = {-5, std::int64_t{1} << 40U};
  expect_numbers<std::int64_t>(longs, {-5, std::int64_t{1} << 40U});
  TensorProto bytes = of_type(DataType::u8, {2});
  bytes.int32_data = {0, 255};
  expect_numbers<std::uint8_t>(bytes, {0, 255});
  TensorProto bools = of_type(DataType::boolean, {2});
  bools.int32_data = {1, 0};
  expect_numbers(bools, {true, false});
}

TEST(OnnxTensor, ReadsRawData) {
  TensorProto raw = of_type(DataType::i32, {2});
  raw.raw_data = shared({1, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF});
  expect_numbers<std::int32_t>(raw, {1, -1});
  raw.dims = {};
  expect_bad(raw, "do not fill its sizes");
}

TEST(OnnxTensor, RefusesNumbersThatDoNotFitTheirType) {
  TensorProto bytes = of_type(DataType::u8, {1});
  bytes.int32_data = {256};
  expect_bad(bytes, "256 does not fit its type");
  TensorProto bools = of_type(DataType::boolean, {1});
  bools.raw_data = shared({2});
  expect_bad(bools, "neither 0 nor 1");
}

TEST(OnnxTensor, RefusesSizesThatTheDataDoNotFill) {
  TensorProto proto = of_type(DataType::f32, {1000, 1000, 1000});
  proto.float_data = {1.0F};
  expect_bad(proto, "expected 1000000000 numbers");
  proto.dims = {-1};
  expect_bad(proto, "a size is negative");
  proto.dims = {std::int64_t{1} << 40U, std::int64_t{1} << 40U};
  expect_bad(proto, "impossible sizes");
}

TEST(OnnxTensor, NamesATypeThatHasNoDType) {
  expect_error(ErrorCode::unsupported, {"no dtype for ONNX's string"},
               [] { read_tensor(of_type(DataType::string, {}), {}); });
  expect_error(ErrorCode::unsupported, {"type 99"},
               [] { read_tensor(of_type(static_cast<DataType>(99), {}), {}); });
}

class OnnxExternalData : public testing::Test {
 protected:
  OnnxExternalData() {
    std::filesystem::create_directory(folder_ / "model");
    std::filesystem::create_directory(folder_ / "model" / "weights");
    write_bytes(folder_ / "model/weights/w.bin", WireBytes{9, 9, 9, 9, 1, 0, 0, 0, 2, 0, 0, 0});
    write_bytes(folder_ / "secret.bin", WireBytes{7, 0, 0, 0, 7, 0, 0, 0});
  }
  TensorProto external(const std::string& location, const std::string& offset = "0",
                       const std::string& length = "8") {
    TensorProto proto = of_type(DataType::i32, {2});
    proto.external = true;
    proto.external_data = {{"location", location}, {"offset", offset}, {"length", length}};
    return proto;
  }
  std::filesystem::path model() const { return folder_ / "model"; }

  TemporaryFolder folder_;
};

TEST_F(OnnxExternalData, IsReadFromItsPlaceInTheFile) {
  const Tensor tensor = read_tensor(external("weights/w.bin", "4"), model());
  EXPECT_TRUE(identical(tensor, Tensor::of<std::int32_t>({1, 2})));
}

TEST_F(OnnxExternalData, StaysInTheFolderOfTheModel) {
  expect_bad(external("../secret.bin"), "outside of the model's folder", model());
  expect_bad(external("weights/../../secret.bin"), "outside of the model's folder", model());
  expect_bad(external((folder_ / "secret.bin").string()), "cannot lie at", model());
  expect_bad(external(""), "cannot lie at", model());
  std::filesystem::create_symlink(folder_ / "secret.bin", model() / "link.bin");
  expect_bad(external("link.bin"), "behind a link", model());
  std::filesystem::create_directory_symlink(folder_.path(), model() / "out");
  expect_bad(external("out/secret.bin"), "behind a link", model());
}

TEST_F(OnnxExternalData, EndsWithinItsFile) {
  expect_bad(external("weights/w.bin", "8"), "end beyond 'weights/w.bin'", model());
  expect_bad(external("weights/w.bin", "18446744073709551615"), "end beyond", model());
  expect_bad(external("weights/w.bin", "-1"), "no number", model());
  expect_bad(external("weights/w.bin", "0", "7"), "do not fill it", model());
  TensorProto huge = external("weights/w.bin");
  huge.dims = {std::int64_t{1} << 40U};
  expect_bad(huge, "end beyond", model());
}

TEST_F(OnnxExternalData, IsARegularFile) {
  ASSERT_EQ(::mkfifo((model() / "pipe").c_str(), 0600), 0);
  expect_error(ErrorCode::io, {"not a regular file"}, [&] { read_tensor(external("pipe"), model()); });
  expect_error(ErrorCode::io, {"cannot be opened"}, [&] { read_tensor(external("none.bin"), model()); });
}

TEST(OnnxSparseTensor, BecomesADenseOne) {
  SparseTensorProto proto;
  proto.values = of_type(DataType::f32, {2});
  proto.values.float_data = {5.0F, 6.0F};
  proto.indices = of_type(DataType::i64, {2, 2});
  proto.indices.int64_data = {0, 1, 1, 0};
  proto.dims = {2, 2};
  EXPECT_TRUE(identical(read_sparse_tensor(proto, {}), Tensor::of({0.0F, 5.0F, 6.0F, 0.0F}, {2, 2})));
  proto.indices.int64_data = {0, 1, 2, 0};
  expect_error(ErrorCode::bad_file, {"an index lies outside"}, [&] { read_sparse_tensor(proto, {}); });
}

}  // namespace
}  // namespace weft::onnx
