#include "weft/frontends/verify/elementwise_samplers.h"
#include "weft/ops/powers.h"
#include "weft/ops/special.h"
#include "weft/ops/trigonometry.h"

namespace weft::verify::builtin {
namespace {

Specification binary(const Op& op, std::string_view summary, Sampler sampler) {
  return {
      .op = op.name(),
      .summary = summary,
      .samplers = {std::move(sampler)},
      .refusals = with(no_pair(op), {op, {nothing(i32, {2}), nothing(i32, {2})}, ErrorCode::dtype_mismatch})};
}

/// Points of all four quadrants, away from the axes.
Sampler points(const Op& op) {
  return [=](SampleSource& source) {
    const auto [a, b] = broadcasting(source);
    return Sample{op, {source.away_from_zero(a, 0.3), source.away_from_zero(b, 0.3)}};
  };
}

}  // namespace

List functions() {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  return everywhere({
      unary(Sin{}, "the sine", of_uniform(Sin{}, -4, 4)),
      unary(Cos{}, "the cosine", of_uniform(Cos{}, -4, 4)),
      unary(Tan{}, "the tangent", of_uniform(Tan{}, -1.2, 1.2)),
      within(-1.0, 1.0, unary(Asin{}, "the inverse of the sine", of_uniform(Asin{}, -0.9, 0.9))),
      within(-1.0, 1.0, unary(Acos{}, "the inverse of the cosine", of_uniform(Acos{}, -0.9, 0.9))),
      unary(Atan{}, "the inverse of the tangent", of_uniform(Atan{}, -3, 3)),
      unary(Sinh{}, "the hyperbolic sine", of_uniform(Sinh{}, -2, 2)),
      unary(Cosh{}, "the hyperbolic cosine", of_uniform(Cosh{}, -2, 2)),
      unary(Asinh{}, "the inverse of the hyperbolic sine", of_uniform(Asinh{}, -3, 3)),
      within(1.0, kInfinity,
             unary(Acosh{}, "the inverse of the hyperbolic cosine", of_uniform(Acosh{}, 1.3, 4))),
      within(-1.0, 1.0,
             unary(Atanh{}, "the inverse of the hyperbolic tangent", of_uniform(Atanh{}, -0.8, 0.8))),
      binary(Atan2{}, "the angle of a point", points(Atan2{})),
      unary(Exp2{}, "2 to the power of x", of_uniform(Exp2{}, -3, 3)),
      within(0.0, kInfinity, unary(Log2{}, "the logarithm to base 2", of_uniform(Log2{}, 0.3, 4))),
      within(0.0, kInfinity, unary(Log10{}, "the logarithm to base 10", of_uniform(Log10{}, 0.3, 4))),
      unary(Cbrt{}, "the cube root", away_from_zero(Cbrt{})),
      binary(Hypot{}, "the root of the sum of two squares", points(Hypot{})),
      unary(Erfc{}, "1 less the Gauss error function", of_uniform(Erfc{}, -2, 2)),
      within(-1.0, 1.0,
             unary(Erfinv{}, "the inverse of the Gauss error function", of_uniform(Erfinv{}, -0.8, 0.8))),
      unary(Gauss{}, "e to the power of -x^2", of_uniform(Gauss{}, -2, 2)),
      unary(Lgamma{}, "the logarithm of the gamma function", of_uniform(Lgamma{}, 0.3, 4)),
      unary(Digamma{}, "the derivative of lgamma", of_uniform(Digamma{}, 0.4, 4)),
      {"polygamma",
       "the derivative of digamma of some order",
       {of_uniform(Polygamma{1}, 0.8, 4), of_uniform(Polygamma{3}, 1.5, 4)},
       with(not_floats(Polygamma{1}), {Polygamma{0}, {nothing(f64, {2})}, ErrorCode::invalid_argument})},
      binary(LogAddExp{}, "the logarithm of the sum of two exponentials", pair_of(LogAddExp{}, -3, 3)),
      binary(Xlogy{}, "a times the logarithm of b, and 0 for an a of 0", pair_of(Xlogy{}, 0.4, 2)),
  });
}

}  // namespace weft::verify::builtin
