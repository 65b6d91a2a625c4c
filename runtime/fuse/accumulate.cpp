#include <algorithm>
#include <optional>

#include "weft/ops/elementwise.h"
#include "weft/runtime/fuse.h"
#include "weft/runtime/fuse/rule.h"
#include "weft/runtime/fused_ops.h"

namespace weft {
namespace {

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
  // What is added to by another elementwise op anyway takes the product in that op's own pass.
  if (producer(into).op.traits().elementwise) return std::nullopt;
  auto scaled = scaled_product(added, into.shape());
  if (!scaled) return std::nullopt;
  MatMulAccumulate op{.product = scaled->product, .alpha = sign * scaled->number.value_or(1.0)};
  const Value b = scaled->number ? scaled->b : mul(scaled->b, scaled->factor);
  const Value inputs[] = {into, scaled->a, b};
  return emit(target, op, inputs, node);
}

}  // namespace

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

}  // namespace weft
