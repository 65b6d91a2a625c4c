#include "weft/ops/elementwise.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <optional>
#include <set>

#include "weft/ops/broadcast.h"
#include "weft/ops/compare.h"
#include "weft/ops/layout.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/ops/special.h"

namespace weft {
namespace {

/// Whether a value is a constant whose every element is `number`, the sign of zero included. Only small
/// constants are looked at.
bool is_constant(const Value& value, double number) {
  const Tensor* tensor = value.graph().node(value.node()).op.constant();
  constexpr std::int64_t kMostElements = 64;
  if (tensor == nullptr || tensor->elements() == 0 || tensor->elements() > kMostElements) return false;
  return visit_dtype(tensor->dtype(), [&]<typename T>(T) {
    return std::ranges::all_of(tensor->values<T>(), [&](T x) {
      const auto y = static_cast<double>(x);
      return y == number && std::signbit(y) == (std::is_floating_point_v<T> && std::signbit(number));
    });
  });
}

/// `kept`, if the op on (kept, neutral) gives just that: the constant is neutral and does not broadcast it.
Value keep_if_neutral(const Value& kept, const Value& neutral, double number) {
  if (!is_constant(neutral, number)) return {};
  return broadcast(kept.shape(), neutral.shape()) == kept.shape() ? kept : Value();
}

/// x, if the value is -x; otherwise an empty value.
Value negated_in(const Value& value) {
  const Node& node = value.graph().node(value.node());
  return node.op.is<Neg>() ? value.graph().value(node.inputs[0]) : Value();
}

/// 1 / c for a constant c whose elements are one power of two, if that is a normal number of its dtype.
std::optional<double> inverse_of_power_of_two(const Value& value) {
  const Tensor* tensor = value.graph().node(value.node()).op.constant();
  if (tensor == nullptr || tensor->elements() != 1 || !is_float(tensor->dtype())) return std::nullopt;
  return visit_dtype(tensor->dtype(), [&]<typename T>(T) -> std::optional<double> {
    int exponent = 0;
    const auto number = static_cast<double>(tensor->values<T>()[0]);
    const double inverse = 1.0 / number;
    const bool is_power = std::abs(std::frexp(number, &exponent)) == 0.5;
    if (!is_power || !std::isnormal(inverse) || !std::isnormal(static_cast<float>(inverse)))
      return std::nullopt;
    return inverse;
  });
}

/// Whether a value is a positive constant, or a number of elements, less a correction, or a quotient of such.
bool is_positive_constant(const Value& value) {
  Graph& graph = value.graph();
  const Node& node = graph.node(value.node());
  if (node.op.is<Count>()) return true;
  if (node.op.is<Sub>())
    return is_positive_constant(graph.value(node.inputs[0])) &&
           graph.node(node.inputs[1].node).op.constant() != nullptr;
  if (node.op.is<Div>())
    return is_positive_constant(graph.value(node.inputs[0])) &&
           is_positive_constant(graph.value(node.inputs[1]));
  const Tensor* tensor = node.op.constant();
  if (tensor == nullptr || tensor->elements() != 1) return false;
  return visit_dtype(tensor->dtype(), [&]<typename T>(T) { return tensor->values<T>()[0] > T{0}; });
}

/// Whether a value is computed as a sum of squares, perhaps scaled by positive constants. Where it is 0 it
/// has its minimum, and so has its root, whose slope counts as 0 there, as for |x|, the root of x^2.
bool is_sum_of_squares(const Value& value) {
  Graph& graph = value.graph();
  std::set<NodeId> terms{value.node()};  // from the newest, since the operands of a term are older
  while (!terms.empty()) {
    const Node& node = graph.node(*terms.rbegin());
    terms.erase(std::prev(terms.end()));
    const auto is_positive = [&](std::size_t i) { return is_positive_constant(graph.value(node.inputs[i])); };
    if (node.op.is<Square>() || (node.op.is<Mul>() && node.inputs[0] == node.inputs[1])) continue;
    if (node.op.is<Pow>() && is_constant(graph.value(node.inputs[1]), 2.0)) continue;
    if (node.op.is<Sum>() || node.op.is<Mean>() || node.op.is<BroadcastTo>() || node.op.is<Reshape>() ||
        node.op.is<Add>()) {
      for (const ValueId& input : node.inputs) terms.insert(input.node);
    } else if ((node.op.is<Div>() || node.op.is<Mul>()) && is_positive(1)) {
      terms.insert(node.inputs[0].node);
    } else if (node.op.is<Mul>() && is_positive(0)) {
      terms.insert(node.inputs[1].node);
    } else {
      return false;
    }
  }
  return true;
}

/// See cast().
template <typename To, typename From>
To convert(From x) {
  if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To> && !std::is_same_v<To, bool>) {
    using Limits = std::numeric_limits<To>;
    if (std::isnan(x)) return 0;
    if (x <= static_cast<From>(Limits::lowest())) return Limits::lowest();
    if (x >= std::ldexp(From{1}, Limits::digits)) return Limits::max();
  }
  if constexpr (HalfFloat<From>) return convert<To>(static_cast<float>(x));
  if constexpr (!HalfFloat<From>) return static_cast<To>(x);
}

}  // namespace

