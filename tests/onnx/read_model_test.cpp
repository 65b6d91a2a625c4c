#include "weft/frontends/onnx/read_model.h"

#include <gtest/gtest.h>

#include <cmath>

#include "weft/graph/philox.h"
#include "weft/tests/onnx/wire_bytes.h"
#include "weft/tests/support/expect_error.h"

namespace weft::onnx {
namespace {

using testing_support::bytes_field;
using testing_support::expect_error;
using testing_support::number_field;
using testing_support::operator+;
using testing_support::shared;
using testing_support::text_field;
using testing_support::varint;
using testing_support::WireBytes;

ModelProto parse(const WireBytes& bytes, const ReadLimits& limits = {}) {
  return parse_model(shared(bytes), "m.onnx", limits);
}
TensorProto tensor(const WireBytes& bytes) { return parse_tensor(shared(bytes), "t.pb"); }

void expect_bad(std::initializer_list<std::string_view> parts, const WireBytes& bytes) {
  expect_error(ErrorCode::bad_file, parts, [&] { parse(bytes); });
}

/// A model of one node, with something in every kind of field.
WireBytes small_model() {
  const WireBytes attribute =
      text_field(1, "axis") + number_field(3, static_cast<std::uint64_t>(-2)) + number_field(20, 2);
  const WireBytes node = text_field(1, "x") + text_field(1, "y") + text_field(2, "z") +
                         text_field(4, "Concat") + bytes_field(5, attribute);
  const WireBytes dim = number_field(1, 3);
  const WireBytes named = text_field(2, "batch");
  const WireBytes type =
      bytes_field(1, number_field(1, 1) + bytes_field(2, bytes_field(1, named) + bytes_field(1, dim)));
  const WireBytes graph = bytes_field(1, node) + text_field(2, "main") +
                          bytes_field(11, text_field(1, "x") + bytes_field(2, type)) +
                          bytes_field(12, text_field(1, "z"));
  return number_field(1, 8) + bytes_field(7, graph) + bytes_field(8, number_field(2, 17));
}

TEST(OnnxReader, ReadsWhatAModelHas) {
  const ModelProto model = parse(small_model());
  EXPECT_EQ(model.ir_version, 8);
  ASSERT_EQ(model.opset_import.size(), 1U);
  EXPECT_EQ(model.opset_import[0].version, 17);
  ASSERT_EQ(model.graph.node.size(), 1U);
  const NodeProto& node = model.graph.node[0];
  EXPECT_EQ(node.op_type, "Concat");
  EXPECT_EQ(node.input, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(node.attribute.at(0).i, -2);
  const TypeProto& type = model.graph.input.at(0).type;
  EXPECT_EQ(type.elem_type, DataType::f32);
  ASSERT_TRUE(type.shape.has_value());
  EXPECT_EQ(type.shape.value_or(std::vector<Dimension>()).at(0).dim_param, "batch");
  EXPECT_EQ(type.shape.value_or(std::vector<Dimension>()).at(1).dim_value, 3);
}

TEST(OnnxReader, SkipsUnknownFieldsOfEveryForm) {
  const WireBytes unknown = number_field(99, 5) + bytes_field(98, {1, 2, 3}) + varint(97U << 3U | 1U) +
                            WireBytes(8, 0xFF) + varint(96U << 3U | 5U) + WireBytes(4, 0xFF);
  EXPECT_EQ(parse(unknown + small_model() + unknown).graph.node.size(), 1U);
}

TEST(OnnxReader, ReadsRepeatedNumbersPackedAndUnpacked) {
  const WireBytes packed = bytes_field(1, varint(2) + varint(300));
  const WireBytes unpacked = number_field(1, 4) + number_field(1, 5);
  EXPECT_EQ(tensor(packed + unpacked).dims, (std::vector<std::int64_t>{2, 300, 4, 5}));
  const WireBytes one = {0, 0, 0x80, 0x3F};
  EXPECT_EQ(tensor(bytes_field(4, one + one) + varint(4U << 3U | 5U) + one).float_data,
            (std::vector<float>{1.0F, 1.0F, 1.0F}));
}

TEST(OnnxReader, RefusesEveryPrefixThatEndsWithinAField) {
  const WireBytes whole = small_model();
  int parsed = 0;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    try {
      parse(WireBytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
      ++parsed;  // the fields before it are a model
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::bad_file) << error.what();
    }
  }
  EXPECT_LE(parsed, 1);
}

TEST(OnnxReader, RefusesLengthsBeyondWhatIsLeft) {
  expect_bad({"m.onnx: model, field 7 at byte 2", "100 bytes are announced and 1 are left"},
             number_field(1, 8) + varint(7U << 3U | 2U) + varint(100) + WireBytes{0});
  expect_bad({"18446744073709551615 bytes"}, varint(7U << 3U | 2U) + varint(~std::uint64_t{0}));
}

TEST(OnnxReader, NamesTheMessagesDownToTheField) {
  const WireBytes node = varint(1U << 3U | 2U) + varint(50);
  expect_bad({"model.graph.node, field 1 at byte 4: 50 bytes"}, bytes_field(7, bytes_field(1, node)));
}

TEST(OnnxReader, RefusesNumbersOfMoreThan64Bits) {
  expect_bad({"more than 64 bits"}, varint(1U << 3U) + WireBytes(10, 0x80) + WireBytes{0});
  expect_bad({"more than 64 bits"}, varint(1U << 3U) + WireBytes(9, 0xFF) + WireBytes{2});
  EXPECT_EQ(parse(varint(1U << 3U) + WireBytes(9, 0xFF) + WireBytes{1} + small_model()).ir_version, 8);
}

TEST(OnnxReader, RefusesGroupsAndFormsThatDoNotExist) {
  expect_bad({"groups are not read"}, varint(7U << 3U | 3U));
  expect_bad({"no field has such a form"}, varint(7U << 3U | 6U));
  expect_bad({"no field has such a number"}, varint(0));
  expect_bad({"not a message"}, number_field(7, 1));
  expect_bad({"not an integer"}, text_field(1, "8"));
}

TEST(OnnxReader, BoundsDepth) {
  WireBytes type = number_field(1, 1);
  for (int i = 0; i < 200; ++i) type = bytes_field(4, bytes_field(1, type));
  const WireBytes graph = bytes_field(11, text_field(1, "x") + bytes_field(2, type));
  expect_bad({"messages nest deeper than 100"}, bytes_field(7, graph));
}

TEST(OnnxReader, BoundsTheNumberOfMessages) {
  WireBytes graph;
  for (int i = 0; i < 50; ++i) graph = graph + bytes_field(1, {});
  expect_error(ErrorCode::bad_file, {"more than 20 messages"},
               [&] { parse(bytes_field(7, graph), {.depth = 100, .messages = 20}); });
}

TEST(OnnxReader, RefusesTextThatIsNotUtf8) {
  for (const char* text : {"\xFF", "\xC0\x80", "\xED\xA0\x80", "\xF5\x80\x80\x80", "\xE2\x82", "\x80"}) {
    expect_bad({"not UTF-8"}, text_field(2, text));
  }
  EXPECT_EQ(parse(text_field(2, "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80") + small_model()).producer_name,
            "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
}

TEST(OnnxReader, RefusesTwoGraphsAndNone) {
  expect_bad({"a model without a graph"}, number_field(1, 8));
  expect_bad({"a second graph"}, small_model() + bytes_field(7, {}));
}

TEST(OnnxReader, TakesRandomDamageAsAnErrorOrAModel) {
  const WireBytes whole = small_model();
  PhiloxSequence random(20261130, 7);
  for (int trial = 0; trial < 3000; ++trial) {
    WireBytes damaged = whole;
    for (int i = 0; i < 3; ++i) {
      damaged[random.next() % damaged.size()] = static_cast<unsigned char>(random.next());
    }
    try {
      parse(damaged);
    } catch (const Error& error) {
      ASSERT_EQ(error.code(), ErrorCode::bad_file) << "trial " << trial << ": " << error.what();
    }
  }
}

}  // namespace
}  // namespace weft::onnx
