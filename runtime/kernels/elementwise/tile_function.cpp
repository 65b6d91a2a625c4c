#include "weft/runtime/kernels/elementwise/tile_function.h"

#include <algorithm>
#include <array>

#include "weft/ops/activation.h"
#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/exponential.h"
#include "weft/ops/gelu.h"
#include "weft/ops/powers.h"
#include "weft/ops/rounding.h"
#include "weft/ops/special.h"
#include "weft/ops/trigonometry.h"
#include "weft/runtime/kernels/vector/vector_math.h"

namespace weft {
namespace {

struct TileEntry {
  bool (*matches)(const Op& op);
  TileFunction (*function)();
};

template <typename O, auto Member>
constexpr TileEntry entry() {
  return {[](const Op& op) { return op.is<O>(); },
          [] {
            if constexpr (requires { vector_functions().*Member; }) {
              return TileFunction(vector_functions().*Member);
            } else {
              return TileFunction(vector_math().*Member);
            }
          }};
}

using F = VectorFunctions;
using M = VectorMath;

constexpr std::array kFloatFunctions{
    entry<Neg, &F::neg>(),
    entry<Square, &F::square>(),
    entry<Sqrt, &F::sqrt>(),
    entry<Exp, &F::exp>(),
    entry<Log, &F::log>(),
    entry<Log1p, &F::log1p>(),
    entry<Expm1, &F::expm1>(),
    entry<Abs, &F::abs>(),
    entry<Erf, &F::erf>(),
    entry<Tanh, &F::tanh>(),
    entry<Relu, &F::relu>(),
    entry<Sigmoid, &F::sigmoid>(),
    entry<Gelu, &F::gelu>(),
    entry<GeluSlope, &F::gelu_slope>(),
    entry<Add, &F::add>(),
    entry<Sub, &F::sub>(),
    entry<Mul, &F::mul>(),
    entry<Div, &F::div>(),
    entry<Minimum, &F::minimum>(),
    entry<Less, &F::less>(),
    entry<LessEqual, &F::less_equal>(),
    entry<Maximum, &F::maximum>(),
    entry<Greater, &F::greater>(),
    entry<GreaterEqual, &F::greater_equal>(),
    entry<Sin, &M::sin>(),
    entry<Cos, &M::cos>(),
    entry<Tan, &M::tan>(),
    entry<Asin, &M::asin>(),
    entry<Acos, &M::acos>(),
    entry<Atan, &M::atan>(),
    entry<Sinh, &M::sinh>(),
    entry<Cosh, &M::cosh>(),
    entry<Asinh, &M::asinh>(),
    entry<Acosh, &M::acosh>(),
    entry<Atanh, &M::atanh>(),
    entry<Exp2, &M::exp2>(),
    entry<Log2, &M::log2>(),
    entry<Log10, &M::log10>(),
    entry<Cbrt, &M::cbrt>(),
    entry<Erfc, &M::erfc>(),
    entry<Gauss, &M::gauss>(),
    entry<Floor, &M::floor>(),
    entry<Ceil, &M::ceil>(),
    entry<Round, &M::round>(),
    entry<Trunc, &M::trunc>(),
    entry<Sign, &M::sign>(),
    entry<Softplus, &M::softplus>(),
    entry<Atan2, &M::atan2>(),
    entry<Hypot, &M::hypot>(),
    entry<LogAddExp, &M::logaddexp>(),
    entry<Xlogy, &M::xlogy>(),
};

constexpr std::array kDoubleFunctions{
    entry<Exp, &M::exp_of_doubles>(),         entry<Log, &M::log_of_doubles>(),
    entry<Log1p, &M::log1p_of_doubles>(),     entry<Expm1, &M::expm1_of_doubles>(),
    entry<Erf, &M::erf_of_doubles>(),         entry<Erfc, &M::erfc_of_doubles>(),
    entry<Tanh, &M::tanh_of_doubles>(),       entry<Sin, &M::sin_of_doubles>(),
    entry<Cos, &M::cos_of_doubles>(),         entry<Tan, &M::tan_of_doubles>(),
    entry<Asin, &M::asin_of_doubles>(),       entry<Acos, &M::acos_of_doubles>(),
    entry<Atan, &M::atan_of_doubles>(),       entry<Sinh, &M::sinh_of_doubles>(),
    entry<Cosh, &M::cosh_of_doubles>(),       entry<Asinh, &M::asinh_of_doubles>(),
    entry<Acosh, &M::acosh_of_doubles>(),     entry<Atanh, &M::atanh_of_doubles>(),
    entry<Exp2, &M::exp2_of_doubles>(),       entry<Log2, &M::log2_of_doubles>(),
    entry<Log10, &M::log10_of_doubles>(),     entry<Cbrt, &M::cbrt_of_doubles>(),
    entry<Sigmoid, &M::sigmoid_of_doubles>(),
};

TileFunction cast_function(DType from, DType to) {
  const VectorFunctions& table = vector_functions();
  if (to == DType::f32) {
    if (from == DType::u8) return table.from_u8;
    if (from == DType::f16) return table.from_f16;
    if (from == DType::bf16) return table.from_bf16;
  } else if (from == DType::f32) {
    if (to == DType::f16) return table.to_f16;
    if (to == DType::bf16) return table.to_bf16;
  }
  return {};
}

}  // namespace

TileFunction tile_function(const Op& op, std::span<const DType> inputs) {
  const VectorFunctions& table = vector_functions();
  if (const auto* cast = op.as<Cast>()) return cast_function(inputs[0], cast->to);
  if (op.is<Select>()) return inputs[1] == DType::f32 ? TileFunction(table.where) : TileFunction();
  const auto found = [&](const auto& entries) {
    const auto entry = std::ranges::find_if(entries, [&](const TileEntry& each) { return each.matches(op); });
    return entry == entries.end() ? TileFunction() : entry->function();
  };
  const auto all = [&](DType wanted) {
    return std::ranges::all_of(inputs, [&](DType dtype) { return dtype == wanted; });
  };
  if (all(DType::f32)) return found(kFloatFunctions);
  return all(DType::f64) ? found(kDoubleFunctions) : TileFunction();
}

}  // namespace weft
