#include "weft/runtime/ops/fixed_values.h"

#include <algorithm>

#include "weft/ops/body.h"
#include "weft/ops/control.h"
#include "weft/ops/random.h"
#include "weft/ops/source.h"

namespace weft {

std::vector<bool> fixed_nodes(const Program& program, std::size_t first_fixed) {
  std::vector<bool> fixed(program.graph->size(), false);
  for (const NodeId id : needed_nodes(*program.graph, program.roots)) {
    const Node& node = program.graph->node(id);
    if (node.op.is<RandomKey>() || node.op.traits().stateful) continue;
    if (node.op.is<Input>()) {
      fixed[id] = first_fixed != kNoArguments && argument_number(node).value_or(0) >= first_fixed;
      continue;
    }
    fixed[id] = std::ranges::all_of(node.inputs, [&](const ValueId& input) { return fixed[input.node]; });
  }
  return fixed;
}

bool changes_session(const Program& program) {
  return std::ranges::any_of(needed_nodes(*program.graph, program.roots), [&](NodeId id) {
    const Op& op = program.graph->node(id).op;
    return op.is<Assign>() || op.is<RandomKey>();
  });
}

}  // namespace weft
