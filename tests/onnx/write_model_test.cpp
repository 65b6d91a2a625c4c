#include "weft/frontends/onnx/write_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weft/frontends/onnx/read_model.h"
#include "weft/tests/onnx/model_builder.h"
#include "weft/tests/support/temporary_folder.h"

namespace weft::onnx {
namespace {

using testing::ElementsAre;
using testing_support::attribute;
using testing_support::model_of;
using testing_support::node;
using testing_support::tensor_proto;
using testing_support::value_info;

ModelProto parsed(const std::string& bytes) {
  const auto owner = std::make_shared<const std::string>(bytes);
  return parse_model({std::as_bytes(std::span(*owner)), owner}, "bytes");
}

AttributeProto typed(AttributeProto::Type type) {
  AttributeProto made;
  made.name = "a";
  made.type = type;
  return made;
}

std::vector<AttributeProto> attributes_of_all_types() {
  using Type = AttributeProto::Type;
  std::vector<AttributeProto> all{typed(Type::f32),    typed(Type::integer),  typed(Type::string),
                                  typed(Type::f32s),   typed(Type::integers), typed(Type::strings),
                                  typed(Type::tensor), typed(Type::graph),    typed(Type::tensors),
                                  typed(Type::graphs), typed(Type::type),     typed(Type::sparse_tensor)};
  all[0].f = -1.5F;
  all[1].i = -7;
  all[2].s = std::string("a\0b", 3);
  all[3].floats = {0.0F, 2.5F};
  all[4].ints = {0, -1, 300};
  all[5].strings = {"", "x"};
  all[6].t = std::make_shared<const TensorProto>(tensor_proto("t", {1, 2}, {2}));
  all[7].g = std::make_shared<const GraphProto>(model_of({"2"}, {node("Relu", {"x"}, {"y"})}).graph);
  all[8].tensors = {all[6].t, all[6].t};
  all[9].graphs = {all[7].g};
  all[10].tp = std::make_shared<const TypeProto>(value_info("v", {"n", "3"}).type);
  all[11].sparse_tensor = std::make_shared<const SparseTensorProto>(
      SparseTensorProto{tensor_proto("v", {5}, {1}), tensor_proto("i", {1}), {4}});
  return all;
}

ModelProto full_model() {
  ModelProto model = model_of({"batch", "0"}, {node("If", {"x", ""}, {"y"}, attributes_of_all_types())});
  model.producer_name = "weft";
  model.producer_version = "1";
  model.domain = "d";
  model.model_version = -3;
  model.doc_string = "words";
  model.metadata_props = {{"key", "value"}, {"empty", ""}};
  model.graph.doc_string = "graph";
  model.graph.node[0].name = "n";
  model.graph.node[0].domain = "own";
  model.graph.node[0].doc_string = "node";
  model.graph.initializer = {tensor_proto("w", {1, 2}, {1, 2}), tensor_proto("i", {-5, 1LL << 40})};
  TensorProto raw = tensor_proto("raw", {}, {0});
  raw.raw_data = SharedBytes{};
  raw.double_data = {0.5};
  raw.uint64_data = {~std::uint64_t{0}};
  raw.int32_data = {-1};
  raw.string_data = {"s"};
  raw.external = true;
  raw.external_data = {{"location", "f"}};
  model.graph.initializer.push_back(raw);
  model.graph.value_info = {value_info("h", {"batch"}, DataType::boolean)};
  model.graph.input[0].doc_string = "input";
  model.graph.output[0].type.shape.reset();
  auto element = std::make_shared<const TypeProto>(value_info("e").type);
  for (const auto kind : {TypeProto::Kind::sequence, TypeProto::Kind::optional}) {
    ValueInfoProto info = value_info("s");
    info.type = {.kind = kind, .elem_type = {}, .shape = {}, .elem = element};
    model.graph.input.push_back(info);
  }
  model.functions = {{"f",
                      {"a"},
                      {"b"},
                      {"c"},
                      {node("Relu", {"a"}, {"b"})},
                      "doc",
                      {{"", 17}},
                      "own",
                      {attribute("d", 4)},
                      {value_info("b")}}};
  return model;
}

TEST(OnnxWriteModel, GivesTheSameBytesAfterReading) {
  const std::string bytes = model_bytes(full_model());
  EXPECT_EQ(model_bytes(parsed(bytes)), bytes);
  EXPECT_EQ(model_bytes(full_model()), bytes);
}

TEST(OnnxWriteModel, KeepsEveryField) {
  const ModelProto model = parsed(model_bytes(full_model()));
  EXPECT_EQ(model.model_version, -3);
  EXPECT_EQ(model.metadata_props[0].value, "value");
  EXPECT_EQ(model.opset_import[0].version, 17);
  EXPECT_EQ(model.functions[0].attribute_proto[0].i, 4);
  EXPECT_EQ(model.functions[0].value_info[0].name, "b");
  const NodeProto& only = model.graph.node[0];
  EXPECT_THAT(only.input, ElementsAre("x", ""));
  EXPECT_EQ(only.domain, "own");
  EXPECT_EQ(only.attribute[0].f, -1.5F);
  EXPECT_EQ(only.attribute[2].s, std::string("a\0b", 3));
  EXPECT_THAT(only.attribute[4].ints, ElementsAre(0, -1, 300));
  EXPECT_THAT(only.attribute[5].strings, ElementsAre("", "x"));
  EXPECT_EQ(only.attribute[7].g->node[0].op_type, "Relu");
  EXPECT_EQ(only.attribute[10].tp->shape->at(0).dim_param, "n");
  EXPECT_THAT(only.attribute[11].sparse_tensor->dims, ElementsAre(4));
  EXPECT_EQ(model.graph.input[0].type.shape->at(1).dim_value, 0);
  EXPECT_EQ(model.graph.input[1].type.elem->elem_type, DataType::f32);
  EXPECT_FALSE(model.graph.output[0].type.shape.has_value());
  EXPECT_THAT(model.graph.initializer[1].int64_data, ElementsAre(-5, 1LL << 40));
  const TensorProto& raw = model.graph.initializer[2];
  EXPECT_TRUE(raw.raw_data.has_value());
  EXPECT_TRUE(raw.external);
  EXPECT_THAT(raw.uint64_data, ElementsAre(~std::uint64_t{0}));
  EXPECT_THAT(raw.int32_data, ElementsAre(-1));
}

TEST(OnnxWriteModel, WritesAFileThatIsRead) {
  const testing_support::TemporaryFolder folder;
  const auto path = folder.path() / "model.onnx";
  write_model(path, full_model());
  EXPECT_EQ(model_bytes(read_model(path)), model_bytes(full_model()));
}

}  // namespace
}  // namespace weft::onnx
