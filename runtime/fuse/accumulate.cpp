#include <algorithm>
#include <optional>

#include "weft/graph/passes/rule.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/gather.h"
#include "weft/ops/reduce.h"
#include "weft/runtime/fuse/fuse.h"
#include "weft/runtime/ops/gemm.h"

namespace weft {
namespace {

/// The formula of a product whose kernel can add it to another value: one of floats, also over the non-zeros
/// of a transposed matrix, and where it adds to a value already.
std::optional<GemmFormula> open_formula(const Op& op) {
  const auto formula = formula_of(op);
  const bool is_open = formula && formula->is_whole() && !formula->activation.op &&
                       formula->addend != Addend::bias &&
                       (formula->is_dense() || formula->product.transpose_a);
  return is_open ? formula : std::nullopt;
}

/// Whether a kernel can add the result to another value while it computes it. That holds for products, for
/// sums over the first axes, and for scattered rows, of which it then visits no others.
bool accumulates(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const auto* sum = node.op.as<Sum>();
  if (sum == nullptr) return open_formula(node.op) || node.op.is<ScatterAdd>();
  const TensorType& type = node.outputs[0];
  if (sum->keep_dims || type.dtype != DType::f32 || type.shape.is_scalar()) return false;
  const Axes axes = normalize_axes(sum->axes, graph.type(node.inputs[0]).shape.rank());
  return !axes.empty() && axes.back() == std::ssize(axes) - 1;
}
bool accumulates(const Value& value) { return accumulates(value.graph(), value.node()); }

/// A product or sum, perhaps with a factor: factor * (a b).
struct Scaled {
  Value result;
  std::optional<double> number;  // a constant factor
  Value factor;                  // any other factor, a single element
};

std::optional<double> single_number(const Value& value) {
  const Tensor* tensor = producer(value).op.constant();
  if (tensor == nullptr || tensor->elements() != 1 || !is_float(tensor->dtype())) return std::nullopt;
  return tensor->dtype() == DType::f32 ? static_cast<double>(tensor->item<float>()) : tensor->item<double>();
}

std::optional<Scaled> scaled_result(const Value& value, const Shape& shape) {
  if (value.shape() != shape) return std::nullopt;
  if (accumulates(value)) return Scaled{.result = value, .number = 1.0, .factor = {}};
  if (!producer(value).op.is<Mul>()) return std::nullopt;
  for (const std::size_t side : {std::size_t{0}, std::size_t{1}}) {
    const Value result = operand(value, side);
    const Value factor = operand(value, 1 - side);
    if (result.shape() != shape || !accumulates(result) || !factor.shape().is_scalar()) continue;
    return Scaled{.result = result, .number = single_number(factor), .factor = factor};
  }
  return std::nullopt;
}

/// One op that adds a product or sum to `into`, if both have the same shape. A value that broadcasts, such as
/// a bias, cannot be added to.
std::optional<Value> accumulate(Graph& target, const Node& node, const Value& into, const Value& added,
                                double sign);

/// c + alpha * scattered rows, where alpha holds a constant factor. The indices are checked in a step of
/// their own, before anything is updated.
Value into_rows(Graph& target, const Node& node, const Value& into, const Scaled& added, double alpha) {
  const Value x = operand(added.result, 0);
  const Value checked = apply(CheckedIndices{.rows = into.shape()[0].size()}, operand(added.result, 1));
  const Value inputs[] = {into, added.number ? x : mul(x, added.factor), checked};
  return emit(target, ScatterAccumulate{.alpha = alpha}, inputs, node);
}

/// An operand times a factor; of 16 bits, what was rounded to them times the factor. Empty where nothing was.
Value times(const Value& operand_value, const Value& factor) {
  if (!is_half(operand_value.dtype())) return mul(operand_value, factor);
  if (!producer(operand_value).op.is<Cast>()) return {};
  const Value wide = operand(operand_value, 0);
  return wide.dtype() == factor.dtype() ? cast(mul(wide, factor), operand_value.dtype()) : Value();
}

/// into + sign * a product, whose constant factor becomes alpha; any other moves to the right side.
std::optional<Value> into_product(Graph& target, const Node& node, const Value& into, const Scaled& added,
                                  double sign) {
  const auto open = open_formula(producer(added.result).op);
  if (!open) return std::nullopt;
  GemmFormula formula = *open;
  std::vector<Value> inputs = operands(added.result);
  const Value scaled_b = added.number ? inputs.back() : times(inputs.back(), added.factor);
  if (!scaled_b.has_value()) return std::nullopt;
  inputs.back() = scaled_b;
  if (formula.addend == Addend::accumulator) {
    const Value c = added.factor.has_value() ? added.factor * inputs[0] : inputs[0];
    const auto fused = accumulate(target, node, into, c, sign);
    inputs[0] = fused ? *fused : sign < 0.0 ? into - c : into + c;
  } else {
    inputs.insert(inputs.begin(), into);
  }
  formula.addend = Addend::accumulator;
  formula.alpha *= sign * added.number.value_or(1.0);
  return emit(target, Gemm{formula}, inputs, node);
}

std::optional<Value> accumulate(Graph& target, const Node& node, const Value& into, const Value& added,
                                double sign) {
  // If another elementwise op makes `into`, the addition costs nothing in that op's pass.
  if (producer(into).op.traits().elementwise) return std::nullopt;
  const auto scaled = scaled_result(added, into.shape());
  if (!scaled) return std::nullopt;
  const double alpha = sign * scaled->number.value_or(1.0);
  if (alpha == 0.0) return std::nullopt;  // BLAS would not compute a product, which may hold a NaN
  const Op& maker = producer(scaled->result).op;
  if (maker.is<ScatterAdd>()) return into_rows(target, node, into, *scaled, alpha);
  if (const auto* sum = maker.as<Sum>()) {
    if (!scaled->number)
      return std::nullopt;  // scaling the small sum is cheaper than scaling its large operand
    const Value inputs[] = {into, operand(scaled->result, 0)};
    return emit(target, SumAccumulate{.axes = sum->axes, .alpha = alpha}, inputs, node);
  }
  return into_product(target, node, into, *scaled, sign);
}

}  // namespace

Pass fuse_accumulate() {
  return {"fuse_accumulate", [](const Program& program) {
            const Graph& graph = *program.graph;
            const std::vector<int> uses = count_uses(program);
            // The product and its scaled value must have no other reader.
            const auto alone = [&](const ValueId& id) {
              const Node& node = graph.node(id.node);
              const bool scaled = node.op.is<Mul>();
              return uses[id.node] == 1 &&
                     (!scaled || std::ranges::any_of(node.inputs, [&](const ValueId& input) {
                       return accumulates(graph, input.node) && uses[input.node] == 1;
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
