#include "weft/frontends/verify/elementwise_samplers.h"
#include "weft/ops/bits.h"
#include "weft/ops/rounding.h"

namespace weft::verify::builtin {
namespace {

Sampler between_integers(const Op& op) {
  return [=](SampleSource& source) { return Sample{op, {source.between_integers(source.shape())}}; };
}

/// No quotient of the two is near a whole number.
Sampler dividends(const Op& op) {
  return [=](SampleSource& source) {
    const auto [a, b] = broadcasting(source);
    Tensor divisors = source.away_from_zero(b, 0.5, 0.5001);
    for (double& x : divisors.mutable_values<double>()) x *= 2.0;
    return Sample{op, {source.between_integers(a), divisors}};
  };
}
/// Integers among which are 0, and negative ones where the dtype has them.
Sampler integer_pair(const Op& op, DType dtype) {
  return [=](SampleSource& source) {
    const auto [a, b] = broadcasting(source);
    const auto drawn = [&](const Sizes& sizes, std::int64_t most) {
      Tensor x = source.whole(sizes, 2 * most, dtype);
      if (is_signed(dtype)) {
        visit_dtype(dtype, [&]<typename T>(T) {
          for (T& number : x.mutable_values<T>())
            number = static_cast<T>(static_cast<std::int64_t>(number) - most);
        });
      }
      return x;
    };
    return Sample{op, {drawn(a, 100), drawn(b, 4)}};
  };
}
/// Of every dtype of integers.
std::vector<Sampler> integer_pairs(const Op& op, std::vector<Sampler> others = {}) {
  for (const DType dtype : kDTypes) {
    if (is_integer(dtype)) others.push_back(integer_pair(op, dtype));
  }
  return others;
}
Sampler bools(const Op& op) {
  return [=](SampleSource& source) {
    const auto [a, b] = broadcasting(source);
    return Sample{op, {source.whole(a, 2, boolean), source.whole(b, 2, boolean)}};
  };
}

Specification division(const Op& op, std::string_view summary) {
  return {.op = op.name(),
          .summary = summary,
          .samplers = integer_pairs(op, {dividends(op)}),
          .refusals = with(no_pair(op),
                           {op, {nothing(boolean, {2}), nothing(boolean, {2})}, ErrorCode::dtype_mismatch})};
}
Specification of_integers(const Op& op, std::string_view summary) {
  return {.op = op.name(),
          .summary = summary,
          .samplers = integer_pairs(op),
          .refusals = {{op, {nothing(i32, {2}), nothing(i32, {3})}, ErrorCode::shape_mismatch},
                       {op, {nothing(i32, {2}), nothing(i64, {2})}, ErrorCode::dtype_mismatch},
                       {op, {nothing(f32, {2}), nothing(f32, {2})}, ErrorCode::dtype_mismatch}}};
}
Specification of_bools(const Op& op, std::string_view summary) {
  return {.op = op.name(),
          .summary = summary,
          .samplers = {bools(op)},
          .refusals = {{op, {nothing(boolean, {2}), nothing(boolean, {3})}, ErrorCode::shape_mismatch},
                       {op, {nothing(i32, {2}), nothing(i32, {2})}, ErrorCode::dtype_mismatch},
                       {op, {nothing(f64, {2}), nothing(f64, {2})}, ErrorCode::dtype_mismatch}}};
}

}  // namespace

List rounding_and_bits() {
  const auto negated = [](SampleSource& source) {
    return Sample{LogicalNot{}, {source.whole(source.shape(), 2, boolean)}};
  };
  const auto complement = [](SampleSource& source) {
    return Sample{BitwiseNot{}, {source.whole(source.shape(), 100, i64)}};
  };
  const auto signs = [](DType dtype) {
    return [=](SampleSource& source) { return Sample{Sign{}, {source.whole(source.shape(), 3, dtype)}}; };
  };
  return everywhere({
      unary(Floor{}, "the largest whole number below", between_integers(Floor{})),
      unary(Ceil{}, "the smallest whole number above", between_integers(Ceil{})),
      {"round",
       "the nearest whole number, the even one of two",
       {[](SampleSource& source) { return Sample{Round{}, {source.near_integers(source.shape())}}; }},
       not_floats(Round{})},
      unary(Trunc{}, "x without its fraction", between_integers(Trunc{})),
      {"sign",
       "-1, 0 or 1",
       {away_from_zero(Sign{}), signs(i32), signs(u8)},
       {{Sign{}, {nothing(boolean, {2})}, ErrorCode::dtype_mismatch},
        {Sign{}, {nothing(boolean, {})}, ErrorCode::dtype_mismatch}}},
      division(Mod{}, "the remainder with the sign of the divisor"),
      division(Fmod{}, "the remainder with the sign of the dividend"),
      division(FloorDivide{}, "the quotient rounded down"),
      of_integers(IntegerDivide{}, "the quotient of integers rounded toward zero"),
      of_bools(LogicalAnd{}, "a and b"),
      of_bools(LogicalOr{}, "a or b"),
      of_bools(LogicalXor{}, "either a or b"),
      {"logical_not",
       "not x",
       {negated},
       {{LogicalNot{}, {nothing(i32, {2})}, ErrorCode::dtype_mismatch},
        {LogicalNot{}, {nothing(f64, {2})}, ErrorCode::dtype_mismatch}}},
      of_integers(BitwiseAnd{}, "the bits that both have"),
      of_integers(BitwiseOr{}, "the bits that one has"),
      of_integers(BitwiseXor{}, "the bits that only one has"),
      {"bitwise_not",
       "the bits that x has not",
       {complement},
       {{BitwiseNot{}, {nothing(boolean, {2})}, ErrorCode::dtype_mismatch},
        {BitwiseNot{}, {nothing(f64, {2})}, ErrorCode::dtype_mismatch}}},
      of_integers(ShiftLeft{}, "the bits moved up"),
      of_integers(ShiftRight{}, "the bits moved down"),
      unary(IsNan{}, "whether x is NaN", of_uniform(IsNan{}, -2, 2)),
      unary(IsInf{}, "whether x is infinite", of_uniform(IsInf{}, -2, 2)),
      unary(IsFinite{}, "whether x is a finite number", of_uniform(IsFinite{}, -2, 2)),
  });
}

}  // namespace weft::verify::builtin
