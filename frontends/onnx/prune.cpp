#include "weft/frontends/onnx/prune.h"

#include <algorithm>
#include <ranges>
#include <set>
#include <string>
#include <vector>

namespace weft::onnx {

void prune(GraphProto& graph, const std::set<std::string, std::less<>>& kept) {
  std::set<std::string, std::less<>> needed;
  for (const ValueInfoProto& output : graph.output) needed.insert(output.name);
  const auto is_needed = [&](const std::string& name) { return needed.contains(name); };
  std::vector<NodeProto> nodes;
  for (NodeProto& node : std::views::reverse(graph.node)) {
    if (std::ranges::none_of(node.output, is_needed)) continue;
    while (!is_needed(node.output.back())) node.output.pop_back();
    needed.insert(node.input.begin(), node.input.end());
    nodes.push_back(std::move(node));
  }
  std::ranges::reverse(nodes);
  graph.node = std::move(nodes);
  needed.insert(kept.begin(), kept.end());
  for (const ValueInfoProto& input : graph.input) needed.insert(input.name);
  std::erase_if(graph.initializer, [&](const TensorProto& tensor) { return !is_needed(tensor.name); });
}

}  // namespace weft::onnx
