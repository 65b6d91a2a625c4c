#include <algorithm>
#include <map>

#include "weft/graph/passes/standard.h"
#include "weft/runtime/loops/loops.h"
#include "weft/runtime/loops/scan_editor.h"

namespace weft {
namespace {

/// Scans with equal inputs, of which the first takes over the work of all.
struct ScanGroup {
  std::vector<NodeId> scans;
  /// For each scan: where the outputs of its own are among those of the merged one.
  std::vector<std::vector<std::uint32_t>> places;
  Body body;
};

bool walk_alike(const Node& a, const Node& b) {
  const auto* left = a.op.as<Scan>();
  const auto* right = b.op.as<Scan>();
  return a.inputs == b.inputs && left->states == right->states && left->sequences == right->sequences &&
         left->length == right->length && left->reverse == right->reverse;
}

/// The bodies of several scans side by side, equal nodes once.
Program side_by_side(const Graph& graph, std::span<const NodeId> scans) {
  BodyBuilder builder;
  std::vector<Value> arguments;
  for (const TensorType& type : graph.node(scans[0]).op.as<Scan>()->body.arguments)
    arguments.push_back(builder.argument(type));
  std::vector<Value> results;
  for (const NodeId scan : scans) {
    const auto made = inline_body(graph.node(scan).op.as<Scan>()->body, builder.graph(), arguments);
    results.insert(results.end(), made.begin(), made.end());
  }
  return common_subexpressions().run(extract(builder.graph(), results));
}

/// A group of those scans whose states are those of the first.
ScanGroup merged(const Graph& graph, std::span<const NodeId> scans) {
  Program program = side_by_side(graph, scans);
  const Scan& first = *graph.node(scans[0]).op.as<Scan>();
  const auto states = static_cast<std::size_t>(first.states);
  const std::span<const Value> own = std::span(program.roots).first(states);
  ScanGroup group;
  std::vector<Value> results(own.begin(), own.end());
  std::size_t begin = 0;
  for (const NodeId scan : scans) {
    const std::size_t count = graph.node(scan).outputs.size();
    const auto roots = std::span(program.roots).subspan(begin, count);
    begin += count;
    if (!std::ranges::equal(roots.first(states), own)) continue;
    group.scans.push_back(scan);
    auto& places = group.places.emplace_back();
    for (std::size_t i = 0; i < count; ++i) {
      auto at = static_cast<std::ptrdiff_t>(i);
      if (i >= states) {
        at = std::find(results.begin() + first.states, results.end(), roots[i]) - results.begin();
        if (at == std::ssize(results)) results.push_back(roots[i]);
      }
      places.push_back(static_cast<std::uint32_t>(at));
    }
  }
  program.roots = results;
  group.body = {first.body.arguments, std::make_shared<const Program>(extract(*program.graph, results))};
  return group;
}

std::vector<ScanGroup> find_groups(const Program& program) {
  const Graph& graph = *program.graph;
  std::vector<std::vector<NodeId>> alike;
  for (const NodeId id : needed_nodes(graph, program.roots)) {
    const Node& node = graph.node(id);
    if (!node.op.is<Scan>()) continue;
    const auto found = std::ranges::find_if(
        alike, [&](const auto& group) { return walk_alike(graph.node(group[0]), node); });
    (found == alike.end() ? alike.emplace_back() : *found).push_back(id);
  }
  std::vector<ScanGroup> groups;
  for (const auto& scans : alike) {
    if (scans.size() > 1) groups.push_back(merged(graph, scans));
  }
  return groups;
}

Program with_merged_scans(const Program& program) {
  const Graph& graph = *program.graph;
  const std::vector<ScanGroup> groups = find_groups(program);
  std::map<NodeId, std::pair<const ScanGroup*, std::size_t>> member;
  for (const ScanGroup& group : groups) {
    for (std::size_t i = 0; i < group.scans.size(); ++i) member[group.scans[i]] = {&group, i};
  }
  std::map<const ScanGroup*, std::vector<Value>> made;
  std::map<const Node*, NodeId> ids;
  for (const auto& [id, of] : member) ids[&graph.node(id)] = id;
  return rewrite(graph, program.roots,
                 [&](Graph& target, const Node& node, std::span<const Value> inputs) -> std::vector<Value> {
                   const auto found = ids.find(&node);
                   if (found == ids.end()) return {};
                   const auto& [group, i] = member.at(found->second);
                   std::vector<Value>& outputs = made[group];
                   if (outputs.empty()) {
                     Scan scan = *node.op.as<Scan>();
                     scan.body = group->body;
                     outputs = target.outputs_of(target.add(scan, inputs, node.where, node.name));
                   }
                   std::vector<Value> own;
                   for (const std::uint32_t place : group->places[i]) own.push_back(outputs[place]);
                   return own;
                 });
}

}  // namespace

Pass merge_scans() { return {"merge_scans", with_merged_scans}; }

}  // namespace weft
