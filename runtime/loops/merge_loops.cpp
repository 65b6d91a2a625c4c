#include <algorithm>
#include <map>

#include "weft/runtime/loops/loops.h"
#include "weft/runtime/loops/scan_editor.h"

namespace weft {
namespace {

/// While loops that take the same steps, of which the first records for all.
struct LoopGroup {
  const Node* first = nullptr;
  std::vector<std::int64_t> recorded;
  std::vector<Value> outputs;  // once it is there
};

bool step_alike(const Node& a, const Node& b) {
  const auto* left = a.op.as<WhileLoop>();
  const auto* right = b.op.as<WhileLoop>();
  return a.inputs == b.inputs && left->states == right->states && left->max_steps == right->max_steps &&
         left->condition == right->condition && left->body == right->body;
}

std::vector<LoopGroup> groups_of(const Program& program, std::map<const Node*, std::size_t>& group_of) {
  std::vector<LoopGroup> groups;
  for (const NodeId id : needed_nodes(*program.graph, program.roots)) {
    const Node& node = program.graph->node(id);
    const auto* loop = node.op.as<WhileLoop>();
    if (loop == nullptr) continue;
    auto found =
        std::ranges::find_if(groups, [&](const LoopGroup& group) { return step_alike(*group.first, node); });
    if (found == groups.end()) found = groups.insert(found, {.first = &node, .recorded = {}, .outputs = {}});
    group_of[&node] = static_cast<std::size_t>(found - groups.begin());
    for (const std::int64_t state : loop->recorded) {
      if (std::ranges::find(found->recorded, state) == found->recorded.end())
        found->recorded.push_back(state);
    }
  }
  return groups;
}

Program with_merged_loops(const Program& program) {
  std::map<const Node*, std::size_t> group_of;
  std::vector<LoopGroup> groups = groups_of(program, group_of);
  return rewrite(*program.graph, program.roots,
                 [&](Graph& target, const Node& node, std::span<const Value> inputs) -> std::vector<Value> {
                   const auto found = group_of.find(&node);
                   if (found == group_of.end()) return {};
                   LoopGroup& group = groups[found->second];
                   const auto& own = *node.op.as<WhileLoop>();
                   if (group.outputs.empty()) {
                     WhileLoop loop = own;
                     loop.recorded = group.recorded;
                     group.outputs = target.outputs_of(target.add(loop, inputs, node.where, node.name));
                   }
                   std::vector<Value> outputs(group.outputs.begin(), group.outputs.begin() + own.states + 1);
                   for (const std::int64_t state : own.recorded) {
                     const auto place = std::ranges::find(group.recorded, state) - group.recorded.begin();
                     outputs.push_back(group.outputs[static_cast<std::size_t>(own.states + 1 + place)]);
                   }
                   return outputs;
                 });
}

}  // namespace

Pass merge_loops() { return {"merge_loops", with_merged_loops}; }

}  // namespace weft
