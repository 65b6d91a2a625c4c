#include "weft/frontends/verify/elementwise_samplers.h"
#include "weft/ops/activation.h"
#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/exponential.h"
#include "weft/ops/gelu.h"

namespace weft::verify::builtin {
List arithmetic() {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const auto signed_only = [](const Op& op) {
    return std::vector<Refusal>{{op, {nothing(u8, {2})}, ErrorCode::dtype_mismatch},
                                {op, {nothing(boolean, {2})}, ErrorCode::dtype_mismatch}};
  };
  const auto of_integers = [](const Op& op) {
    return with(no_pair(op), {op, {nothing(boolean, {2}), nothing(boolean, {2})}, ErrorCode::dtype_mismatch});
  };
  const auto floats_only = [](const Op& op) {
    return with(no_pair(op), {op, {nothing(i32, {2}), nothing(i32, {2})}, ErrorCode::dtype_mismatch});
  };
  const auto condition = [](SampleSource& source) {
    const Sizes wide = source.shape();
    return Sample{Select{},
                  {source.whole(source.broadcastable_to(wide), 2, boolean), source.uniform(wide),
                   source.uniform(source.broadcastable_to(wide))}};
  };
  const auto cast_between = [](DType from, DType to) {
    return [=](SampleSource& source) {
      const Sizes sizes = source.shape();
      return Sample{Cast{to}, {from == f64 ? source.between_integers(sizes) : source.whole(sizes, 2, from)}};
    };
  };
  const auto casts = [&] {
    std::vector<Sampler> samplers{cast_between(f64, f64), cast_between(f64, i32), cast_between(i64, u8)};
    for (const DType dtype : kDTypes) {
      if (is_float(dtype)) continue;  // f64 to f32 has steps where the gradient is checked by differences
      samplers.emplace_back(cast_between(f64, dtype));
      samplers.emplace_back(cast_between(dtype, is_half(dtype) ? f32 : f64));
    }
    return samplers;
  };
  return everywhere({
      {"add", "a + b", {pair_of(Add{}, -2, 2), whole_pair(Add{}, i32)}, of_integers(Add{})},
      {"sub", "a - b", {pair_of(Sub{}, -2, 2), whole_pair(Sub{}, i64)}, of_integers(Sub{})},
      {"mul", "a * b", {pair_of(Mul{}, -2, 2), whole_pair(Mul{}, u8)}, of_integers(Mul{})},
      {"div", "a / b", {pair_of(Div{}, 0.5, 2)}, floats_only(Div{})},
      {"pow", "a to the power of b", {pair_of(Pow{}, 0.3, 2)}, floats_only(Pow{})},
      {"minimum",
       "the smaller of a and b",
       {apart(Minimum{}), whole_pair(Minimum{}, i32)},
       of_integers(Minimum{})},
      {"maximum",
       "the larger of a and b",
       {apart(Maximum{}), whole_pair(Maximum{}, i32)},
       of_integers(Maximum{})},
      {"neg", "-x", {of_uniform(Neg{}, -2, 2)}, signed_only(Neg{})},
      {"square",
       "x * x",
       {of_uniform(Square{}, -2, 2)},
       {{Square{}, {nothing(boolean, {2})}, ErrorCode::dtype_mismatch},
        {Square{}, {nothing(boolean, {})}, ErrorCode::dtype_mismatch}}},
      within(0.0, kInfinity, unary(Sqrt{}, "the square root", of_uniform(Sqrt{}, 0.3, 2))),
      unary(Exp{}, "e to the power of x", of_uniform(Exp{}, -2, 2)),
      within(0.0, kInfinity, unary(Log{}, "the natural logarithm", of_uniform(Log{}, 0.3, 2))),
      {"abs", "|x|", {away_from_zero(Abs{})}, signed_only(Abs{})},
      unary(Erf{}, "the Gauss error function", of_uniform(Erf{}, -2, 2)),
      {"clip",
       "x limited to [low, high]",
       {[](SampleSource& source) {
         return Sample{Clip{-1.0, 2.0}, {source.between_integers(source.shape())}};
       }},
       with(not_floats(Clip{}), {Clip{1.0, -1.0}, {nothing(f64, {2})}, ErrorCode::invalid_argument})},
      {"cast", "x in another dtype", casts(), not_so_many(Cast{f64}, 1)},
      {"where",
       "a where the condition holds, else b",
       {condition},
       {{Select{}, {nothing(f64, {2}), nothing(f64, {2}), nothing(f64, {2})}, ErrorCode::dtype_mismatch},
        {Select{}, {nothing(boolean, {2}), nothing(f64, {2}), nothing(f32, {2})}, ErrorCode::dtype_mismatch},
        {Select{},
         {nothing(boolean, {2}), nothing(f64, {3}), nothing(f64, {3})},
         ErrorCode::shape_mismatch}}},
  });
}

List activations_and_comparisons() {
  const auto comparison = [](const Op& op, std::string_view summary) {
    return Specification{.op = op.name(),
                         .summary = summary,
                         .samplers = {apart(op), whole_pair(op, i32)},
                         .refusals = no_pair(op)};
  };
  return everywhere({
      comparison(Equal{}, "a == b"),
      comparison(NotEqual{}, "a != b"),
      comparison(Less{}, "a < b"),
      comparison(LessEqual{}, "a <= b"),
      comparison(Greater{}, "a > b"),
      comparison(GreaterEqual{}, "a >= b"),
      unary(Tanh{}, "the hyperbolic tangent", of_uniform(Tanh{}, -3, 3)),
      unary(Relu{}, "max(x, 0)", away_from_zero(Relu{})),
      unary(Sigmoid{}, "1 / (1 + exp(-x))", of_uniform(Sigmoid{}, -4, 4)),
      {"leaky_relu",
       "x where x > 0, else alpha x",
       {away_from_zero(LeakyRelu{0.01}), away_from_zero(LeakyRelu{0.5}), away_from_zero(LeakyRelu{-0.5})},
       not_floats(LeakyRelu{})},
      {"elu",
       "x where x > 0, else alpha (exp(x) - 1)",
       {away_from_zero(Elu{1.0}), away_from_zero(Elu{0.5})},
       not_floats(Elu{})},
      unary(Softplus{}, "log(1 + exp(x))", of_uniform(Softplus{}, -4, 4)),
      unary(Log1p{}, "log(1 + x)", of_uniform(Log1p{}, -0.7, 2)),
      unary(Expm1{}, "exp(x) - 1", of_uniform(Expm1{}, -2, 2)),
      unary(Log1mExp{}, "log(1 - exp(x))", of_uniform(Log1mExp{}, -3, -0.2)),
      unary(Gelu{}, "x times the normal distribution function", of_uniform(Gelu{}, -4, 4)),
      unary(GeluSlope{}, "the derivative of gelu", of_uniform(GeluSlope{}, -4, 4)),
  });
}

}  // namespace weft::verify::builtin
