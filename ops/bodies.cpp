#include "weft/ops/bodies.h"

#include <algorithm>
#include <utility>

#include "weft/ops/builtin.h"
#include "weft/ops/layout.h"
#include "weft/ops/loop.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"

namespace weft {

bool has_bodies(const Program& program) {
  const Graph& graph = *program.graph;
  for (NodeId id = 0; id < graph.size(); ++id) {
    if (!graph.node(id).op.bodies().empty()) return true;
  }
  return false;
}

bool cannot_fail(const Body& body) {
  const Graph& graph = *body.program->graph;
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Op& op = graph.node(id).op;
    const std::vector<Body> inside = op.bodies();
    if (inside.empty() ? kernel_can_fail(op) : !std::ranges::all_of(inside, cannot_fail)) return false;
  }
  return true;
}

namespace {

std::vector<Value> steps_of(const Scan& scan, Graph& target, std::span<const Value> inputs,
                            const Node& node) {
  const auto states = static_cast<std::size_t>(scan.states);
  const std::int64_t length = scan.length.size();
  std::vector<Value> arguments(inputs.begin(), inputs.end());
  std::vector<std::vector<Value>> stacks(node.outputs.size() - states);
  for (auto& stacked : stacks) stacked.resize(static_cast<std::size_t>(length));
  for (std::int64_t step = 0; step < length; ++step) {
    const std::int64_t t = scan.reverse ? length - 1 - step : step;
    for (std::size_t i = states; i < states + static_cast<std::size_t>(scan.sequences); ++i)
      arguments[i] = squeeze(slice(inputs[i], 0, t, t + 1), 0);
    const std::vector<Value> results = inline_body(scan.body, target, arguments);
    for (std::size_t i = 0; i < results.size(); ++i)
      (i < states ? arguments[i] : stacks[i - states][static_cast<std::size_t>(t)]) = results[i];
  }
  std::vector<Value> outputs(arguments.begin(), arguments.begin() + scan.states);
  for (std::size_t i = 0; i < stacks.size(); ++i) {
    const TensorType& type = node.outputs[states + i];
    outputs.push_back(length > 0 ? stack(stacks[i])
                                 : constant(target, Tensor::zeros(type.dtype, type.shape.sizes())));
  }
  return outputs;
}

/// The scans of a program, but not those inside of their bodies.
Program unrolled_once(const Graph& graph, std::span<const Value> roots, bool& found) {
  return rewrite(graph, roots,
                 [&](Graph& target, const Node& node, std::span<const Value> inputs) -> std::vector<Value> {
                   const auto* scan = node.op.as<Scan>();
                   if (scan == nullptr || !scan->length.is_number()) return {};
                   found = true;
                   return steps_of(*scan, target, inputs, node);
                 });
}

}  // namespace

Program unrolled(const Graph& graph, std::span<const Value> roots) {
  bool found = false;
  Program program = unrolled_once(graph, roots, found);
  while (std::exchange(found, false)) program = unrolled_once(*program.graph, program.roots, found);
  return program;
}

}  // namespace weft
