#pragma once
// Functions that are saved and loaded.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "weft/frontends/onnx/export.h"
#include "weft/frontends/onnx/import.h"
#include "weft/frontends/onnx/read_model.h"
#include "weft/frontends/onnx/write_model.h"
#include "weft/graph/print.h"
#include "weft/graph/program.h"

namespace weft::testing_support {

/// A model as it comes back from its file.
inline onnx::ModelProto from_file(const onnx::ModelProto& model) {
  const auto bytes = std::make_shared<const std::string>(onnx::model_bytes(model));
  return onnx::parse_model({std::as_bytes(std::span(*bytes)), bytes}, "bytes");
}

/// The names and lines of nodes in bodies, which the text of a graph leaves out.
inline std::string text_of_bodies(const Graph& graph, bool is_body = false) {
  std::string text;
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph.node(id);
    if (is_body) text += fmt::format("{} '{}' {}\n", node.op.name(), node.name, to_string(node.where));
    for (const Body& body : node.op.bodies()) text += text_of_bodies(*body.program->graph, true);
  }
  return text;
}

/// All that is known of the nodes that these values need.
inline std::string text_of(Graph& graph, std::vector<Value> outputs, const std::vector<Value>& updates) {
  outputs.insert(outputs.end(), updates.begin(), updates.end());
  const Program program = extract(graph, outputs);
  return to_text(program) + text_of_bodies(*program.graph);
}
inline std::string text_of(const FunctionSpec& spec) {
  Graph& graph = spec.outputs.empty() ? spec.updates.at(0).graph() : spec.outputs[0].graph();
  return text_of(graph, spec.outputs, spec.updates);
}
/// The outputs that the function had; those with the next values of parameters follow them.
inline std::string text_of(Graph& graph, const onnx::Imported& imported, const FunctionSpec& spec) {
  std::vector<Value> outputs;
  for (std::size_t i = 0; i < spec.outputs.size(); ++i)
    outputs.push_back(imported.outputs.at(i).values.at(0));
  return text_of(graph, outputs, imported.updates);
}

/// Saves and loads a function and compares the nodes; false if it cannot be saved.
inline bool comes_back(const FunctionSpec& spec) {
  onnx::ModelProto model;
  try {
    model = onnx::export_model(spec);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::unsupported) << error.what();
    return false;
  }
  Graph loaded;
  const onnx::Imported imported =
      onnx::import_model(loaded, from_file(model), {}, {.mode = onnx::Mode::training});
  EXPECT_TRUE(imported.is_as_saved);
  EXPECT_EQ(text_of(loaded, imported, spec), text_of(spec));
  EXPECT_EQ(imported.inputs.size(), spec.inputs.size());
  return true;
}

}  // namespace weft::testing_support
