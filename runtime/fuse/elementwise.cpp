#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <queue>
#include <ranges>
#include <unordered_set>

#include "weft/ops/builtin.h"
#include "weft/ops/source.h"
#include "weft/runtime/fuse/contract.h"
#include "weft/runtime/fuse/fuse.h"
#include "weft/runtime/ops/fused_ops.h"

namespace weft {
namespace {

/// Elementwise nodes of one shape that become one step, which takes the place of the youngest.
struct Group {
  std::vector<NodeId> nodes;    // oldest first
  std::vector<NodeId> outputs;  // nodes that are read outside, in the same order
};

/// An op that can fail is not fused: the group would hide it from the scheduler, which runs such ops before
/// any update.
bool is_fusible(const Node& node) {
  const Traits traits = node.op.traits();
  return traits.elementwise && !kernel_can_fail(node.op) && !traits.stateful && node.outputs.size() == 1;
}

/// A longer group gains nothing more and would need many tiles at once.
constexpr std::size_t kMostNodes = 32;

/// Finds the groups of a program. A node joins the group of a reader when each of its other readers is in the
/// group too, is younger than the whole group, or has no readers, like an update. Then no path leads out of
/// the group and back in.
class GroupFinder {
 public:
  explicit GroupFinder(const Program& program)
      : graph_(*program.graph), readers_(graph_.size()), taken_(graph_.size(), false) {
    needed_ = needed_nodes(graph_, program.roots);
    for (const NodeId id : needed_) {
      for (const ValueId& input : graph_.node(id).inputs) readers_[input.node].push_back(id);
    }
    for (const Value& root : program.roots) readers_[root.node()].push_back(kOutside);
  }

  std::vector<Group> find() {
    std::vector<Group> groups;
    for (const NodeId root : std::views::reverse(needed_)) {
      if (taken_[root] || !is_fusible(graph_.node(root))) continue;
      Group group = grow(root);
      if (group.nodes.size() > 1) groups.push_back(std::move(group));
    }
    return groups;
  }

 private:
  static constexpr NodeId kOutside =
      static_cast<NodeId>(-1);  // stands for the reader of a root: younger than any node

  Group grow(NodeId root) {
    Group group;
    std::unordered_set<NodeId> members;
    std::priority_queue<NodeId> open;  // the youngest first, so that a node's readers were looked at before
    open.push(root);
    while (!open.empty() && group.nodes.size() < kMostNodes) {
      const NodeId id = open.top();
      open.pop();
      if (taken_[id]) continue;
      const auto inside = [&](NodeId reader) { return members.contains(reader); };
      const auto allows = [&](NodeId reader) { return inside(reader) || reader > root || ends(reader); };
      if (!std::ranges::all_of(readers_[id], allows)) continue;
      taken_[id] = true;
      members.insert(id);
      group.nodes.push_back(id);
      if (!std::ranges::all_of(readers_[id], inside)) group.outputs.push_back(id);
      for (const ValueId& input : graph_.node(id).inputs) {
        const Node& maker = graph_.node(input.node);
        if (is_fusible(maker) && maker.outputs[0].shape == graph_.node(root).outputs[0].shape)
          open.push(input.node);
      }
    }
    std::ranges::reverse(group.nodes);
    std::ranges::reverse(group.outputs);
    return group;
  }

  /// Whether no other node depends on this one or on a group that it may be in.
  bool ends(NodeId id) const {
    return !is_fusible(graph_.node(id)) &&
           std::ranges::all_of(readers_[id], [](NodeId reader) { return reader == kOutside; });
  }

  const Graph& graph_;
  std::vector<NodeId> needed_;
  std::vector<std::vector<NodeId>> readers_;
  std::vector<bool> taken_;
};

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

/// The body of a group, and the values that it takes from outside.
struct BuiltBody {
  ElementwiseBody body;
  std::vector<ValueId> externals;
};

/// With `scalars`, constants of one repeated number go into the body as that number.
BuiltBody build_body(const Graph& graph, const Group& group, bool scalars) {
  auto program = std::make_shared<Program>(Program{std::make_unique<Graph>(), {}});
  Graph& body = *program->graph;
  const std::unordered_set<NodeId> members(group.nodes.begin(), group.nodes.end());
  std::vector<ValueId> externals;
  std::vector<std::pair<ValueId, Tensor>> numbers;
  std::map<ValueId, Value> images;
  for (const NodeId id : group.nodes) {
    for (const ValueId& operand : graph.node(id).inputs) {
      if (members.contains(operand.node) || images.contains(operand)) continue;
      const Node& maker = graph.node(operand.node);
      if (const auto number = scalars ? scalar_of(maker) : std::nullopt) {
        numbers.emplace_back(operand, *number);
        continue;
      }
      const TensorType& type = maker.outputs[operand.output];
      images[operand] = input(body, fmt::format("x{}", externals.size()), type.dtype, type.shape);
      externals.push_back(operand);
    }
  }
  for (const auto& [operand, number] : numbers) {
    if (!images.contains(operand)) images[operand] = constant(body, number);
  }
  for (const NodeId id : group.nodes) {
    const Node& node = graph.node(id);
    std::vector<Value> inputs;
    for (const ValueId& operand : node.inputs) inputs.push_back(images.at(operand));
    images[{id, 0}] = Value(&body, body.add(node.op, inputs, node.where, node.name), 0);
  }
  for (const NodeId id : group.outputs) program->roots.push_back(images.at({id, 0}));
  return {.body = {program}, .externals = std::move(externals)};
}

BuiltBody build_body(const Graph& graph, const Group& group) {
  BuiltBody built = build_body(graph, group, true);
  for (std::size_t i = 0; i < group.outputs.size(); ++i) {
    // If a constant gave the group its shape, it must stay a constant of that shape.
    if (built.body.program->roots[i].type() != graph.node(group.outputs[i]).outputs[0])
      return build_body(graph, group, false);
  }
  return built;
}

Contraction contraction_of(const Graph& graph, const Group& group) {
  const BuiltBody built = build_body(graph, group);
  const Node& last = graph.node(group.nodes.back());
  Contraction contraction{.nodes = group.nodes, .inputs = built.externals, .outputs = {}, .emit = {}};
  for (const NodeId id : group.outputs) contraction.outputs.push_back({id, 0});
  contraction.emit = [body = built.body, &last](Graph& target, std::span<const Value> inputs) {
    return target.outputs_of(target.add(FusedElementwise{body}, inputs, last.where, last.name));
  };
  return contraction;
}

}  // namespace

Pass fuse_elementwise() {
  return {"fuse_elementwise", [](const Program& program) {
            std::vector<Contraction> contractions;
            for (const Group& group : GroupFinder(program).find())
              contractions.push_back(contraction_of(*program.graph, group));
            return contract(program, contractions);
          }};
}

}  // namespace weft
