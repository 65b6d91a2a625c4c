#include <concepts>
#include <optional>

#include "weft/graph/passes/rule.h"
#include "weft/ops/elementwise.h"
#include "weft/runtime/fuse/fuse.h"
#include "weft/runtime/kernels/products/matmul.h"
#include "weft/runtime/ops/fused_ops.h"
#include "weft/runtime/sparse/byte_matmul.h"
#include "weft/runtime/sparse/resident_ops.h"

namespace weft {
namespace {

/// Calls `take(op, inputs)` for a product of any kind that may still take a bias or an activation. All kinds
/// have the bias as their last input, and the fields `bias` and `activation`.
template <typename Take>
std::optional<Value> extend(const Value& product, Take take) {
  const Node& node = producer(product);
  const auto open = [&](const auto& op) -> std::optional<Value> {
    if (op.activation.op) return std::nullopt;
    return take(op, operands(product));
  };
  if (const auto* plain = node.op.as<MatMul>()) {
    FusedMatMul op;
    op.product = *plain;
    return open(op);
  }
  if (const auto* fused = node.op.as<FusedMatMul>()) return open(*fused);
  if (const auto* resident = node.op.as<ResidentMatMul>()) return open(*resident);
  if (const auto* bytes = node.op.as<ByteMatMul>()) return open(*bytes);
  return std::nullopt;
}

std::optional<Value> with_bias(Graph& target, const Node& node, const Value& product, const Value& bias) {
  const Shape& shape = product.shape();
  if (shape.is_scalar() || bias.shape() != Shape{shape[shape.rank() - 1]}) return std::nullopt;
  return extend(product, [&](auto op, std::vector<Value> inputs) -> std::optional<Value> {
    if (!op.bias) {
      op.bias = true;
      inputs.push_back(bias);
    } else if constexpr (std::same_as<decltype(op), FusedMatMul>) {
      return std::nullopt;
    } else {
      inputs.back() = inputs.back() + bias;  // there is one already, which comes from a shift of the data
    }
    return emit(target, op, inputs, node);
  });
}

std::optional<Value> with_activation(Graph& target, const Node& node, const Value& product) {
  return extend(product, [&](auto op, const std::vector<Value>& inputs) {
    op.activation.op = node.op;
    return std::optional(emit(target, op, inputs, node));
  });
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
