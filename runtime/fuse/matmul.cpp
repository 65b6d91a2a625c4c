#include <optional>

#include "weft/ops/elementwise.h"
#include "weft/runtime/fuse/fuse.h"
#include "weft/runtime/fuse/rule.h"
#include "weft/runtime/kernels/products/matmul.h"
#include "weft/runtime/ops/fused_ops.h"

namespace weft {
namespace {

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

}  // namespace weft
