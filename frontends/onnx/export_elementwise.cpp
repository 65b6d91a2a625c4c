// Elementwise ops that ONNX has, or that are a few of its operators. Shapes broadcast in both alike.

#include <array>

#include "weft/frontends/onnx/export_node.h"
#include "weft/ops/activation.h"
#include "weft/ops/bits.h"
#include "weft/ops/compare.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/exponential.h"
#include "weft/ops/rounding.h"
#include "weft/ops/trigonometry.h"

namespace weft::onnx {
namespace {

/// What passes its first input on.
NameList first_input(ExportNode& n, std::string_view) { return {n.in(0)}; }

/// Arithmetic, which ONNX has for numbers alone.
NameList of_numbers(ExportNode& n, std::string_view name) {
  if (n.dtype() == DType::boolean) n.refuse("ONNX's operator takes no bools");
  return same_operator(n, name);
}

/// An operator that runtimes, or the standard, lack for u8: of i32, from which a cast takes the lowest bits.
std::string wider(ExportNode& n, std::string_view name) {
  if (n.dtype() != DType::u8) return of_numbers(n, name).front();
  NameList inputs;
  for (const std::string& name_of_input : n.inputs()) inputs.push_back(n.cast(name_of_input, DType::i32));
  return n.add(name, std::move(inputs));
}
NameList export_arithmetic(ExportNode& n, std::string_view name) {
  const std::string made = wider(n, name);
  return {n.dtype() == DType::u8 ? n.cast(made, DType::u8) : made};
}
std::string equality(ExportNode& n) {
  return n.dtype() == DType::u8 ? wider(n, "Equal") : n("Equal", n.in(0), n.in(1));
}
NameList export_equal(ExportNode& n, std::string_view) { return {equality(n)}; }
NameList export_not_equal(ExportNode& n, std::string_view) { return {n("Not", equality(n))}; }

NameList export_square(ExportNode& n, std::string_view) { return {n("Mul", n.in(0), n.in(0))}; }

NameList export_clip(ExportNode& n, std::string_view) {
  const auto& op = n.op<Clip>();
  return {n("Clip", n.in(0), n.number(op.low), n.number(op.high))};
}

NameList export_cast(ExportNode& n, std::string_view) { return {n.cast(n.in(0), n.op<Cast>().to)}; }

/// Whether a float attribute of ONNX, an f32, says `number` as closely as elements of the input are.
bool is_attribute(const ExportNode& n, double number) {
  return n.dtype() == DType::f32 || static_cast<double>(static_cast<float>(number)) == number;
}

NameList export_leaky_relu(ExportNode& n, std::string_view) {
  const double alpha = n.op<LeakyRelu>().alpha;
  if (is_attribute(n, alpha)) return {n.add("LeakyRelu", {n.in(0)}, {attr_number("alpha", alpha)})};
  const std::string positive = n("Greater", n.in(0), n.number(0.0));
  return {n.where(positive, n.in(0), n("Mul", n.number(alpha), n.in(0)))};
}

NameList export_elu(ExportNode& n, std::string_view) {
  const double alpha = n.op<Elu>().alpha;
  if (is_attribute(n, alpha)) return {n.add("Elu", {n.in(0)}, {attr_number("alpha", alpha)})};
  const std::string positive = n("Greater", n.in(0), n.number(0.0));
  const std::string below = n("Mul", n.number(alpha), n("Sub", n("Exp", n.in(0)), n.number(1.0)));
  return {n.where(positive, n.in(0), below)};
}

NameList export_trunc(ExportNode& n, std::string_view) {
  return {n("Mul", n("Sign", n.in(0)), n("Floor", n("Abs", n.in(0))))};
}

/// The operands of a division. Those of u8 are i32 on the way.
struct Division {
  std::string a;
  std::string b;
  DType dtype = DType::f32;
};
Division division(ExportNode& n) {
  if (n.dtype() != DType::u8) return {n.in(0), n.in(1), n.dtype()};
  return {n.cast(n.in(0), DType::i32), n.cast(n.in(1), DType::i32), DType::i32};
}
NameList as_operands(ExportNode& n, const std::string& y) {
  return {n.dtype() == DType::u8 ? n.cast(y, DType::u8) : y};
}

/// The divisor, or 1 for integers whose quotient runtimes do not define: 0, and -1, by which the lowest
/// number overflows. Remainders by 1 are 0, as they are by these.
std::string safe_divisor(ExportNode& n, const Division& of) {
  if (is_float(of.dtype)) return of.b;
  const std::string zero = n("Equal", of.b, n.number(0.0, of.dtype));
  const std::string minus_one = n("Equal", of.b, n.number(-1.0, of.dtype));
  return n.where(n("Or", zero, minus_one), n.number(1.0, of.dtype), of.b);
}
std::string integer_quotient(ExportNode& n, const Division& of, const std::string& a,
                             const std::string& divisor) {
  const std::string minus_one = n("Equal", of.b, n.number(-1.0, of.dtype));
  const std::string quotient = n.where(minus_one, n("Neg", a), n("Div", a, divisor));
  const std::string zero = n.number(0.0, of.dtype);
  return n.where(n("Equal", of.b, zero), zero, quotient);
}

/// Mod rounds toward -infinity with fmod 0, which is for integers, and toward zero with fmod 1.
std::string remainder(ExportNode& n, const Division& of, const std::string& divisor, bool fmod) {
  return n.add("Mod", {of.a, divisor}, {attr("fmod", fmod ? 1 : 0)});
}
std::string modulo(ExportNode& n, const Division& of, const std::string& divisor) {
  if (!is_float(of.dtype)) return remainder(n, of, divisor, false);
  const std::string rest = remainder(n, of, divisor, true);
  const std::string other_sign = n("Less", n("Mul", n("Sign", rest), n("Sign", divisor)), n.number(0.0));
  return n.where(other_sign, n("Add", rest, divisor), rest);
}
NameList export_fmod(ExportNode& n, std::string_view) {
  const Division of = division(n);
  return as_operands(n, remainder(n, of, safe_divisor(n, of), true));
}
NameList export_mod(ExportNode& n, std::string_view) {
  const Division of = division(n);
  return as_operands(n, modulo(n, of, safe_divisor(n, of)));
}
NameList export_floor_divide(ExportNode& n, std::string_view) {
  const Division of = division(n);
  if (is_float(of.dtype)) return {n("Floor", n("Div", of.a, of.b))};
  const std::string divisor = safe_divisor(n, of);
  return as_operands(n, integer_quotient(n, of, n("Sub", of.a, modulo(n, of, divisor)), divisor));
}
NameList export_integer_divide(ExportNode& n, std::string_view) {
  const Division of = division(n);
  return as_operands(n, integer_quotient(n, of, of.a, safe_divisor(n, of)));
}

/// Runtimes choose between numbers; between bools it is logic.
NameList export_select(ExportNode& n, std::string_view) {
  if (n.dtype(1) != DType::boolean) return {n.where(n.in(0), n.in(1), n.in(2))};
  return {n("Or", n("And", n.in(0), n.in(1)), n("And", n("Not", n.in(0)), n.in(2)))};
}

NameList export_shift(ExportNode& n, std::string_view direction) {
  if (n.dtype() != DType::u8) n.refuse("ONNX shifts the bits of unsigned integers alone");
  return {n.add("BitShift", n.inputs(), {attr_text("direction", direction)})};
}

NameList export_is_inf(ExportNode& n, std::string_view) {
  return {n.add("IsInf", n.inputs(), {attr("detect_negative", 1), attr("detect_positive", 1)})};
}
NameList export_is_finite(ExportNode& n, std::string_view) {
  // An infinity or a NaN less itself is a NaN.
  return {n("Not", n("IsNaN", n("Sub", n.in(0), n.in(0))))};
}

constexpr std::array kElementwiseExports{
    exported<StopGradient>(first_input),
    exported<ScaleGradient>(first_input),
    ExportEntry{CustomGradient::name, is_op<CustomGradient>, first_input},  // its rule is code
    exported<OptimizationBarrier>(first_input),
    exported<Add>(export_arithmetic, "Add"),
    exported<Sub>(export_arithmetic, "Sub"),
    exported<Mul>(export_arithmetic, "Mul"),
    exported<Div>(of_numbers, "Div"),
    exported<Pow>(of_numbers, "Pow"),
    exported<Minimum>(of_numbers, "Min"),
    exported<Maximum>(of_numbers, "Max"),
    exported<Neg>(export_arithmetic, "Neg"),
    exported<Square>(export_square),
    exported<Sqrt>(same_operator, "Sqrt"),
    exported<Exp>(same_operator, "Exp"),
    exported<Log>(same_operator, "Log"),
    exported<Abs>(of_numbers, "Abs"),
    exported<Erf>(same_operator, "Erf"),
    exported<Clip>(export_clip),
    exported<Cast>(export_cast),
    exported<Select>(export_select),
    exported<Equal>(export_equal),
    exported<NotEqual>(export_not_equal),
    exported<Less>(of_numbers, "Less"),
    exported<LessEqual>(of_numbers, "LessOrEqual"),
    exported<Greater>(of_numbers, "Greater"),
    exported<GreaterEqual>(of_numbers, "GreaterOrEqual"),
    exported<Tanh>(same_operator, "Tanh"),
    exported<Relu>(same_operator, "Relu"),
    exported<Sigmoid>(same_operator, "Sigmoid"),
    exported<LeakyRelu>(export_leaky_relu),
    exported<Elu>(export_elu),
    exported<Softplus>(same_operator, "Softplus"),
    exported<Sin>(same_operator, "Sin"),
    exported<Cos>(same_operator, "Cos"),
    exported<Tan>(same_operator, "Tan"),
    exported<Asin>(same_operator, "Asin"),
    exported<Acos>(same_operator, "Acos"),
    exported<Atan>(same_operator, "Atan"),
    exported<Sinh>(same_operator, "Sinh"),
    exported<Cosh>(same_operator, "Cosh"),
    exported<Asinh>(same_operator, "Asinh"),
    exported<Acosh>(same_operator, "Acosh"),
    exported<Atanh>(same_operator, "Atanh"),
    exported<Floor>(same_operator, "Floor"),
    exported<Ceil>(same_operator, "Ceil"),
    exported<Round>(same_operator, "Round"),
    exported<Trunc>(export_trunc),
    exported<Sign>(of_numbers, "Sign"),
    exported<Mod>(export_mod),
    exported<Fmod>(export_fmod),
    exported<FloorDivide>(export_floor_divide),
    exported<IntegerDivide>(export_integer_divide),
    exported<LogicalAnd>(same_operator, "And"),
    exported<LogicalOr>(same_operator, "Or"),
    exported<LogicalXor>(same_operator, "Xor"),
    exported<LogicalNot>(same_operator, "Not"),
    exported<ShiftLeft>(export_shift, "LEFT"),
    exported<ShiftRight>(export_shift, "RIGHT"),
    exported<IsNan>(same_operator, "IsNaN"),
    exported<IsInf>(export_is_inf),
    exported<IsFinite>(export_is_finite),
};

}  // namespace

std::span<const ExportEntry> elementwise_exports() { return kElementwiseExports; }

}  // namespace weft::onnx
