#include "weft/graph/program.h"

#include <fmt/format.h>

#include <set>
#include <string>

namespace weft {

std::vector<TensorType> Body::results() const {
  std::vector<TensorType> types;
  for (const Value& root : program->roots) types.push_back(root.type());
  return types;
}

std::vector<NodeId> needed_nodes(const Graph& graph, std::span<const Value> roots) {
  // Inputs are older than their users, so one sweep from the youngest node finds everything.
  std::vector<bool> needed(graph.size(), false);
  for (const Value& root : roots) {
    expect_value(root, {}, "a root of the program", {});
    if (&root.graph() != &graph) {
      throw Error(ErrorCode::invalid_argument, "the values belong to different graphs");
    }
    needed.at(root.node()) = true;
  }
  std::vector<NodeId> ids;
  for (NodeId id = 0; id < graph.size(); ++id) {
    const NodeId node = static_cast<NodeId>(graph.size()) - 1 - id;
    if (!needed[node]) continue;
    ids.push_back(node);
    for (const ValueId& input : graph.node(node).inputs) needed[input.node] = true;
  }
  return {ids.rbegin(), ids.rend()};
}

namespace {

/// The replacement of a node in the new graph must have as many outputs, with the same types.
void check_image(const Node& node, std::span<const Value> outputs, bool binding) {
  Trail trail{.op = std::string(node.op.name()), .node = node.name, .where = to_string(node.where)};
  if (outputs.size() != node.outputs.size()) {
    trail.expected = std::to_string(node.outputs.size());
    trail.actual = std::to_string(outputs.size());
    throw Error(ErrorCode::internal, "a pass changed the number of outputs of a node", std::move(trail));
  }
  for (std::size_t i = 0; !binding && i < outputs.size(); ++i) {
    if (outputs[i].type() == node.outputs[i]) continue;
    trail.expected = to_string(node.outputs[i]);
    trail.actual = to_string(outputs[i].type());
    throw Error(ErrorCode::internal, "a pass changed the type of a value", std::move(trail));
  }
}

}  // namespace

Program rewrite(const Graph& graph, std::span<const Value> roots, const RewriteRule& rule, bool binding) {
  Program program{std::make_unique<Graph>(), {}};
  Graph& target = *program.graph;
  std::vector<std::vector<Value>> images(graph.size());
  std::vector<Value> inputs;
  for (const NodeId id : needed_nodes(graph, roots)) {
    const Node& node = graph.node(id);
    inputs.clear();
    for (const ValueId& input : node.inputs) inputs.push_back(images[input.node][input.output]);
    std::vector<Value> outputs;
    if (rule) {
      const Scope origin(target, "", node.where);
      outputs = rule(target, node, inputs);
    }
    if (outputs.empty()) outputs = target.outputs_of(target.add(node.op, inputs, node.where, node.name));
    check_image(node, outputs, binding);
    images[id] = std::move(outputs);
  }
  for (const Value& root : roots) program.roots.push_back(images[root.node()][root.output()]);
  return program;
}

namespace {

/// "f32[b, t, 3] and f32[t], with b = 2, t = 5": the types as they were written, and the numbers of their
/// symbols.
std::string written(const Graph& graph, const Node& node, const Bindings& bindings) {
  std::string text;
  std::set<std::string> symbols;
  const auto add = [&](const TensorType& type) {
    for (const Dim& dim : type.shape) {
      const std::vector<std::string> names = dim.symbols();
      symbols.insert(names.begin(), names.end());
    }
    return to_string(type);
  };
  for (const ValueId& input : node.inputs) text += (text.empty() ? "" : " and ") + add(graph.type(input));
  std::string result;
  for (const TensorType& output : node.outputs) result += (result.empty() ? "" : " and ") + add(output);
  text = text.empty() ? result : fmt::format("{} -> {}", text, result);
  std::string sizes;
  for (const std::string& symbol : symbols) {
    const auto found = bindings.find(symbol);
    if (found != bindings.end())
      sizes += fmt::format("{}{} = {}", sizes.empty() ? "" : ", ", symbol, found->second);
  }
  return sizes.empty() ? text : fmt::format("{} with {}", text, sizes);
}

/// The node with its symbols bound. An error shows the types as they were written, too.
std::vector<Value> bound(Graph& target, const Graph& graph, const Node& node, std::span<const Value> inputs,
                         const Bindings& bindings) {
  try {
    return target.outputs_of(target.add(node.op.bind(bindings), inputs, node.where, node.name));
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{} (in {})", error.message(), written(graph, node, bindings)),
                error.trail())
        .with({.op = std::string(node.op.name()), .node = node.name, .where = to_string(node.where)});
  }
}

}  // namespace

Program extract(const Graph& graph, std::span<const Value> roots, const Bindings& bindings) {
  if (bindings.empty()) return rewrite(graph, roots, nullptr);
  return rewrite(
      graph, roots,
      [&](Graph& target, const Node& node, std::span<const Value> inputs) {
        return bound(target, graph, node, inputs, bindings);
      },
      true);
}

}  // namespace weft
