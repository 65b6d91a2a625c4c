#include "weft/graph/print.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "weft/graph/text.h"
#include "weft/graph/topology.h"

namespace weft {
namespace {

std::string reference(const Graph& graph, ValueId id) {
  return graph.node(id.node).outputs.size() == 1 ? fmt::format("%{}", id.node)
                                                 : fmt::format("%{}.{}", id.node, id.output);
}

std::string join_types(const Node& node) {
  std::vector<std::string> types;
  for (const TensorType& type : node.outputs) types.push_back(to_string(type));
  return fmt::format("{}", fmt::join(types, ", "));
}

std::string line_of(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  std::vector<std::string> inputs;
  for (const ValueId& input : node.inputs) inputs.push_back(reference(graph, input));
  const std::string attributes = node.op.attributes_text();
  std::string line = fmt::format("%{} = {}({})", id, node.op.name(), fmt::join(inputs, ", "));
  if (!attributes.empty()) line += fmt::format(" {{{}}}", attributes);
  line += fmt::format(" : {}", join_types(node));
  const std::string where = to_string(node.where);
  if (!node.name.empty() || !where.empty()) {
    line += fmt::format("  # {}{}{}", node.name, node.name.empty() || where.empty() ? "" : ", ", where);
  }
  return printable(line) + "\n";
}

}  // namespace

std::string to_text(const Graph& graph, std::span<const Value> roots) {
  std::string text;
  for (NodeId id = 0; id < graph.size(); ++id) text += line_of(graph, id);
  if (roots.empty()) return text;
  std::vector<std::string> names;
  for (const Value& root : roots) names.push_back(reference(graph, {root.node(), root.output()}));
  return text + fmt::format("roots {}\n", fmt::join(names, ", "));
}

std::string to_text(const Program& program) { return to_text(*program.graph, program.roots); }

std::string to_dot(const Program& program) {
  const Graph& graph = *program.graph;
  return Topology(graph).to_dot([&](NodeId id) {
    constexpr std::size_t kMostOfAName = 120;
    const Node& node = graph.node(id);
    return fmt::format("{}{}{}\n{}", shortened(node.name, kMostOfAName), node.name.empty() ? "" : "\n",
                       printable(node.op.name()), join_types(node));
  });
}

}  // namespace weft
