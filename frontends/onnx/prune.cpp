#include "weft/frontends/onnx/prune.h"

#include <algorithm>
#include <ranges>
#include <set>
#include <string>
#include <vector>

namespace weft::onnx {
namespace {

using NameSet = std::set<std::string, std::less<>>;

/// A node with graphs has as many outputs as they have.
bool has_graphs(const NodeProto& node) {
  return std::ranges::any_of(node.attribute, [](const AttributeProto& each) { return each.g != nullptr; });
}

}  // namespace

void add_read(const NodeProto& node, std::set<std::string, std::less<>>& names) {
  names.insert(node.input.begin(), node.input.end());
  for (const AttributeProto& attribute : node.attribute) {
    if (attribute.g == nullptr) continue;
    for (const NodeProto& inner : attribute.g->node) add_read(inner, names);
  }
}

void prune(GraphProto& graph, const std::set<std::string, std::less<>>& kept) {
  NameSet needed;
  for (const ValueInfoProto& output : graph.output) needed.insert(output.name);
  const auto is_needed = [&](const std::string& name) { return needed.contains(name); };
  std::vector<NodeProto> nodes;
  for (NodeProto& node : std::views::reverse(graph.node)) {
    if (std::ranges::none_of(node.output, is_needed)) continue;
    while (!has_graphs(node) && !is_needed(node.output.back())) node.output.pop_back();
    add_read(node, needed);
    nodes.push_back(std::move(node));
  }
  std::ranges::reverse(nodes);
  graph.node = std::move(nodes);
  needed.insert(kept.begin(), kept.end());
  for (const ValueInfoProto& input : graph.input) needed.insert(input.name);
  std::erase_if(graph.initializer, [&](const TensorProto& tensor) { return !is_needed(tensor.name); });
}

}  // namespace weft::onnx
