#include "weft/frontends/onnx/read_model.h"

#include <utility>

#include "weft/graph/error.h"

namespace weft::onnx {
namespace {

/// The parser of one file: one function for each message of the schema.
class ModelParser {
 public:
  explicit ModelParser(std::shared_ptr<const void> owner) : owner_(std::move(owner)) {}

  ModelProto model(Message in) const;
  TensorProto tensor(Message in) const;
  std::vector<TensorProto> tensors_of_sequence(Message in) const;
  OptionalTensors optional(Message in) const;

 private:
  static StringStringEntry entry(Message in);
  static OperatorSetId operator_set(Message in);
  static Dimension dimension(Message in);
  static std::vector<Dimension> shape(Message in);
  static TypeProto tensor_type(Message in);
  static TypeProto nested_type(Message in, TypeProto::Kind kind);
  static TypeProto type(Message in);
  static ValueInfoProto value_info(Message in);
  SparseTensorProto sparse_tensor(Message in) const;
  AttributeProto attribute(Message in) const;
  NodeProto node(Message in) const;
  GraphProto graph(Message in) const;
  FunctionProto function(Message in) const;

  std::shared_ptr<const void> owner_;
};

std::string raw_text(const Message& in) {
  const auto bytes = in.bytes();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

StringStringEntry ModelParser::entry(Message in) {
  StringStringEntry made;
  while (in.next()) {
    if (in.field() == 1) made.key = in.text();
    if (in.field() == 2) made.value = in.text();
  }
  return made;
}

OperatorSetId ModelParser::operator_set(Message in) {
  OperatorSetId made;
  while (in.next()) {
    if (in.field() == 1) made.domain = in.text();
    if (in.field() == 2) made.version = in.integer();
  }
  return made;
}

Dimension ModelParser::dimension(Message in) {
  Dimension made;
  while (in.next()) {
    if (in.field() == 1) made = {.dim_value = in.integer(), .dim_param = {}};
    if (in.field() == 2) made = {.dim_value = {}, .dim_param = in.text()};
  }
  return made;
}

std::vector<Dimension> ModelParser::shape(Message in) {
  std::vector<Dimension> made;
  while (in.next()) {
    if (in.field() == 1) made.push_back(dimension(in.message("dim")));
  }
  return made;
}

TypeProto ModelParser::tensor_type(Message in) {
  TypeProto made{.kind = TypeProto::Kind::tensor, .elem_type = {}, .shape = {}, .elem = {}};
  while (in.next()) {
    if (in.field() == 1) made.elem_type = static_cast<DataType>(in.small_integer());
    if (in.field() == 2) made.shape = shape(in.message("shape"));
  }
  return made;
}

TypeProto ModelParser::nested_type(Message in, TypeProto::Kind kind) {
  TypeProto made{.kind = kind, .elem_type = {}, .shape = {}, .elem = {}};
  while (in.next()) {
    if (in.field() == 1) made.elem = std::make_shared<const TypeProto>(type(in.message("elem_type")));
  }
  return made;
}

TypeProto ModelParser::type(Message in) {
  using Kind = TypeProto::Kind;
  TypeProto made;
  while (in.next()) {
    switch (in.field()) {
      case 1:
        made = tensor_type(in.message("tensor_type"));
        break;
      case 4:
        made = nested_type(in.message("sequence_type"), Kind::sequence);
        break;
      case 5:
        made.kind = Kind::map;
        break;
      case 8:
        made.kind = Kind::sparse_tensor;
        break;
      case 9:
        made = nested_type(in.message("optional_type"), Kind::optional);
        break;
      default:
        break;
    }
  }
  return made;
}

ValueInfoProto ModelParser::value_info(Message in) {
  ValueInfoProto made;
  while (in.next()) {
    if (in.field() == 1) made.name = in.text();
    if (in.field() == 2) made.type = type(in.message("type"));
    if (in.field() == 3) made.doc_string = in.text();
  }
  return made;
}

TensorProto ModelParser::tensor(Message in) const {
  TensorProto made;
  while (in.next()) {
    switch (in.field()) {
      case 1:
        in.integers(made.dims);
        break;
      case 2:
        made.data_type = static_cast<DataType>(in.small_integer());
        break;
      case 3:
        in.fail("a tensor in segments, which are not read");
      case 4:
        in.f32s(made.float_data);
        break;
      case 5:
        in.small_integers(made.int32_data);
        break;
      case 6:
        made.string_data.push_back(raw_text(in));
        break;
      case 7:
        in.integers(made.int64_data);
        break;
      case 8:
        made.name = in.text();
        break;
      case 9:
        made.raw_data = SharedBytes{in.bytes(), owner_};
        break;
      case 10:
        in.f64s(made.double_data);
        break;
      case 11:
        in.naturals(made.uint64_data);
        break;
      case 12:
        made.doc_string = in.text();
        break;
      case 13:
        made.external_data.push_back(entry(in.message("external_data")));
        break;
      case 14:
        if (in.small_integer() > 1 || in.small_integer() < 0) in.fail("no place for data has such a number");
        made.external = in.small_integer() == 1;
        break;
      default:
        break;
    }
  }
  return made;
}

SparseTensorProto ModelParser::sparse_tensor(Message in) const {
  SparseTensorProto made;
  while (in.next()) {
    if (in.field() == 1) made.values = tensor(in.message("values"));
    if (in.field() == 2) made.indices = tensor(in.message("indices"));
    if (in.field() == 3) in.integers(made.dims);
  }
  return made;
}

AttributeProto ModelParser::attribute(Message in) const {
  AttributeProto made;
  while (in.next()) {
    switch (in.field()) {
      case 1:
        made.name = in.text();
        break;
      case 2:
        made.f = in.f32();
        break;
      case 3:
        made.i = in.integer();
        break;
      case 4:
        made.s = raw_text(in);
        break;
      case 5:
        made.t = std::make_shared<const TensorProto>(tensor(in.message("t")));
        break;
      case 6:
        made.g = std::make_shared<const GraphProto>(graph(in.message("g")));
        break;
      case 7:
        in.f32s(made.floats);
        break;
      case 8:
        in.integers(made.ints);
        break;
      case 9:
        made.strings.push_back(raw_text(in));
        break;
      case 10:
        made.tensors.push_back(std::make_shared<const TensorProto>(tensor(in.message("tensors"))));
        break;
      case 11:
        made.graphs.push_back(std::make_shared<const GraphProto>(graph(in.message("graphs"))));
        break;
      case 13:
        made.doc_string = in.text();
        break;
      case 14:
        made.tp = std::make_shared<const TypeProto>(type(in.message("tp")));
        break;
      case 20:
        made.type = static_cast<AttributeProto::Type>(in.small_integer());
        break;
      case 21:
        made.ref_attr_name = in.text();
        break;
      case 22:
        made.sparse_tensor =
            std::make_shared<const SparseTensorProto>(sparse_tensor(in.message("sparse_tensor")));
        break;
      default:
        break;
    }
  }
  return made;
}

NodeProto ModelParser::node(Message in) const {
  NodeProto made;
  while (in.next()) {
    switch (in.field()) {
      case 1:
        made.input.push_back(in.text());
        break;
      case 2:
        made.output.push_back(in.text());
        break;
      case 3:
        made.name = in.text();
        break;
      case 4:
        made.op_type = in.text();
        break;
      case 5:
        made.attribute.push_back(attribute(in.message("attribute")));
        break;
      case 6:
        made.doc_string = in.text();
        break;
      case 7:
        made.domain = in.text();
        break;
      default:
        break;
    }
  }
  return made;
}

GraphProto ModelParser::graph(Message in) const {
  GraphProto made;
  while (in.next()) {
    switch (in.field()) {
      case 1:
        made.node.push_back(node(in.message("node")));
        break;
      case 2:
        made.name = in.text();
        break;
      case 5:
        made.initializer.push_back(tensor(in.message("initializer")));
        break;
      case 10:
        made.doc_string = in.text();
        break;
      case 11:
        made.input.push_back(value_info(in.message("input")));
        break;
      case 12:
        made.output.push_back(value_info(in.message("output")));
        break;
      case 13:
        made.value_info.push_back(value_info(in.message("value_info")));
        break;
      case 15:
        made.sparse_initializer.push_back(sparse_tensor(in.message("sparse_initializer")));
        break;
      default:
        break;
    }
  }
  return made;
}

FunctionProto ModelParser::function(Message in) const {
  FunctionProto made;
  while (in.next()) {
    switch (in.field()) {
      case 1:
        made.name = in.text();
        break;
      case 4:
        made.input.push_back(in.text());
        break;
      case 5:
        made.output.push_back(in.text());
        break;
      case 6:
        made.attribute.push_back(in.text());
        break;
      case 7:
        made.node.push_back(node(in.message("node")));
        break;
      case 8:
        made.doc_string = in.text();
        break;
      case 9:
        made.opset_import.push_back(operator_set(in.message("opset_import")));
        break;
      case 10:
        made.domain = in.text();
        break;
      case 11:
        made.attribute_proto.push_back(attribute(in.message("attribute_proto")));
        break;
      case 12:
        made.value_info.push_back(value_info(in.message("value_info")));
        break;
      default:
        break;
    }
  }
  return made;
}

ModelProto ModelParser::model(Message in) const {
  ModelProto made;
  bool has_graph = false;
  while (in.next()) {
    switch (in.field()) {
      case 1:
        made.ir_version = in.integer();
        break;
      case 2:
        made.producer_name = in.text();
        break;
      case 3:
        made.producer_version = in.text();
        break;
      case 4:
        made.domain = in.text();
        break;
      case 5:
        made.model_version = in.integer();
        break;
      case 6:
        made.doc_string = in.text();
        break;
      case 7:
        if (has_graph) in.fail("a second graph");
        made.graph = graph(in.message("graph"));
        has_graph = true;
        break;
      case 8:
        made.opset_import.push_back(operator_set(in.message("opset_import")));
        break;
      case 14:
        made.metadata_props.push_back(entry(in.message("metadata_props")));
        break;
      case 20:
        made.has_training_info = true;
        break;
      case 25:
        made.functions.push_back(function(in.message("functions")));
        break;
      default:
        break;
    }
  }
  if (!has_graph) in.fail("a model without a graph");
  return made;
}

std::vector<TensorProto> ModelParser::tensors_of_sequence(Message in) const {
  constexpr std::int64_t kTensors = 1;
  std::vector<TensorProto> made;
  while (in.next()) {
    if (in.field() == 2 && in.integer() > kTensors) in.fail("a sequence of something else than tensors");
    if (in.field() == 3) made.push_back(tensor(in.message("tensor_values")));
  }
  return made;
}

OptionalTensors ModelParser::optional(Message in) const {
  OptionalTensors made;
  while (in.next()) {
    if (in.field() == 3) made.tensors = {tensor(in.message("tensor_value"))};
    if (in.field() == 5) made = {true, tensors_of_sequence(in.message("sequence_value"))};
  }
  return made;
}

}  // namespace

ModelProto parse_model(const SharedBytes& bytes, const std::string& name, const ReadLimits& limits) {
  WireFile file(bytes.bytes, name, limits);
  return ModelParser(bytes.owner).model(Message(file, "model"));
}

TensorProto parse_tensor(const SharedBytes& bytes, const std::string& name, const ReadLimits& limits) {
  WireFile file(bytes.bytes, name, limits);
  return ModelParser(bytes.owner).tensor(Message(file, "tensor"));
}

std::vector<TensorProto> parse_tensor_sequence(const SharedBytes& bytes, const std::string& name,
                                               const ReadLimits& limits) {
  WireFile file(bytes.bytes, name, limits);
  return ModelParser(bytes.owner).tensors_of_sequence(Message(file, "sequence"));
}

OptionalTensors parse_optional(const SharedBytes& bytes, const std::string& name, const ReadLimits& limits) {
  WireFile file(bytes.bytes, name, limits);
  return ModelParser(bytes.owner).optional(Message(file, "optional"));
}

ModelProto read_model(const std::filesystem::path& path, const ReadLimits& limits) {
  return parse_model(read_file(path), path.string(), limits);
}

}  // namespace weft::onnx
