#include "weft/autodiff/recompute.h"

#include <algorithm>
#include <map>
#include <set>

#include "weft/autodiff/gradients.h"
#include "weft/ops/control.h"
#include "weft/ops/random.h"
#include "weft/ops/source.h"

namespace weft {
namespace {

/// The part of a graph that is computed twice: its nodes in creation order, and the values that it starts
/// from.
struct Segment {
  std::vector<NodeId> nodes;
  std::vector<Value> starts;
};

/// Constants take no memory of the plan, so values computed from them alone may stay.
bool is_start(const Op& op) { return op.is<Parameter>() || op.is<Input>() || op.is<RandomKey>(); }

Segment segment_between(std::span<const Value> inputs, const Value& y) {
  Graph& graph = y.graph();
  Segment segment{.nodes = {}, .starts = {inputs.begin(), inputs.end()}};
  std::set<NodeId> open{y.node()};
  while (!open.empty()) {
    const NodeId id = *open.rbegin();  // the newest first, since no later node needs it
    open.erase(id);
    const Node& node = graph.node(id);
    if (is_start(node.op)) {
      const Value start = graph.value({id, 0});
      if (std::ranges::find(inputs, start) == inputs.end()) segment.starts.push_back(start);
      continue;
    }
    if (node.op.traits().stateful) {
      throw Error(ErrorCode::invalid_argument, "what has a state cannot be computed twice",
                  {.op = std::string(node.op.name()), .node = node.name, .where = to_string(node.where)});
    }
    segment.nodes.push_back(id);
    for (const ValueId input : node.inputs) {
      if (std::ranges::find(inputs, graph.value(input)) == inputs.end()) open.insert(input.node);
    }
  }
  std::ranges::reverse(segment.nodes);
  return segment;
}

/// The segment's last value, computed again from other starts.
Value copy_of(const Segment& segment, Graph& graph, std::span<const Value> starts, const Value& y) {
  std::map<ValueId, Value> copies;
  for (std::size_t i = 0; i < starts.size(); ++i) {
    copies[{segment.starts[i].node(), segment.starts[i].output()}] = starts[i];
  }
  for (const NodeId id : segment.nodes) {
    const Node& node = graph.node(id);
    std::vector<Value> inputs;
    for (const ValueId input : node.inputs) {
      const auto copied = copies.find(input);
      inputs.push_back(copied == copies.end() ? graph.value(input) : copied->second);
    }
    if (std::ranges::equal(inputs, node.inputs, {}, {}, [&](ValueId v) { return graph.value(v); })) continue;
    const NodeId copy = graph.add(node.op, inputs, node.where, node.name);
    for (std::uint32_t i = 0; i < node.outputs.size(); ++i) copies[{id, i}] = graph.value({copy, i});
  }
  const auto copied = copies.find({y.node(), y.output()});
  return copied == copies.end() ? y : copied->second;
}

}  // namespace

Value checkpoint(const Operand& y, std::span<const Value> inputs) {
  const Value kept = y.value("checkpoint");
  expect_values(inputs, "checkpoint", "input", y.where());
  if (std::ranges::find(inputs, kept) != inputs.end()) return kept;
  Segment segment = segment_between(inputs, kept);
  const std::vector<Value> starts = segment.starts;
  return custom_gradient(y, starts, [segment = std::move(segment), kept](const GradientArgs& args) {
    const Value dy = args.output_gradients[0];
    std::vector<Value> late;
    std::vector<Value> floats;
    for (const Value& start : args.inputs) {
      late.push_back(optimization_barrier(start, dy));
      if (is_real(start.dtype())) floats.push_back(late.back());
    }
    const Value again = copy_of(segment, kept.graph(), late, kept);
    const std::vector<Value> found = vjp({&again, 1}, {&dy, 1}, floats);
    std::vector<Value> gradients;
    std::size_t next = 0;
    for (const Value& start : args.inputs)
      gradients.push_back(is_real(start.dtype()) ? found[next++] : Value());
    return gradients;
  });
}

}  // namespace weft
