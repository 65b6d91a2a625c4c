#include "weft/graph/passes/standard.h"

namespace weft {
namespace {

// A replacement may itself be simplified: a chain of transposes melts away link by link. Every replacement
// is cheaper than what it replaces, so the loop ends; the bound only guards against an op that breaks this.
Value simplest(Graph& target, Value value) {
  constexpr int kMostSteps = 64;
  for (int step = 0; step < kMostSteps; ++step) {
    const Node& node = target.node(value.node());
    std::vector<Value> inputs;
    for (const ValueId& input : node.inputs) inputs.push_back(target.value(input));
    const Value simpler = node.op.simplify(inputs);
    if (!simpler.has_value()) return value;
    value = simpler;
  }
  return value;
}

}  // namespace

Pass simplify() {
  return {"simplify", [](const Program& program) {
            Program simplified = rewrite(
                *program.graph, program.roots,
                [](Graph& target, const Node& node, std::span<const Value> inputs) -> std::vector<Value> {
                  const NodeId kept = target.add(node.op, inputs, node.where, node.name);
                  if (node.outputs.size() != 1) return target.outputs_of(kept);
                  return {simplest(target, target.value({kept, 0}))};
                });
            // The nodes that were replaced are still in the graph; nothing needs them now.
            return extract(*simplified.graph, simplified.roots);
          }};
}

}  // namespace weft