TensorType broadcast_type(const TensorType& a, const TensorType& b) {
  if (a.dtype != b.dtype) {
    throw Error(ErrorCode::dtype_mismatch, "the inputs have different dtypes; cast one of them");
  }
  return {a.dtype, broadcast(a.shape, b.shape)};
}

TensorType predicate_type(const TensorType& a, const TensorType& b) {
  return {DType::boolean, broadcast_type(a, b).shape};
}

TensorType float_type(const TensorType& x) {
  if (is_half(x.dtype)) throw Error(ErrorCode::dtype_mismatch, no_kernel_text(x.dtype));
  if (!is_float(x.dtype)) {
    throw Error(ErrorCode::dtype_mismatch, "the input must be floating point; cast it first",
                {.expected = "f32 or f64"});
  }
  return x;
}

std::array<Value, 2> Add::gradient(Value, Value, Value, Value dy) const { return {dy, dy}; }
// For floats the neutral number is -0, since -0 + 0 is 0.
Value Add::simplify(std::span<const Value> inputs) const {
  if (const Value kept = keep_if_neutral(inputs[0], inputs[1], -0.0); kept.has_value()) return kept;
  if (const Value kept = keep_if_neutral(inputs[1], inputs[0], -0.0); kept.has_value()) return kept;
  if (const Value b = negated_in(inputs[1]); b.has_value()) return inputs[0] - b;
  if (const Value a = negated_in(inputs[0]); a.has_value()) return inputs[1] - a;
  return {};
}

std::array<Value, 2> Sub::gradient(Value, Value, Value, Value dy) const { return {dy, -dy}; }
Value Sub::simplify(std::span<const Value> inputs) const {
  if (const Value b = negated_in(inputs[1]); b.has_value()) return inputs[0] + b;
  return keep_if_neutral(inputs[0], inputs[1], 0.0);
}

std::array<Value, 2> Mul::gradient(Value a, Value b, Value, Value dy) const { return {dy * b, dy * a}; }
Value Mul::simplify(std::span<const Value> inputs) const {
  if (const Value kept = keep_if_neutral(inputs[0], inputs[1], 1.0); kept.has_value()) return kept;
  if (const Value kept = keep_if_neutral(inputs[1], inputs[0], 1.0); kept.has_value()) return kept;
  const Value a = negated_in(inputs[0]);
  const Value b = negated_in(inputs[1]);
  return a.has_value() && b.has_value() ? a * b : Value();
}

std::array<Value, 2> Div::gradient(Value, Value b, Value y, Value dy) const {
  const Value da = dy / b;
  return {da, -(da * y)};
}
Value Div::simplify(std::span<const Value> inputs) const {
  const Value a = negated_in(inputs[0]);
  const Value b = negated_in(inputs[1]);
  if (a.has_value() && b.has_value()) return a / b;
  if (const Value kept = keep_if_neutral(inputs[0], inputs[1], 1.0); kept.has_value()) return kept;
  // Both x / 2^k and x * 2^-k are the rounded quotient.
  const auto inverse = inverse_of_power_of_two(inputs[1]);
  const bool fits = inverse && broadcast(inputs[0].shape(), inputs[1].shape()) == inputs[0].shape();
  return fits ? inputs[0] * *inverse : Value();
}

