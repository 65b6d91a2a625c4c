#include <optional>

#include "weft/graph/passes/rule.h"
#include "weft/ops/elementwise.h"
#include "weft/runtime/fuse/fuse.h"
#include "weft/runtime/kernels/products/matmul.h"
#include "weft/runtime/ops/gemm.h"

namespace weft {
namespace {

/// The formula of a product that may still take a bias or an activation.
std::optional<GemmFormula> open_formula(const Node& node) {
  const auto formula = formula_of(node.op);
  const bool is_open = formula && formula->is_whole() && !formula->activation.op &&
                       formula->addend != Addend::accumulator &&
                       (formula->is_dense() || !formula->product.transpose_a);
  return is_open ? formula : std::nullopt;
}

std::optional<Value> with_bias(Graph& target, const Node& node, const Value& product, const Value& bias) {
  const Shape& shape = product.shape();
  if (shape.is_scalar() || bias.shape() != Shape{shape[shape.rank() - 1]}) return std::nullopt;
  auto formula = open_formula(producer(product));
  if (!formula) return std::nullopt;
  std::vector<Value> inputs = operands(product);
  if (formula->addend == Addend::nothing) {
    formula->addend = Addend::bias;
    inputs.push_back(bias);
  } else if (formula->is_dense()) {
    return std::nullopt;
  } else {
    inputs.back() = inputs.back() + bias;  // there is one already, which comes from a shift of the data
  }
  return emit(target, Gemm{*formula}, inputs, node);
}

std::optional<Value> with_activation(Graph& target, const Node& node, const Value& product) {
  auto formula = open_formula(producer(product));
  if (!formula) return std::nullopt;
  formula->activation.op = node.op;
  return emit(target, Gemm{*formula}, operands(product), node);
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
