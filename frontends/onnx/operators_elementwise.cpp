#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>

#include "weft/frontends/onnx/operators.h"
#include "weft/frontends/onnx/rule_support.h"
#include "weft/ops/bits.h"
#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/powers.h"
#include "weft/ops/rounding.h"
#include "weft/ops/special.h"
#include "weft/ops/trigonometry.h"

namespace weft::onnx {
namespace {

using Binary = Value (*)(const Operand&, const Operand&);
using Unary = Value (*)(const Operand&);

/// The second operand beside the first. Before version 7 its axes stand at an axis of the first that is
/// named.
Value second_operand(const NodeView& node, const Value& a) {
  const Value b = node.value(1);
  if (node.version() >= 7) return b;
  node.ignore({"consumed_inputs"});
  if (node.integer("broadcast", 0) == 0 || !node.has_attribute("axis")) return b;
  const std::int64_t axis = axis_of(node, "axis", 0, a.shape().rank());
  return with_trailing_axes(b, a.shape().rank() - static_cast<std::size_t>(axis) - b.shape().rank());
}

template <Binary F>
Items binary_rule(const NodeView& node) {
  const Value a = node.value(0);
  return F(a, second_operand(node, a));
}

template <Unary F>
Items unary_rule(const NodeView& node) {
  node.ignore({"consumed_inputs"});
  return F(node.value(0));
}

template <Binary F>
Items variadic_rule(const NodeView& node) {
  node.ignore({"consumed_inputs"});
  Value all = node.value(0);
  for (std::size_t i = 1; i < node.inputs(); ++i) all = F(all, node.value(i));
  return all;
}

Items mean_rule(const NodeView& node) {
  return div(variadic_rule<add>(node).at(0).value, static_cast<double>(node.inputs()));
}

Items div_rule(const NodeView& node) {
  const Value a = node.value(0);
  const Value b = second_operand(node, a);
  return is_float(a.dtype()) ? div(a, b) : integer_divide(a, b);
}

Items pow_rule(const NodeView& node) {
  const Value a = node.value(0);
  const Value b = second_operand(node, a);
  if (is_float(a.dtype()) && is_integer(b.dtype())) return pow(a, cast(b, a.dtype()));
  return in_floats(a, [&](const Value& x) { return pow(x, cast(b, x.dtype())); });
}

Items mod_rule(const NodeView& node) {
  return node.integer("fmod", 0) == 0 ? mod(node.value(0), node.value(1))
                                      : fmod(node.value(0), node.value(1));
}

Items bit_shift_rule(const NodeView& node) {
  const std::string direction = node.text("direction", "");
  if (direction == "LEFT") return shift_left(node.value(0), node.value(1));
  if (direction == "RIGHT") return shift_right(node.value(0), node.value(1));
  node.refuse("its direction is neither LEFT nor RIGHT");
}

Items is_inf_rule(const NodeView& node) {
  const Value x = node.value(0);
  const bool negative = node.integer("detect_negative", 1) != 0;
  const bool positive = node.integer("detect_positive", 1) != 0;
  if (negative && positive) return isinf(x);
  const double infinity = std::numeric_limits<double>::infinity();
  if (positive) return equal(x, infinity);
  if (negative) return equal(x, -infinity);
  return logical_and(isinf(x), isnan(x));  // never
}

Items cast_rule(const NodeView& node) {
  node.ignore({"saturate"});
  return cast(node.value(0), dtype_attribute(node, "to", f32));
}

Items cast_like_rule(const NodeView& node) {
  node.ignore({"saturate"});
  return cast(node.value(0), node.value(1).dtype());
}

Items clip_rule(const NodeView& node) {
  node.ignore({"consumed_inputs"});
  Value x = node.value(0);
  if (node.has_attribute("min")) x = maximum(x, node.number("min", 0.0));
  if (node.has_attribute("max")) x = minimum(x, node.number("max", 0.0));
  if (node.has(1)) x = maximum(x, node.value(1));
  if (node.has(2)) x = minimum(x, node.value(2));
  return x;
}

Items where_rule(const NodeView& node) { return where(node.value(0), node.value(1), node.value(2)); }

Items abs_rule(const NodeView& node) {
  const Value x = node.value(0);
  return x.dtype() == DType::u8 ? x : abs(x);
}

constexpr std::array kElementwise{
    RuleEntry{"Abs", abs_rule},
    RuleEntry{"Acos", unary_rule<acos>},
    RuleEntry{"Acosh", unary_rule<acosh>},
    RuleEntry{"Add", binary_rule<add>},
    RuleEntry{"And", binary_rule<logical_and>},
    RuleEntry{"Asin", unary_rule<asin>},
    RuleEntry{"Asinh", unary_rule<asinh>},
    RuleEntry{"Atan", unary_rule<atan>},
    RuleEntry{"Atanh", unary_rule<atanh>},
    RuleEntry{"BitShift", bit_shift_rule},
    RuleEntry{"BitwiseAnd", binary_rule<bitwise_and>},
    RuleEntry{"BitwiseNot", unary_rule<bitwise_not>},
    RuleEntry{"BitwiseOr", binary_rule<bitwise_or>},
    RuleEntry{"BitwiseXor", binary_rule<bitwise_xor>},
    RuleEntry{"Cast", cast_rule},
    RuleEntry{"CastLike", cast_like_rule},
    RuleEntry{"Ceil", unary_rule<ceil>},
    RuleEntry{"Clip", clip_rule},
    RuleEntry{"Cos", unary_rule<cos>},
    RuleEntry{"Cosh", unary_rule<cosh>},
    RuleEntry{"Div", div_rule},
    RuleEntry{"Equal", binary_rule<equal>},
    RuleEntry{"Erf", unary_rule<erf>},
    RuleEntry{"Exp", unary_rule<exp>},
    RuleEntry{"Floor", unary_rule<floor>},
    RuleEntry{"Greater", binary_rule<greater>},
    RuleEntry{"GreaterOrEqual", binary_rule<greater_equal>},
    RuleEntry{"IsInf", is_inf_rule},
    RuleEntry{"IsNaN", unary_rule<isnan>},
    RuleEntry{"Less", binary_rule<less>},
    RuleEntry{"LessOrEqual", binary_rule<less_equal>},
    RuleEntry{"Log", unary_rule<log>},
    RuleEntry{"Max", variadic_rule<maximum>},
    RuleEntry{"Mean", mean_rule},
    RuleEntry{"Min", variadic_rule<minimum>},
    RuleEntry{"Mod", mod_rule},
    RuleEntry{"Mul", binary_rule<mul>},
    RuleEntry{"Neg", unary_rule<neg>},
    RuleEntry{"Not", unary_rule<logical_not>},
    RuleEntry{"Or", binary_rule<logical_or>},
    RuleEntry{"Pow", pow_rule},
    RuleEntry{"Reciprocal", unary_rule<reciprocal>},
    RuleEntry{"Round", unary_rule<round>},
    RuleEntry{"Sign", unary_rule<sign>},
    RuleEntry{"Sin", unary_rule<sin>},
    RuleEntry{"Sinh", unary_rule<sinh>},
    RuleEntry{"Sqrt", unary_rule<sqrt>},
    RuleEntry{"Sub", binary_rule<sub>},
    RuleEntry{"Sum", variadic_rule<add>},
    RuleEntry{"Tan", unary_rule<tan>},
    RuleEntry{"Where", where_rule},
    RuleEntry{"Xor", binary_rule<logical_xor>},
};

}  // namespace

std::span<const RuleEntry> elementwise_rules() { return kElementwise; }

}  // namespace weft::onnx
