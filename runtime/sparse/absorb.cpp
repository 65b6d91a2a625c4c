#include <optional>

#include "weft/ops/elementwise.h"
#include "weft/ops/source.h"
#include "weft/runtime/fuse/rule.h"
#include "weft/runtime/kernels/products/matmul.h"
#include "weft/runtime/sparse/byte_matmul.h"
#include "weft/runtime/sparse/resident_ops.h"
#include "weft/runtime/sparse/skip_zeros.h"

namespace weft {
namespace {

std::vector<Value> operands(const Value& value) {
  std::vector<Value> all;
  for (std::size_t i = 0; i < producer(value).inputs.size(); ++i) all.push_back(operand(value, i));
  return all;
}

/// Both kinds of products, of resident data and of bytes, have a bias as their last input and an activation.
template <typename Product>
std::optional<Value> with_bias(Graph& target, const Node& node, const Value& product, const Value& bias) {
  const auto* made = producer(product).op.as<Product>();
  if (made == nullptr || made->activation.op || bias.shape() != Shape{product.shape()[1]})
    return std::nullopt;
  std::vector<Value> inputs = operands(product);
  Product op = *made;
  if (op.bias) {
    inputs.back() = inputs.back() + bias;  // the first came from a shift
  } else {
    inputs.push_back(bias);
  }
  op.bias = true;
  return emit(target, op, inputs, node);
}

template <typename Product>
std::optional<Value> with_activation(Graph& target, const Node& node, const Value& product) {
  const auto* made = producer(product).op.as<Product>();
  if (made == nullptr || made->activation.op) return std::nullopt;
  Product op = *made;
  op.activation.op = node.op;
  return emit(target, op, operands(product), node);
}

std::optional<Value> biased(Graph& target, const Node& node, const Value& product, const Value& bias) {
  auto made = with_bias<ResidentMatMul>(target, node, product, bias);
  return made ? made : with_bias<ByteMatMul>(target, node, product, bias);
}

std::optional<Value> activated(Graph& target, const Node& node, const Value& product) {
  auto made = with_activation<ResidentMatMul>(target, node, product);
  return made ? made : with_activation<ByteMatMul>(target, node, product);
}

/// A gradient with a factor in front of it.
struct ScaledGradient {
  Value gradient;
  Value factor;  // a single element; empty: none
};

std::optional<ScaledGradient> scaled_gradient(const Value& value) {
  if (producer(value).op.is<ResidentGradient>()) return ScaledGradient{.gradient = value, .factor = {}};
  if (!producer(value).op.is<Mul>()) return std::nullopt;
  for (const std::size_t side : {std::size_t{0}, std::size_t{1}}) {
    const Value gradient = operand(value, side);
    const Value factor = operand(value, 1 - side);
    if (producer(gradient).op.is<ResidentGradient>() && factor.shape().is_scalar())
      return ScaledGradient{gradient, factor};
  }
  return std::nullopt;
}

/// weight + sign * factor * gradient. Only where the weight is a parameter as it is: any other is computed
/// densely anyway, and takes the gradient in the same pass.
std::optional<Value> updated(Graph& target, const Node& node, const Value& weight, const Value& change,
                             double sign) {
  const auto scaled = scaled_gradient(change);
  if (!scaled || !producer(weight).op.is<Parameter>()) return std::nullopt;
  ResidentGradient op = *producer(scaled->gradient).op.as<ResidentGradient>();
  std::vector<Value> inputs = operands(scaled->gradient);
  const Tensor* number = scaled->factor.has_value() ? producer(scaled->factor).op.constant() : nullptr;
  if (op.accumulates) {
    const Value added = scaled->factor.has_value() ? scaled->factor * inputs[0] : inputs[0];
    inputs[0] = sign < 0.0 ? weight - added : weight + added;
  } else {
    inputs.insert(inputs.begin(), weight);
  }
  op.accumulates = true;
  op.scale *= sign * (number != nullptr ? static_cast<double>(number->item<float>()) : 1.0);
  if (scaled->factor.has_value() && number == nullptr) inputs.back() = inputs.back() * scaled->factor;
  return emit(target, op, inputs, node);
}

Program absorb(const Program& program) {
  const Graph& graph = *program.graph;
  const std::vector<int> uses = count_uses(program);
  const auto alone = [&](const ValueId& id) { return uses[id.node] == 1; };
  // The gradient behind a scaling must serve this update alone.
  const auto all_alone = [&](const ValueId& id) {
    const Node& node = graph.node(id.node);
    return alone(id) && (!node.op.is<Mul>() || std::ranges::any_of(node.inputs, [&](const ValueId& input) {
             return graph.node(input.node).op.is<ResidentGradient>() && alone(input);
           }));
  };
  Program result =
      rewrite(graph, program.roots,
              [&](Graph& target, const Node& node, std::span<const Value> inputs) -> std::vector<Value> {
                std::optional<Value> made;
                const bool adds = node.op.is<Add>();
                if (adds && alone(node.inputs[0])) made = biased(target, node, inputs[0], inputs[1]);
                if (!made && adds && alone(node.inputs[1])) made = biased(target, node, inputs[1], inputs[0]);
                if (!made && (adds || node.op.is<Sub>()) && all_alone(node.inputs[1]))
                  made = updated(target, node, inputs[0], inputs[1], adds ? 1.0 : -1.0);
                if (!made && adds && all_alone(node.inputs[0]))
                  made = updated(target, node, inputs[1], inputs[0], 1.0);
                if (!made && can_finish_matmul(node.op) && alone(node.inputs[0]))
                  made = activated(target, node, inputs[0]);
                return made ? std::vector<Value>{*made} : std::vector<Value>{};
              });
  return extract(*result.graph, result.roots);
}

}  // namespace

Pass absorb_into_resident() { return {"absorb_into_resident", absorb}; }

}  // namespace weft
