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

namespace {

std::string label_of(const Node& node) {
  constexpr std::size_t kMostOfAName = 120;
  const std::string_view own = node.name.empty() ? node.op.unique_label() : node.name;
  const std::string name = shortened(std::string(own), kMostOfAName);
  return fmt::format("{}{}{}\n{}", name, name.empty() ? "" : "\n", printable(node.op.name()),
                     join_types(node));
}

/// The programs inside of a graph's nodes; `prefix` comes before the names of its nodes, as in "4.0.".
std::string clusters_of(const Graph& graph, const std::string& prefix) {
  std::string text;
  for (NodeId id = 0; id < graph.size(); ++id) {
    const std::vector<Body> bodies = graph.node(id).op.bodies();
    for (std::size_t i = 0; i < bodies.size(); ++i) {
      const Program& program = *bodies[i].program;
      const std::string inside = fmt::format("{}{}.{}.", prefix, id, i);
      const auto name = [&](NodeId node) { return fmt::format("\"{}{}\"", inside, node); };
      const std::string title =
          fmt::format("{}, program {} of {}", graph.node(id).op.name(), i + 1, bodies.size());
      text += fmt::format("subgraph \"cluster_{}\" {{\nlabel={};\n", inside, quoted_for_dot(title));
      for (NodeId node = 0; node < program.graph->size(); ++node) {
        text += fmt::format("{}[shape=box, label={}];\n", name(node),
                            quoted_for_dot(label_of(program.graph->node(node))));
        const auto& inputs = program.graph->node(node).inputs;
        for (std::size_t operand = 0; operand < inputs.size(); ++operand)
          text += fmt::format("{}->{} [label=\"{}\"];\n", name(inputs[operand].node), name(node), operand);
      }
      text += clusters_of(*program.graph, inside) + "}\n";
      for (std::size_t root = 0; root < program.roots.size(); ++root)
        text += fmt::format("{}->\"{}{}\" [style=dashed, label=\"{}\"];\n", name(program.roots[root].node()),
                            prefix, id, root);
    }
  }
  return text;
}

}  // namespace

std::string to_dot(const Program& program) {
  const Graph& graph = *program.graph;
  std::string text = Topology(graph).to_dot([&](NodeId id) { return label_of(graph.node(id)); });
  text.insert(text.rfind('}'), clusters_of(graph, ""));
  return text;
}

}  // namespace weft