// d/da a^b = b a^(b-1), and 0 where both are 0, or where a is a sum of squares and 0;  d/db a^b = a^b ln a,
// which exists for a > 0 only.
std::array<Value, 2> Pow::gradient(Value a, Value b, Value y, Value dy) const {
  const Value positive = greater(a, 0.0);
  const Value base = where(equal(b, 0.0), where(equal(a, 0.0), 1.0, a), a);
  const Value slope = dy * b * pow(base, b - 1.0);
  return {is_sum_of_squares(a) ? where(positive, slope, 0.0) : slope,
          where(positive, dy * y * log(where(positive, a, 1.0)), 0.0)};
}
Value Pow::simplify(std::span<const Value> inputs) const {
  if (const Value kept = keep_if_neutral(inputs[0], inputs[1], 1.0); kept.has_value()) return kept;
  const bool same_shape = broadcast(inputs[0].shape(), inputs[1].shape()) == inputs[0].shape();
  if (same_shape && is_constant(inputs[1], 2.0)) return square(inputs[0]);
  // x^0 and 1^x are 1 for NaNs too.
  if (!is_constant(inputs[1], 0.0) && !is_constant(inputs[1], -0.0) && !is_constant(inputs[0], 1.0))
    return {};
  const Value one = constant(inputs[0].graph(), 1.0, inputs[0].dtype(), {});
  return broadcast_to(one, broadcast(inputs[0].shape(), inputs[1].shape()));
}

std::array<Value, 2> Minimum::gradient(Value a, Value b, Value, Value dy) const {
  const Value first = less_equal(a, b);
  return {where(first, dy, 0.0), where(first, 0.0, dy)};
}

std::array<Value, 2> Maximum::gradient(Value a, Value b, Value, Value dy) const {
  const Value first = greater_equal(a, b);
  return {where(first, dy, 0.0), where(first, 0.0, dy)};
}

Value Neg::gradient(Value, Value, Value dy) const { return -dy; }
Value Neg::simplify(std::span<const Value> inputs) const {
  const Node& inner = inputs[0].graph().node(inputs[0].node());
  return inner.op.is<Neg>() ? inputs[0].graph().value(inner.inputs[0]) : Value();
}

Value Square::gradient(Value x, Value, Value dy) const { return dy * x * 2.0; }
Value Sqrt::gradient(Value x, Value y, Value dy) const {
  if (!is_sum_of_squares(x)) return dy * 0.5 / y;
  const Value least = equal(y, 0.0);
  return where(least, 0.0, dy * 0.5 / where(least, 1.0, y));
}
Value Exp::gradient(Value, Value y, Value dy) const { return dy * y; }
Value Log::gradient(Value x, Value, Value dy) const { return dy / x; }
Value Abs::gradient(Value x, Value, Value dy) const {
  return where(greater(x, 0.0), dy, where(less(x, 0.0), -dy, 0.0));
}
Value Erf::gradient(Value x, Value, Value dy) const {
  return dy * gauss(x) * (2.0 * std::numbers::inv_sqrtpi);
}

TensorType Clip::infer(const TensorType& x) const {
  if (!(low <= high)) {
    throw Error(ErrorCode::invalid_argument, "the bounds are in the wrong order",
                {.expected = "low <= high", .actual = fmt::format("low={}, high={}", low, high)});
  }
  return float_type(x);
}
Value Clip::gradient(Value x, Value y, Value dy) const { return where(equal(x, y), dy, 0.0); }

