#include "weft/frontends/verify/elementwise_samplers.h"
#include "weft/ops/numbers.h"
#include "weft/ops/tails.h"

namespace weft::verify::builtin {
namespace {

Specification of_two_floats(const Op& op, std::string_view summary, Sampler sampler) {
  return {
      .op = op.name(),
      .summary = summary,
      .samplers = {std::move(sampler)},
      .refusals = with(no_pair(op), {op, {nothing(i32, {2}), nothing(i32, {2})}, ErrorCode::dtype_mismatch})};
}

/// Both away from 0.
Sampler signed_pair(const Op& op) {
  return [=](SampleSource& source) {
    const auto [a, b] = broadcasting(source);
    return Sample{op, {source.away_from_zero(a), source.away_from_zero(b)}};
  };
}

Specification of_two_integers(const Op& op, std::string_view summary) {
  return {.op = op.name(),
          .summary = summary,
          .samplers = {whole_pair(op, i32), whole_pair(op, i64), whole_pair(op, u8)},
          .refusals = {{op, {nothing(i32, {2}), nothing(i32, {3})}, ErrorCode::shape_mismatch},
                       {op, {nothing(i32, {2}), nothing(i64, {2})}, ErrorCode::dtype_mismatch},
                       {op, {nothing(f32, {2}), nothing(f32, {2})}, ErrorCode::dtype_mismatch}}};
}

}  // namespace

List numbers_and_tails() {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const auto counted = [](SampleSource& source) {
    return Sample{BitwiseCount{}, {source.whole(source.shape(), 1000, i64)}};
  };
  return everywhere({
      of_two_floats(CopySign{}, "the size of a with the sign of b", signed_pair(CopySign{})),
      of_two_floats(Heaviside{}, "0 below 0, 1 above, and b at 0", signed_pair(Heaviside{})),
      of_two_floats(NextAfter{}, "the neighbour of a towards b", apart(NextAfter{})),
      of_two_floats(Fmax{}, "the larger of two, passing over NaNs", apart(Fmax{})),
      of_two_floats(Fmin{}, "the smaller of two, passing over NaNs", apart(Fmin{})),
      of_two_integers(Gcd{}, "the greatest common divisor"),
      of_two_integers(Lcm{}, "the least common multiple"),
      unary(SignBit{}, "whether the sign is minus", of_uniform(SignBit{}, -2, 2)),
      {"bitwise_count",
       "how many bits of the absolute value are set",
       {counted},
       {{BitwiseCount{}, {nothing(boolean, {2})}, ErrorCode::dtype_mismatch},
        {BitwiseCount{}, {nothing(f64, {2})}, ErrorCode::dtype_mismatch}}},
      unary(Erfcx{}, "e^(x^2) erfc(x)", of_uniform(Erfcx{}, -1, 3)),
      unary(LogNdtr{}, "the logarithm of the normal distribution function", of_uniform(LogNdtr{}, -3, 2)),
      within(-1.0, kInfinity,
             of_two_floats(Xlog1py{}, "a times the logarithm of 1 + b, and 0 for an a of 0",
                           pair_of(Xlog1py{}, 0.4, 2))),
  });
}

}  // namespace weft::verify::builtin
