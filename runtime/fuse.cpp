#include "weft/runtime/fuse.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <queue>
#include <ranges>
#include <unordered_map>

#include "weft/ops/elementwise.h"
#include "weft/ops/source.h"
#include "weft/runtime/fused_ops.h"
#include "weft/runtime/kernels/matmul.h"

namespace weft {
namespace {

/// How often each node's outputs are used, roots included.
std::vector<int> count_uses(const Program& program) {
  std::vector<int> uses(program.graph->size(), 0);
  for (const NodeId id : needed_nodes(*program.graph, program.roots)) {
    for (const ValueId& input : program.graph->node(id).inputs) ++uses[input.node];
  }
  for (const Value& root : program.roots) ++uses[root.node()];
  return uses;
}

const Node& producer(const Value& value) { return value.graph().node(value.node()); }
Value operand(const Value& value, std::size_t i) { return value.graph().value(producer(value).inputs[i]); }

/// A product that may still take a bias or an activation, and its operands.
struct OpenProduct {
  FusedMatMul op;
  std::vector<Value> inputs;
};

std::optional<OpenProduct> open_product(const Value& value) {
  const Node& node = producer(value);
  OpenProduct open;
  if (const auto* plain = node.op.as<MatMul>()) {
    open.op.product = *plain;
  } else if (const auto* fused = node.op.as<FusedMatMul>(); fused != nullptr && !fused->activation.op) {
    open.op = *fused;
  } else {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < node.inputs.size(); ++i) open.inputs.push_back(operand(value, i));
  return open;
}

Value emit(Graph& target, const Op& op, std::span<const Value> inputs, const Node& node) {
  return {&target, target.add(op, inputs, node.where, node.name), 0};
}

std::optional<Value> with_bias(Graph& target, const Node& node, const Value& product, const Value& bias) {
  auto open = open_product(product);
  const Shape& shape = product.shape();
  if (!open || open->op.bias || bias.shape() != Shape{shape[shape.rank() - 1]}) return std::nullopt;
  open->op.bias = true;
  open->inputs.push_back(bias);
  return emit(target, open->op, open->inputs, node);
}

std::optional<Value> with_activation(Graph& target, const Node& node, const Value& product) {
  auto open = open_product(product);
  if (!open) return std::nullopt;
  open->op.activation.op = node.op;
  return emit(target, open->op, open->inputs, node);
}

/// A product with a factor: factor * (a b), or the product alone.
struct Scaled {
  MatMul product;
  Value a;
  Value b;
  std::optional<double> number;  // a constant factor
  Value factor;                  // any other factor, a single element
};

std::optional<double> single_number(const Value& value) {
  const Tensor* tensor = producer(value).op.constant();
  if (tensor == nullptr || tensor->elements() != 1 || !is_float(tensor->dtype())) return std::nullopt;
  return tensor->dtype() == DType::f32 ? static_cast<double>(tensor->item<float>()) : tensor->item<double>();
}

std::optional<Scaled> scaled_product(const Value& value, const Shape& shape) {
  if (value.shape() != shape) return std::nullopt;
  const auto product_at = [](const Value& candidate) -> std::optional<Scaled> {
    const auto* product = producer(candidate).op.as<MatMul>();
    if (product == nullptr) return std::nullopt;
    return Scaled{.product = *product,
                  .a = operand(candidate, 0),
                  .b = operand(candidate, 1),
                  .number = 1.0,
                  .factor = {}};
  };
  if (auto plain = product_at(value)) return plain;
  if (!producer(value).op.is<Mul>()) return std::nullopt;
  for (const std::size_t side : {std::size_t{0}, std::size_t{1}}) {
    const Value factor = operand(value, 1 - side);
    auto scaled = product_at(operand(value, side));
    if (!scaled || !factor.shape().is_scalar()) continue;
    scaled->number = single_number(factor);
    scaled->factor = factor;
    return scaled;
  }
  return std::nullopt;
}

std::optional<Value> accumulate(Graph& target, const Node& node, const Value& into, const Value& added,
                                double sign) {
  auto scaled = scaled_product(added, into.shape());
  if (!scaled) return std::nullopt;
  MatMulAccumulate op{.product = scaled->product, .alpha = sign * scaled->number.value_or(1.0)};
  const Value b = scaled->number ? scaled->b : mul(scaled->b, scaled->factor);
  const Value inputs[] = {into, scaled->a, b};
  return emit(target, op, inputs, node);
}

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

Pass fuse_matmul() {
  return {"fuse_matmul", [](const Program& program) {
            const std::vector<int> uses = count_uses(program);
            const auto alone = [&](const ValueId& id) { return uses[id.node] == 1; };
            Program fused = rewrite(
                *program.graph, program.roots,
                [&](Graph& target, const Node& node, std::span<const Value> inputs) -> std::vector<Value> {
                  std::optional<Value> made;
                  if (node.op.is<Add>()) {
                    if (alone(node.inputs[0])) made = with_bias(target, node, inputs[0], inputs[1]);
                    if (!made && alone(node.inputs[1])) made = with_bias(target, node, inputs[1], inputs[0]);
                  } else if (can_finish_matmul(node.op) && alone(node.inputs[0])) {
                    made = with_activation(target, node, inputs[0]);
                  }
                  return made ? std::vector<Value>{*made} : std::vector<Value>{};
                });
            return extract(*fused.graph, fused.roots);
          }};
}

Pass fuse_accumulate() {
  return {"fuse_accumulate", [](const Program& program) {
            const Graph& graph = *program.graph;
            const std::vector<int> uses = count_uses(program);
            // The product and its scaling must serve this sum alone.
            const auto alone = [&](const ValueId& id) {
              const Node& node = graph.node(id.node);
              const bool scaled = node.op.is<Mul>();
              return uses[id.node] == 1 &&
                     (!scaled || std::ranges::any_of(node.inputs, [&](const ValueId& input) {
                       return graph.node(input.node).op.is<MatMul>() && uses[input.node] == 1;
                     }));
            };
            Program fused = rewrite(
                graph, program.roots,
                [&](Graph& target, const Node& node, std::span<const Value> inputs) -> std::vector<Value> {
                  std::optional<Value> made;
                  const bool adds = node.op.is<Add>();
                  if ((adds || node.op.is<Sub>()) && alone(node.inputs[1])) {
                    made = accumulate(target, node, inputs[0], inputs[1], adds ? 1.0 : -1.0);
                  }
                  if (!made && adds && alone(node.inputs[0]))
                    made = accumulate(target, node, inputs[1], inputs[0], 1.0);
                  return made ? std::vector<Value>{*made} : std::vector<Value>{};
                });
            return extract(*fused.graph, fused.roots);
          }};
}

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