void Cast::forward(const KernelArgs& args) const {
  visit_dtype(args.inputs[0].dtype, [&]<typename From>(From) {
    visit_dtype(to, [&]<typename To>(To) {
      const auto x = args.inputs[0].as<const From>();
      const auto y = args.outputs[0].as<To>();
      for (std::size_t i = 0; i < y.size(); ++i) y[i] = convert<To>(x[i]);
    });
  });
}
// An input that is no real number has no gradient. Passing dy on lets autodiff see a path that breaks at an
// integer, and name it.
Value Cast::gradient(Value x, Value, Value dy) const {
  return is_real(x.dtype()) ? cast(dy, gradient_dtype(x.dtype())) : dy;
}
Value Cast::simplify(std::span<const Value> inputs) const {
  return inputs[0].dtype() == to ? inputs[0] : Value();
}

TensorType Select::infer(const TensorType& condition, const TensorType& a, const TensorType& b) const {
  if (condition.dtype != DType::boolean) {
    throw Error(ErrorCode::dtype_mismatch, "the condition must be bool", {.expected = "bool"});
  }
  const TensorType type = broadcast_type(a, b);
  return {type.dtype, broadcast(condition.shape, type.shape)};
}
void Select::forward(const KernelArgs& args) const {
  visit_size(args.outputs[0].dtype, [&]<typename Bits>(Bits) {
    const auto condition = args.inputs[0].as<const bool>();
    const auto a = args.inputs[1].bits<const Bits>();
    const auto b = args.inputs[2].bits<const Bits>();
    const auto y = args.outputs[0].bits<Bits>();
    for (std::size_t i = 0; i < y.size(); ++i) y[i] = condition[i] ? a[i] : b[i];
  });
}
std::array<Value, 3> Select::gradient(Value condition, Value, Value, Value, Value dy) const {
  return {Value(), where(condition, dy, 0.0), where(condition, 0.0, dy)};
}

Value add(const Operand& a, const Operand& b) { return apply_binary(Add{}, a, b); }
Value sub(const Operand& a, const Operand& b) { return apply_binary(Sub{}, a, b); }
Value mul(const Operand& a, const Operand& b) { return apply_binary(Mul{}, a, b); }
Value div(const Operand& a, const Operand& b) { return apply_binary(Div{}, a, b); }
Value pow(const Operand& a, const Operand& b) { return apply_binary(Pow{}, a, b); }
Value minimum(const Operand& a, const Operand& b) { return apply_binary(Minimum{}, a, b); }
Value maximum(const Operand& a, const Operand& b) { return apply_binary(Maximum{}, a, b); }
Value neg(const Operand& x) { return apply(Neg{}, x); }
Value square(const Operand& x) { return apply(Square{}, x); }
Value sqrt(const Operand& x) { return apply(Sqrt{}, x); }
Value exp(const Operand& x) { return apply(Exp{}, x); }
Value log(const Operand& x) { return apply(Log{}, x); }
Value abs(const Operand& x) { return apply(Abs{}, x); }
Value erf(const Operand& x) { return apply(Erf{}, x); }
Value clip(const Operand& x, double low, double high) { return apply(Clip{.low = low, .high = high}, x); }
Value cast(const Operand& x, DType to) { return apply(Cast{to}, x); }

Value where(const Operand& condition, const Operand& a, const Operand& b) {
  Graph& graph = condition.value("where").graph();
  const DType dtype = !a.is_number()   ? a.value("where").dtype()
                      : !b.is_number() ? b.value("where").dtype()
                                       : DType::f32;
  return apply(Select{}, {condition, Operand(as_value(a, graph, dtype, "where"), a.where()),
                          Operand(as_value(b, graph, dtype, "where"), b.where())});
}

template detail::Model detail::model_of(Add);
template detail::Model detail::model_of(Sub);
template detail::Model detail::model_of(Mul);
template detail::Model detail::model_of(Div);
template detail::Model detail::model_of(Pow);
template detail::Model detail::model_of(Minimum);
template detail::Model detail::model_of(Maximum);
template detail::Model detail::model_of(Neg);
template detail::Model detail::model_of(Square);
template detail::Model detail::model_of(Sqrt);
template detail::Model detail::model_of(Exp);
template detail::Model detail::model_of(Log);
template detail::Model detail::model_of(Abs);
template detail::Model detail::model_of(Erf);
template detail::Model detail::model_of(Clip);
template detail::Model detail::model_of(Cast);
template detail::Model detail::model_of(Select);

}  // namespace weft
