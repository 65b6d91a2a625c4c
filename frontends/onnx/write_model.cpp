#include "weft/frontends/onnx/write_model.h"

#include <fmt/format.h>

#include "weft/frontends/onnx/wire_writer.h"
#include "weft/graph/error.h"
#include "weft/runtime/files/file_system.h"

namespace weft::onnx {
namespace {

// One function for each message of the schema. Texts and numbers that have the schema's default are left out,
// except where their presence says something.

void put(WireWriter& out, const StringStringEntry& entry);
void put(WireWriter& out, const OperatorSetId& id);
void put(WireWriter& out, const TensorProto& tensor);
void put(WireWriter& out, const SparseTensorProto& tensor);
void put(WireWriter& out, const Dimension& dim);
void put(WireWriter& out, const TypeProto& type);
void put(WireWriter& out, const ValueInfoProto& info);
void put(WireWriter& out, const AttributeProto& attribute);
void put(WireWriter& out, const NodeProto& node);
void put(WireWriter& out, const GraphProto& graph);
void put(WireWriter& out, const FunctionProto& function);

void put_text(WireWriter& out, std::uint32_t field, const std::string& text) {
  if (!text.empty()) out.text(field, text);
}
void put_number(WireWriter& out, std::uint32_t field, std::int64_t number) {
  if (number != 0) out.integer(field, number);
}

template <typename M>
void put_message(WireWriter& out, std::uint32_t field, const M& message) {
  out.message(field, [&](WireWriter& inner) { put(inner, message); });
}
template <typename M>
void put_messages(WireWriter& out, std::uint32_t field, const std::vector<M>& messages) {
  for (const M& message : messages) put_message(out, field, message);
}
template <typename M>
void put_messages(WireWriter& out, std::uint32_t field,
                  const std::vector<std::shared_ptr<const M>>& messages) {
  for (const auto& message : messages) put_message(out, field, *message);
}

void put(WireWriter& out, const StringStringEntry& entry) {
  put_text(out, 1, entry.key);
  put_text(out, 2, entry.value);
}

void put(WireWriter& out, const OperatorSetId& id) {
  put_text(out, 1, id.domain);
  out.integer(2, id.version);
}

void put(WireWriter& out, const TensorProto& tensor) {
  out.integers<std::int64_t>(1, tensor.dims);
  out.integer(2, static_cast<std::int64_t>(tensor.data_type));
  out.floats<float>(4, tensor.float_data);
  out.integers<std::int32_t>(5, tensor.int32_data);
  for (const std::string& text : tensor.string_data) out.text(6, text);
  out.integers<std::int64_t>(7, tensor.int64_data);
  put_text(out, 8, tensor.name);
  if (tensor.raw_data) out.bytes(9, tensor.raw_data->bytes);
  out.floats<double>(10, tensor.double_data);
  out.integers<std::uint64_t>(11, tensor.uint64_data);
  put_text(out, 12, tensor.doc_string);
  put_messages(out, 13, tensor.external_data);
  if (tensor.external) out.integer(14, 1);
}

void put(WireWriter& out, const SparseTensorProto& tensor) {
  put_message(out, 1, tensor.values);
  put_message(out, 2, tensor.indices);
  out.integers<std::int64_t>(3, tensor.dims);
}

void put(WireWriter& out, const Dimension& dim) {
  if (dim.dim_value) out.integer(1, *dim.dim_value);
  put_text(out, 2, dim.dim_param);
}

void put(WireWriter& out, const TypeProto& type) {
  using Kind = TypeProto::Kind;
  constexpr std::uint32_t kElement = 1;
  const auto nested = [&](std::uint32_t field) {
    out.message(field, [&](WireWriter& inner) {
      if (type.elem != nullptr) put_message(inner, kElement, *type.elem);
    });
  };
  switch (type.kind) {
    case Kind::none:
      break;
    case Kind::tensor:
      out.message(1, [&](WireWriter& inner) {
        put_number(inner, kElement, static_cast<std::int64_t>(type.elem_type));
        if (type.shape) inner.message(2, [&](WireWriter& shape) { put_messages(shape, 1, *type.shape); });
      });
      break;
    case Kind::sequence:
      nested(4);
      break;
    case Kind::map:
      nested(5);
      break;
    case Kind::sparse_tensor:
      nested(8);
      break;
    case Kind::optional:
      nested(9);
      break;
  }
}

void put(WireWriter& out, const ValueInfoProto& info) {
  put_text(out, 1, info.name);
  if (info.type.kind != TypeProto::Kind::none) put_message(out, 2, info.type);
  put_text(out, 3, info.doc_string);
}

void put(WireWriter& out, const AttributeProto& attribute) {
  using Type = AttributeProto::Type;
  put_text(out, 1, attribute.name);
  const bool given = attribute.ref_attr_name.empty();
  if (given && attribute.type == Type::f32) out.f32(2, attribute.f);
  if (given && attribute.type == Type::integer) out.integer(3, attribute.i);
  if (given && attribute.type == Type::string) out.text(4, attribute.s);
  if (attribute.t != nullptr) put_message(out, 5, *attribute.t);
  if (attribute.g != nullptr) put_message(out, 6, *attribute.g);
  for (const float number : attribute.floats) out.f32(7, number);
  for (const std::int64_t number : attribute.ints) out.integer(8, number);
  for (const std::string& text : attribute.strings) out.text(9, text);
  put_messages(out, 10, attribute.tensors);
  put_messages(out, 11, attribute.graphs);
  put_text(out, 13, attribute.doc_string);
  if (attribute.tp != nullptr) put_message(out, 14, *attribute.tp);
  put_number(out, 20, static_cast<std::int64_t>(attribute.type));
  put_text(out, 21, attribute.ref_attr_name);
  if (attribute.sparse_tensor != nullptr) put_message(out, 22, *attribute.sparse_tensor);
}

void put(WireWriter& out, const NodeProto& node) {
  for (const std::string& name : node.input) out.text(1, name);
  for (const std::string& name : node.output) out.text(2, name);
  put_text(out, 3, node.name);
  put_text(out, 4, node.op_type);
  put_messages(out, 5, node.attribute);
  put_text(out, 6, node.doc_string);
  put_text(out, 7, node.domain);
}

void put(WireWriter& out, const GraphProto& graph) {
  put_messages(out, 1, graph.node);
  put_text(out, 2, graph.name);
  put_messages(out, 5, graph.initializer);
  put_text(out, 10, graph.doc_string);
  put_messages(out, 11, graph.input);
  put_messages(out, 12, graph.output);
  put_messages(out, 13, graph.value_info);
  put_messages(out, 15, graph.sparse_initializer);
}

void put(WireWriter& out, const FunctionProto& function) {
  put_text(out, 1, function.name);
  for (const std::string& name : function.input) out.text(4, name);
  for (const std::string& name : function.output) out.text(5, name);
  for (const std::string& name : function.attribute) out.text(6, name);
  put_messages(out, 7, function.node);
  put_text(out, 8, function.doc_string);
  put_messages(out, 9, function.opset_import);
  put_text(out, 10, function.domain);
  put_messages(out, 11, function.attribute_proto);
  put_messages(out, 12, function.value_info);
}

void put(WireWriter& out, const ModelProto& model) {
  out.integer(1, model.ir_version);
  put_text(out, 2, model.producer_name);
  put_text(out, 3, model.producer_version);
  put_text(out, 4, model.domain);
  put_number(out, 5, model.model_version);
  put_text(out, 6, model.doc_string);
  put_message(out, 7, model.graph);
  put_messages(out, 8, model.opset_import);
  put_messages(out, 14, model.metadata_props);
  put_messages(out, 25, model.functions);
}

}  // namespace

std::string model_bytes(const ModelProto& model) {
  WireWriter out;
  put(out, model);
  return std::move(out).take();
}

void write_model(const std::filesystem::path& path, const ModelProto& model) {
  constexpr std::size_t kMost = 0x7FFFFFFF;
  const std::string bytes = model_bytes(model);
  if (bytes.size() > kMost)
    throw Error(ErrorCode::unsupported,
                fmt::format("{}: the model has {} bytes", path.string(), bytes.size()),
                {.expected = "at most 2 GB, which Protocol Buffers allow"});
  write_text_file(path, bytes);
}

}  // namespace weft::onnx
