#pragma once
// Small models as structs, for tests of the import.

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "weft/frontends/onnx/import.h"
#include "weft/frontends/onnx/model.h"
#include "weft/runtime/session.h"

namespace weft::testing_support {

using onnx::AttributeProto;
using onnx::DataType;
using onnx::ModelProto;
using onnx::NodeProto;
using Names = std::vector<std::string>;

inline onnx::TensorProto tensor_proto(const std::string& name, std::vector<float> numbers,
                                      std::vector<std::int64_t> dims) {
  onnx::TensorProto proto;
  proto.name = name;
  proto.data_type = DataType::f32;
  proto.dims = std::move(dims);
  proto.float_data = std::move(numbers);
  return proto;
}

inline onnx::TensorProto tensor_proto(const std::string& name, std::vector<std::int64_t> numbers) {
  onnx::TensorProto proto;
  proto.name = name;
  proto.data_type = DataType::i64;
  proto.dims = {static_cast<std::int64_t>(numbers.size())};
  proto.int64_data = std::move(numbers);
  return proto;
}

inline onnx::ValueInfoProto value_info(const std::string& name, const std::vector<std::string>& sizes = {},
                                       DataType type = DataType::f32) {
  onnx::ValueInfoProto info;
  info.name = name;
  info.type.kind = onnx::TypeProto::Kind::tensor;
  info.type.elem_type = type;
  info.type.shape.emplace();
  for (const std::string& size : sizes) {
    onnx::Dimension dim;
    const bool is_number = !size.empty() && size.find_first_not_of("0123456789") == std::string::npos;
    if (is_number) {
      dim.dim_value = std::stoll(size);
    } else {
      dim.dim_param = size;
    }
    info.type.shape->push_back(dim);
  }
  return info;
}

inline AttributeProto attribute(const std::string& name, std::int64_t number) {
  AttributeProto made;
  made.name = name;
  made.type = AttributeProto::Type::integer;
  made.i = number;
  return made;
}
inline AttributeProto attribute(const std::string& name, std::shared_ptr<const onnx::GraphProto> graph) {
  AttributeProto made;
  made.name = name;
  made.type = AttributeProto::Type::graph;
  made.g = std::move(graph);
  return made;
}

inline NodeProto node(const std::string& op, Names inputs, Names outputs,
                      std::vector<AttributeProto> attributes = {}) {
  NodeProto made;
  made.op_type = op;
  made.input = std::move(inputs);
  made.output = std::move(outputs);
  made.attribute = std::move(attributes);
  return made;
}

/// A model with an input "x" of these sizes and an output "y".
inline ModelProto model_of(const std::vector<std::string>& sizes, std::vector<NodeProto> nodes) {
  ModelProto model;
  model.ir_version = 8;
  model.opset_import = {{"", 17}};
  model.graph.name = "test";
  model.graph.input = {value_info("x", sizes)};
  model.graph.output = {value_info("y")};
  model.graph.node = std::move(nodes);
  return model;
}

inline std::vector<float> numbers_of(const Tensor& tensor) {
  const auto numbers = tensor.values<float>();
  return {numbers.begin(), numbers.end()};
}

/// What "y" is for "x".
inline Tensor run_model(const ModelProto& model, const Tensor& x, const onnx::Options& options = {}) {
  Graph graph;
  const onnx::Imported imported = onnx::import_model(graph, model, {}, options);
  Session session(graph);
  return session.compile({.inputs = {imported.input("x")}, .outputs = {imported.output("y")}})({x})[0];
}

}  // namespace weft::testing_support
