// Elementwise functions that ONNX lacks, as formulas of its operators. They are as accurate as these
// formulas: where one loses digits that weft's op keeps, it says so.

#include <array>
#include <limits>
#include <numbers>

#include "weft/frontends/onnx/export_node.h"
#include "weft/ops/exponential.h"
#include "weft/ops/gelu.h"
#include "weft/ops/numbers.h"
#include "weft/ops/powers.h"
#include "weft/ops/special.h"
#include "weft/ops/tails.h"
#include "weft/ops/trigonometry.h"

namespace weft::onnx {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// ln(1 + x) = ln(u) x / (u - 1) with u = 1 + x, whose rounding error cancels (Kahan).
std::string log1p_of(ExportNode& n, const std::string& x) {
  const std::string one = n.number(1.0);
  const std::string u = n("Add", one, x);
  const std::string distance = n("Sub", u, one);
  const std::string ratio = n.where(n("Equal", distance, x), one, n("Div", x, distance));
  return n.where(n("Equal", u, one), x, n("Mul", n("Log", u), ratio));
}

/// e^x - 1 = tanh(x / 2) (e^x + 1).
std::string expm1_of(ExportNode& n, const std::string& x) {
  return n("Mul", n("Tanh", n("Mul", x, n.number(0.5))), n("Add", n("Exp", x), n.number(1.0)));
}

NameList export_log1p(ExportNode& n, std::string_view) { return {log1p_of(n, n.in(0))}; }
NameList export_expm1(ExportNode& n, std::string_view) { return {expm1_of(n, n.in(0))}; }
NameList export_log1mexp(ExportNode& n, std::string_view) {
  // Beyond -ln 2 the exponential is the small one, before it 1 - e^x.
  const std::string x = n.in(0);
  const std::string far = log1p_of(n, n("Neg", n("Exp", x)));
  const std::string near = n("Log", n("Neg", expm1_of(n, x)));
  return {n.where(n("Less", x, n.number(-std::numbers::ln2)), far, near)};
}

NameList export_exp2(ExportNode& n, std::string_view) { return {n("Pow", n.number(2.0), n.in(0))}; }
NameList export_log2(ExportNode& n, std::string_view) {
  return {n("Div", n("Log", n.in(0)), n.number(std::numbers::ln2))};
}
NameList export_log10(ExportNode& n, std::string_view) {
  return {n("Div", n("Log", n.in(0)), n.number(std::numbers::ln10))};
}
NameList export_cbrt(ExportNode& n, std::string_view) {
  const std::string root = n("Pow", n("Abs", n.in(0)), n.number(1.0 / 3.0));
  return {n.where(n("Less", n.in(0), n.number(0.0)), n("Neg", root), root)};
}
NameList export_hypot(ExportNode& n, std::string_view) {
  const std::string a = n("Abs", n.in(0));
  const std::string b = n("Abs", n.in(1));
  const std::string large = n("Max", a, b);
  const std::string ratio = n("Div", n("Min", a, b), large);
  const std::string sum = n("Sqrt", n("Add", n.number(1.0), n("Mul", ratio, ratio)));
  const std::string extreme =
      n("Or", n("Equal", large, n.number(0.0)), n("Equal", large, n.number(kInfinity)));
  return {n.where(extreme, large, n("Mul", large, sum))};
}
/// Whether x is below 0, or a zero whose reciprocal is.
std::string is_negative(ExportNode& n, const std::string& x) {
  const std::string zero = n.number(0.0);
  const std::string one = n.number(1.0);
  const std::string sign = n.where(n("Equal", x, zero), n("Div", one, x), x);
  return n("Less", sign, zero);
}

/// The zeros of both keep their signs.
NameList export_atan2(ExportNode& n, std::string_view) {
  const std::string a = n.in(0);
  const std::string b = n.in(1);
  const std::string half_turn = n.number(std::numbers::pi);
  const std::string turn = n.where(is_negative(n, a), n("Neg", half_turn), half_turn);
  const std::string angle = n.where(n("Equal", a, n.number(0.0)), a, n("Atan", n("Div", a, b)));
  return {n.where(is_negative(n, b), n("Add", angle, turn), angle)};
}

// Coefficients of s^0, s^1, ... of ln(erfc(x) e^(x^2) / t) with t = 2 / (2 + x) and s = 2t - 1, for x >= 0;
// the interpolation in Chebyshev's points, whose error is 1e-8 and 6e-14 of erfc(x).
constexpr std::array kErfcSingle{-0.6717940916807762,   0.6726431547745388,     0.04734388761300292,
                                 -0.046893640559878436, -0.009880019324165447,  0.008808825368916915,
                                 0.0017940662501604975, -0.0022887652375075617, -0.00022791096648120415,
                                 0.000573766370899875,  8.000738353075574e-06,  -8.728380980755893e-05};
constexpr std::array kErfcDouble{
    -0.6717940840566937,     0.6726432239776647,      0.04734330684191957,     -0.04689561023088404,
    -0.009872689363198935,   0.008824938538540422,    0.0017589334680004932,   -0.002345812206120752,
    -0.00014624582989365505, 0.000673676509391091,    -9.37417089202952e-05,   -0.0001742925485627845,
    7.14282497426118e-05,    3.1714969939354625e-05,  -3.026199726666397e-05,  1.967949714236299e-07,
    8.700630364774139e-06,   -3.0287934350780995e-06, -1.4489662135019845e-06, 1.3300850696396015e-06,
    -1.5541445463895503e-08, -3.0847440939396446e-07, 6.770715117454493e-08,   3.312015905976277e-08,
    -1.1175870895385676e-08};

/// 1 - erf(x) would lose the digits of the right tail.
std::string erfc_of(ExportNode& n, const std::string& x) {
  const std::string two = n.number(2.0);
  const std::string t = n("Div", two, n("Add", two, n("Abs", x)));
  const std::string s = n("Sub", n("Mul", two, t), n.number(1.0));
  const std::span<const double> all =
      n.dtype() == DType::f64 ? std::span<const double>(kErfcDouble) : std::span<const double>(kErfcSingle);
  std::string sum = n.number(all.back());
  for (std::size_t i = all.size() - 1; i-- > 0;) sum = n("Add", n("Mul", sum, s), n.number(all[i]));
  const std::string tail = n("Mul", t, n("Exp", n("Sub", sum, n("Mul", x, x))));
  return n.where(n("Less", x, n.number(0.0)), n("Sub", two, tail), tail);
}
NameList export_erfc(ExportNode& n, std::string_view) { return {erfc_of(n, n.in(0))}; }

/// Phi(x): by erfc, or in the form that runtimes know as a part of one operator, which loses the left tail.
std::string normal_distribution(ExportNode& n) {
  if (n.keeps_gelu_tails())
    return n("Mul", n.number(0.5), erfc_of(n, n("Mul", n.in(0), n.number(-std::numbers::sqrt2 / 2.0))));
  const std::string erf = n("Erf", n("Mul", n.in(0), n.number(std::numbers::sqrt2 / 2.0)));
  return n("Mul", n.number(0.5), n("Add", n.number(1.0), erf));
}
/// Far to the left Phi is 0, and so is the product, even where x is infinite.
NameList export_gelu(ExportNode& n, std::string_view) {
  constexpr double kFar = -1000.0;
  const std::string x = n.keeps_gelu_tails() ? n("Max", n.in(0), n.number(kFar)) : n.in(0);
  return {n("Mul", x, normal_distribution(n))};
}
NameList export_gelu_slope(ExportNode& n, std::string_view) {
  const std::string x = n.in(0);
  const std::string bell = n("Exp", n("Mul", n.number(-0.5), n("Mul", x, x)));
  const double at_zero = std::numbers::inv_sqrtpi / std::numbers::sqrt2;
  return {n("Add", normal_distribution(n), n("Mul", n("Mul", n.number(at_zero), x), bell))};
}

NameList export_gauss(ExportNode& n, std::string_view) {
  return {n("Exp", n("Neg", n("Mul", n.in(0), n.in(0))))};
}

NameList export_logaddexp(ExportNode& n, std::string_view) {
  const std::string large = n("Max", n.in(0), n.in(1));
  const std::string gap = n("Neg", n("Abs", n("Sub", n.in(0), n.in(1))));
  const std::string same = n("Equal", n.in(0), n.in(1));  // both may be infinite
  return {n.where(same, n("Add", large, n.number(std::numbers::ln2)),
                  n("Add", large, log1p_of(n, n("Exp", gap))))};
}
NameList times_log(ExportNode& n, const std::string& log) {
  const std::string zero = n.number(0.0);
  return {n.where(n("Equal", n.in(0), zero), zero, n("Mul", n.in(0), log))};
}
NameList export_xlogy(ExportNode& n, std::string_view) { return times_log(n, n("Log", n.in(1))); }
NameList export_xlog1py(ExportNode& n, std::string_view) { return times_log(n, log1p_of(n, n.in(1))); }

NameList export_signbit(ExportNode& n, std::string_view) { return {is_negative(n, n.in(0))}; }
NameList export_copysign(ExportNode& n, std::string_view) {
  const std::string size = n("Abs", n.in(0));
  return {n.where(is_negative(n, n.in(1)), n("Neg", size), size)};
}
NameList export_heaviside(ExportNode& n, std::string_view) {
  const std::string zero = n.number(0.0);
  const std::string step = n.where(n("Less", n.in(0), zero), zero, n.number(1.0));
  const std::string at_zero = n.where(n("Equal", n.in(0), zero), n.in(1), step);
  return {is_float(n.dtype()) ? n.where(n("IsNaN", n.in(0)), n.in(0), at_zero) : at_zero};
}
/// The other number where one is a NaN.
NameList export_number_of_two(ExportNode& n, std::string_view name) {
  if (!is_float(n.dtype())) return same_operator(n, name);
  const std::string both = n(name, n.in(0), n.in(1));
  return {n.where(n("IsNaN", n.in(0)), n.in(1), n.where(n("IsNaN", n.in(1)), n.in(0), both))};
}

constexpr std::array kFunctionExports{
    exported<Log1p>(export_log1p),
    exported<Expm1>(export_expm1),
    exported<Log1mExp>(export_log1mexp),
    exported<Exp2>(export_exp2),
    exported<Log2>(export_log2),
    exported<Log10>(export_log10),
    exported<Cbrt>(export_cbrt),
    exported<Hypot>(export_hypot),
    exported<Atan2>(export_atan2),
    exported<Gelu>(export_gelu),
    exported<GeluSlope>(export_gelu_slope),
    exported<Erfc>(export_erfc),
    exported<Gauss>(export_gauss),
    exported<LogAddExp>(export_logaddexp),
    exported<Xlogy>(export_xlogy),
    exported<Xlog1py>(export_xlog1py),
    exported<SignBit>(export_signbit),
    exported<CopySign>(export_copysign),
    exported<Heaviside>(export_heaviside),
    exported<Fmax>(export_number_of_two, "Max"),
    exported<Fmin>(export_number_of_two, "Min"),
};

}  // namespace

std::span<const ExportEntry> function_exports() { return kFunctionExports; }

}  // namespace weft::onnx
