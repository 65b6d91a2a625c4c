#include <algorithm>
#include <cstring>
#include <optional>
#include <queue>
#include <ranges>
#include <unordered_map>

#include <fmt/format.h>

#include "weft/ops/source.h"
#include "weft/runtime/fuse.h"
#include "weft/runtime/fuse/rule.h"
#include "weft/runtime/fused_ops.h"

namespace weft {
namespace {

/// Not what can fail: the chain would hide that from the scheduler, which runs it before any update.
bool is_fusible(const Node& node) {
  const Traits traits = node.op.traits();
  return traits.elementwise && !traits.can_fail && !traits.stateful && node.outputs.size() == 1;
}

/// A longer chain gains nothing more and would need many tiles at once.
constexpr std::size_t kMostChainOps = 32;

/// The chains of a program: for each node that ends one, the nodes in it, oldest first.
std::unordered_map<NodeId, std::vector<NodeId>> find_chains(const Program& program) {
  const Graph& graph = *program.graph;
  const std::vector<int> uses = count_uses(program);
  std::vector<bool> taken(graph.size(), false);
  std::unordered_map<NodeId, std::vector<NodeId>> chains;
  const auto needed = needed_nodes(graph, program.roots);
  for (const NodeId root : std::views::reverse(needed)) {
    if (taken[root] || !is_fusible(graph.node(root))) continue;
    // Users come before producers, so when a node's turn comes all its users in the chain are known.
    std::vector<NodeId>& chain = chains[root];
    std::unordered_map<NodeId, int> used_here;
    std::priority_queue<NodeId> open;
    open.push(root);
    while (!open.empty() && chain.size() < kMostChainOps) {
      const NodeId id = open.top();
      open.pop();
      if (taken[id]) continue;
      if (id != root && used_here[id] != uses[id]) continue;
      taken[id] = true;
      chain.push_back(id);
      for (const ValueId& input : graph.node(id).inputs) {
        ++used_here[input.node];
        const Node& maker = graph.node(input.node);
        if (is_fusible(maker) && maker.outputs[0].shape == graph.node(root).outputs[0].shape)
          open.push(input.node);
      }
    }
    std::ranges::reverse(chain);
  }
  std::erase_if(chains, [](const auto& entry) { return entry.second.size() < 2; });
  return chains;
}

/// For a constant whose elements all have the same bits: that number as a scalar.
std::optional<Tensor> scalar_of(const Node& node) {
  constexpr std::int64_t kMostElements = 4096;
  if (node.op.constant() == nullptr) return std::nullopt;
  const Tensor& tensor = *node.op.constant();
  if (tensor.elements() == 0 || tensor.elements() > kMostElements) return std::nullopt;
  return visit_dtype(tensor.dtype(), [&]<typename T>(T) -> std::optional<Tensor> {
    const auto values = tensor.values<T>();
    const auto differs = [&](const T& x) { return std::memcmp(&x, values.data(), sizeof(T)) != 0; };
    if (std::ranges::any_of(values, differs)) return std::nullopt;
    return Tensor::scalar(values[0]);
  });
}

/// Builds the body of a chain; `externals` becomes the values that it takes from outside. With `scalars`,
/// constants of one repeated number go into the body as that number.
ElementwiseBody build_body(const Graph& graph, const std::vector<NodeId>& chain, bool scalars,
                           std::vector<ValueId>& externals) {
  auto program = std::make_shared<Program>(Program{std::make_unique<Graph>(), {}});
  Graph& body = *program->graph;
  std::unordered_map<NodeId, Value> images;
  std::vector<std::pair<ValueId, Tensor>> constants;
  const auto external = [&](const ValueId& id) { return std::ranges::find(chain, id.node) == chain.end(); };
  std::vector<std::pair<ValueId, Value>> outside;
  const auto find_outside = [&](const ValueId& id) {
    const auto found = std::ranges::find(outside, id, &std::pair<ValueId, Value>::first);
    return found == outside.end() ? Value() : found->second;
  };
  for (const NodeId id : chain) {
    for (const ValueId& operand_id : graph.node(id).inputs) {
      if (!external(operand_id) || find_outside(operand_id)) continue;
      const Node& maker = graph.node(operand_id.node);
      if (const auto number = scalars ? scalar_of(maker) : std::nullopt) {
        constants.emplace_back(operand_id, *number);
        continue;
      }
      const TensorType& type = maker.outputs[operand_id.output];
      outside.emplace_back(operand_id,
                           input(body, fmt::format("x{}", externals.size()), type.dtype, type.shape));
      externals.push_back(operand_id);
    }
  }
  for (const auto& [id, number] : constants) {
    if (!find_outside(id)) outside.emplace_back(id, constant(body, number));
  }
  for (const NodeId id : chain) {
    const Node& node = graph.node(id);
    std::vector<Value> inputs;
    for (const ValueId& operand_id : node.inputs) {
      inputs.push_back(external(operand_id) ? find_outside(operand_id) : images.at(operand_id.node));
    }
    images[id] = Value(&body, body.add(node.op, inputs, node.where, node.name), 0);
  }
  program->roots = {images.at(chain.back())};
  return {program};
}

}  // namespace

Pass fuse_elementwise() {
  return {"fuse_elementwise", [](const Program& program) {
            const Graph& graph = *program.graph;
            const auto chains = find_chains(program);
            std::unordered_map<const Node*, NodeId> ids;
            for (const auto& [root, chain] : chains) ids.emplace(&graph.node(root), root);
            // The rule sees a node's own inputs only; a chain's root needs those of the whole chain.
            std::unordered_map<const Node*, std::vector<Value>> images;
            Program fused = rewrite(
                graph, program.roots, [&](Graph& target, const Node& node, std::span<const Value> inputs) {
                  std::vector<Value>& outputs = images[&node];
                  if (const auto found = ids.find(&node); found != ids.end()) {
                    std::vector<ValueId> externals;
                    ElementwiseBody body = build_body(graph, chains.at(found->second), true, externals);
                    if (body.program->roots[0].type() !=
                        node.outputs[0]) {  // a constant gave the chain its shape
                      externals.clear();
                      body = build_body(graph, chains.at(found->second), false, externals);
                    }
                    std::vector<Value> taken;
                    for (const ValueId& id : externals)
                      taken.push_back(images.at(&graph.node(id.node)).at(id.output));
                    outputs = {emit(target, FusedElementwise{body}, taken, node)};
                  } else {
                    outputs = target.outputs_of(target.add(node.op, inputs, node.where, node.name));
                  }
                  return outputs;
                });
            return extract(*fused.graph, fused.roots);
          }};
}

}  // namespace weft
