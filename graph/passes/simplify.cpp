#include "weft/graph/passes/standard.h"

namespace weft {
namespace {

using Rule = Value (Op::*)(std::span<const Value>) const;

// A replacement may itself be replaced: a chain of transposes disappears link by link. Every replacement is
// cheaper or more stable than what it replaces, so the loop ends; the bound only guards against an op that
// breaks this.
Value replaced(Graph& target, Value value, Rule rule) {
  constexpr int kMostSteps = 64;
  for (int step = 0; step < kMostSteps; ++step) {
    const Node& node = target.node(value.node());
    std::vector<Value> inputs;
    for (const ValueId& input : node.inputs) inputs.push_back(target.value(input));
    const Value better = (node.op.*rule)(inputs);
    if (!better.has_value()) return value;
    value = better;
  }
  return value;
}

Pass replacing_pass(const char* name, Rule rule) {
  return {name, [rule](const Program& program) {
            Program result = rewrite(
                *program.graph, program.roots,
                [rule](Graph& target, const Node& node, std::span<const Value> inputs) -> std::vector<Value> {
                  const NodeId kept = target.add(node.op, inputs, node.where, node.name);
                  if (node.outputs.size() != 1) return target.outputs_of(kept);
                  return {replaced(target, target.value({kept, 0}), rule)};
                });
            // The replaced nodes are still in the graph, and nothing needs them now.
            return extract(*result.graph, result.roots);
          }};
}

}  // namespace

Pass simplify() { return replacing_pass("simplify", &Op::simplify); }
Pass stabilize() { return replacing_pass("stabilize", &Op::stabilize); }

}  // namespace weft
