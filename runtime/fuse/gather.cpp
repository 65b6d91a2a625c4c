#include <algorithm>
#include <optional>

#include "weft/graph/passes/rule.h"
#include "weft/ops/builtin.h"
#include "weft/ops/gather.h"
#include "weft/runtime/fuse/contract.h"
#include "weft/runtime/fuse/fuse.h"
#include "weft/runtime/ops/fused_ops.h"

namespace weft {
namespace {

/// The elementwise op of a node as a body, if it may be fused.
std::optional<ElementwiseBody> body_at(const Graph& graph, const Node& node) {
  if (const auto* fused = node.op.as<FusedElementwise>()) return fused->body;
  const Traits traits = node.op.traits();
  if (!traits.elementwise || kernel_can_fail(node.op) || traits.stateful || node.outputs.size() != 1)
    return std::nullopt;
  std::vector<TensorType> types;
  for (const ValueId& input : node.inputs) types.push_back(graph.type(input));
  return body_of(node.op, types);
}

/// Whether a value gathers rows of a matrix by a list of row numbers, and only `reader` reads it.
bool is_leading_gather(const Graph& graph, const std::vector<int>& uses, const ValueId& value,
                       const Node& reader) {
  const Node& node = graph.node(value.node);
  if (!node.op.is<Gather>() || uses[value.node] != 1) return false;
  const TensorType& rows = graph.node(node.inputs[1].node).outputs[node.inputs[1].output];
  return rows.shape.rank() == 1 && node.outputs[0].shape.rank() > 1 &&
         node.outputs[0].shape == reader.outputs[0].shape && node.outputs[0].shape.elements() > 0;
}

std::optional<Contraction> match_gather(const Graph& graph, const std::vector<int>& uses, NodeId id) {
  const Node& node = graph.node(id);
  const auto found = std::ranges::find_if(
      node.inputs, [&](const ValueId& input) { return is_leading_gather(graph, uses, input, node); });
  if (found == node.inputs.end()) return std::nullopt;
  const auto body = body_at(graph, node);
  if (!body) return std::nullopt;
  const Node& gather = graph.node(found->node);
  Contraction contraction{.nodes = {found->node, id}, .inputs = node.inputs, .outputs = {}, .emit = {}};
  const auto slot = static_cast<std::size_t>(found - node.inputs.begin());
  contraction.inputs[slot] = gather.inputs[0];
  contraction.inputs.push_back(gather.inputs[1]);
  for (std::uint32_t i = 0; i < node.outputs.size(); ++i) contraction.outputs.push_back({id, i});
  contraction.emit = [op = FusedGather{*body, slot}, &node](Graph& target, std::span<const Value> inputs) {
    return target.outputs_of(target.add(op, inputs, node.where, node.name));
  };
  return contraction;
}

}  // namespace

Pass fuse_gather() {
  return {"fuse_gather", [](const Program& program) {
            const std::vector<int> uses = count_uses(program);
            std::vector<Contraction> contractions;
            for (const NodeId id : needed_nodes(*program.graph, program.roots)) {
              if (auto match = match_gather(*program.graph, uses, id))
                contractions.push_back(std::move(*match));
            }
            return contract(program, contractions);
          }};
}

}  // namespace weft
