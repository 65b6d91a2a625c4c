#include "weft/graph/verify.h"

#include <fmt/format.h>

namespace weft {
namespace {

[[noreturn]] void fail(const Graph& graph, NodeId id, const std::string& message) {
  const Node& node = graph.node(id);
  throw Error(ErrorCode::internal, fmt::format("node %{}: {}", id, message),
              {.op = std::string(node.op.name()), .node = node.name, .where = to_string(node.where)});
}

std::vector<TensorType> infer(const Graph& graph, NodeId id, std::span<const TensorType> inputs) {
  try {
    return graph.node(id).op.infer(inputs);
  } catch (const Error& error) {
    fail(graph, id, fmt::format("its op does not accept its inputs: {}", error.what()));
  }
}

void verify_node(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  std::vector<TensorType> inputs;
  for (const ValueId& input : node.inputs) {
    if (input.node >= id) fail(graph, id, fmt::format("its input %{} is not older than itself", input.node));
    const Node& producer = graph.node(input.node);
    if (input.output >= producer.outputs.size()) {
      fail(graph, id, fmt::format("its input %{} has no output {}", input.node, input.output));
    }
    inputs.push_back(producer.outputs[input.output]);
  }
  if (infer(graph, id, inputs) != node.outputs) {
    fail(graph, id, "its types are not what its shape rule infers");
  }
}

}  // namespace

void verify_graph(const Graph& graph) {
  for (NodeId id = 0; id < graph.size(); ++id) verify_node(graph, id);
}

void verify_graph(const Program& program) {
  verify_graph(*program.graph);
  for (const Value& root : program.roots) {
    if (!root.has_value() || &root.graph() != program.graph.get()) {
      throw Error(ErrorCode::internal, "a root does not belong to its program");
    }
    if (root.output() >= program.graph->node(root.node()).outputs.size()) {
      fail(*program.graph, root.node(), "a root names an output that it does not have");
    }
  }
}

}  // namespace weft
