// Trigonometry, powers and special functions: values known by heart, special numbers, gradients at edges.

#include <gtest/gtest.h>

#include <numbers>

#include "weft/ops/powers.h"
#include "weft/ops/special.h"
#include "weft/ops/trigonometry.h"
#include "weft/tests/ops/special_numbers.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/graph_numbers.h"

namespace weft {
namespace {

using testing_support::expect_error;
using testing_support::expect_near;
using testing_support::kInf;
using testing_support::kNaN;
using testing_support::numbers_of;
using testing_support::slopes_of;
using testing_support::vector_of;
using Numbers = std::vector<double>;
using OfOne = Value (*)(const Operand&);
using OfTwo = Value (*)(const Operand&, const Operand&);

constexpr double kPi = std::numbers::pi;
constexpr double kLn2 = std::numbers::ln2;

struct FunctionRow {
  const char* name;
  OfOne f;
  Numbers in;
  Numbers out;
};

const std::vector<FunctionRow>& function_rows() {
  static const std::vector<FunctionRow> rows{
      {"sin", sin, {0, kPi / 6, -kPi / 2, kInf, kNaN}, {0, 0.5, -1, kNaN, kNaN}},
      {"cos", cos, {0, kPi / 3, kPi, -kInf}, {1, 0.5, -1, kNaN}},
      {"tan", tan, {0, kPi / 4, -0.0, kInf}, {0, 1, -0.0, kNaN}},
      {"asin", asin, {0, 0.5, -1, 2}, {0, kPi / 6, -kPi / 2, kNaN}},
      {"acos", acos, {1, 0.5, -1, -2}, {0, kPi / 3, kPi, kNaN}},
      {"atan", atan, {0, 1, -kInf, kInf}, {0, kPi / 4, -kPi / 2, kPi / 2}},
      {"sinh", sinh, {0, 1, 1000, -1000}, {0, 1.1752011936438014, kInf, -kInf}},
      {"cosh", cosh, {0, 1, -1000}, {1, 1.5430806348152437, kInf}},
      {"asinh", asinh, {0, 1, -kInf}, {0, 0.881373587019543, -kInf}},
      {"acosh", acosh, {1, 2, kInf, 0.5}, {0, 1.3169578969248167, kInf, kNaN}},
      {"atanh", atanh, {0, 0.5, 1, -1, 2}, {0, 0.5493061443340549, kInf, -kInf, kNaN}},
      {"exp2", exp2, {0, 3, -1, 5000, -kInf}, {1, 8, 0.5, kInf, 0}},
      {"log2", log2, {8, 1, 0, -1, kInf}, {3, 0, -kInf, kNaN, kInf}},
      {"log10", log10, {1000, 1, 0, -1}, {3, 0, -kInf, kNaN}},
      {"cbrt", cbrt, {27, -8, -0.0, kInf}, {3, -2, -0.0, kInf}},
      {"reciprocal", reciprocal, {4, -0.0, 0, -kInf}, {0.25, -kInf, kInf, -0.0}},
      {"rsqrt", rsqrt, {4, 0, kInf, -1}, {0.5, kInf, 0, kNaN}},
      {"erfc", erfc, {0, 1, -kInf, kInf, kNaN}, {1, 0.15729920705028513, 2, 0, kNaN}},
      {"gauss",
       gauss,
       {0, -1, 3, kInf, -1e300, kNaN},
       {1, 0.36787944117144233, 1.2340980408667956e-4, 0, 0, kNaN}},
      {"erfinv", erfinv, {0, 0.5, -1, 1, 2}, {0, 0.4769362762044699, -kInf, kInf, kNaN}},
      {"lgamma",
       lgamma,
       {1, 5, 0.5, 0, -2, kInf},
       {0, 3.1780538303479458, 0.5723649429247001, kInf, kInf, kInf}},
      {"digamma",
       digamma,
       {1, 0.5, -0.5, 0, -0.0, -3, kInf},
       {-0.5772156649015329, -1.9635100260214235, 0.03648997397857652, -kInf, kInf, kNaN, kInf}},
  };
  return rows;
}

TEST(Functions, GiveTheNumbersOfTheirFormulaInBothPrecisions) {
  for (const FunctionRow& row : function_rows()) {
    for (const auto& [dtype, tolerance] : {std::pair{f64, 1e-14}, std::pair{f32, 4e-7}}) {
      SCOPED_TRACE(row.name + (" in " + std::string(name_of(dtype))));
      expect_near(numbers_of(row.f, vector_of(row.in, dtype)), row.out, tolerance);
    }
  }
}

TEST(Functions, RefuseWhatIsNoFloat) {
  Graph graph;
  const Value whole = input(graph, "i", i32, {2});
  for (const FunctionRow& row : function_rows()) {
    expect_error(ErrorCode::dtype_mismatch, {"i32[2]", "functions_test.cpp"}, [&] { row.f(whole); });
  }
  for (const OfTwo f : {atan2, hypot, logaddexp, xlogy}) {
    expect_error(ErrorCode::dtype_mismatch, {"functions_test.cpp"}, [&] { f(whole, whole); });
  }
}

TEST(Functions, HaveTheSlopesOfTheirFormulaAtEdgesToo) {
  expect_near(slopes_of(OfOne{asin}, vector_of({0, 1, -1})), {1, kInf, kInf});
  expect_near(slopes_of(OfOne{acosh}, vector_of({1, 1e200})), {kInf, 1e-200});
  expect_near(slopes_of(OfOne{asinh}, vector_of({0, 1e200})), {1, 1e-200});
  expect_near(slopes_of(OfOne{atan}, vector_of({0, kInf, -1e200})), {1, 0, 0});
  expect_near(slopes_of(OfOne{cbrt}, vector_of({0, -8})), {kInf, 1.0 / 12});
  expect_near(slopes_of(OfOne{erfinv}, vector_of({0})), {0.5 / std::numbers::inv_sqrtpi});
  expect_near(slopes_of(OfOne{lgamma}, vector_of({1, -0.5})), {-0.5772156649015329, 0.03648997397857652});
  expect_near(slopes_of(OfOne{digamma}, vector_of({1, -0.5})), {kPi * kPi / 6, 8.934802200544679});
}

TEST(Atan2, GivesTheAngleInAllQuadrants) {
  expect_near(
      numbers_of(OfTwo{atan2}, vector_of({1, 1, -1, -0.0, 0, kInf}), vector_of({1, -1, -1, -1, -1, -kInf})),
      {kPi / 4, 3 * kPi / 4, -3 * kPi / 4, -kPi, kPi, 3 * kPi / 4});
}

TEST(Atan2, HasAGradientThatNeitherOverflowsNorDividesByZero) {
  expect_near(slopes_of(OfTwo{atan2}, vector_of({0, 1, 0, 1e200}), vector_of({1, 0, 0, 1e200})),
              {1, 0, 0, 0.5e-200, -0.0, -1, -0.0, -0.5e-200});
}

TEST(Hypot, DoesNotOverflowAndHasTheGradientZeroAtZero) {
  const Tensor a = vector_of({3, 0, 1e200, kInf});
  const Tensor b = vector_of({4, 0, 1e200, kNaN});
  expect_near(numbers_of(OfTwo{hypot}, a, b), {5, 0, std::numbers::sqrt2 * 1e200, kInf});
  const double half = 1.0 / std::numbers::sqrt2;
  expect_near(slopes_of(OfTwo{hypot}, vector_of({3, 0, 1e200}), vector_of({4, 0, 1e200})),
              {0.6, 0, half, 0.8, 0, half});
}

TEST(LogAddExp, TakesInfinitiesAndHugeNumbers) {
  const Tensor a = vector_of({0, 1000, -kInf, kInf, -kInf, kNaN});
  const Tensor b = vector_of({0, 1000, -kInf, kInf, 5, 0});
  expect_near(numbers_of(OfTwo{logaddexp}, a, b), {kLn2, 1000 + kLn2, -kInf, kInf, 5, kNaN});
  expect_near(slopes_of(OfTwo{logaddexp}, a, b), {0.5, 0.5, 0.5, 0.5, 0, kNaN, 0.5, 0.5, 0.5, 0.5, 1, kNaN});
}

TEST(Xlogy, IsZeroWhereTheFactorIs) {
  const Tensor a = vector_of({0, 0, 2, 0, 0});
  const Tensor b = vector_of({0, 3, 1, kNaN, -1});
  expect_near(numbers_of(OfTwo{xlogy}, a, b), {0, 0, 0, kNaN, 0});
  expect_near(slopes_of(OfTwo{xlogy}, vector_of({0, 0, 2}), vector_of({0, 3, 4})),
              {0, std::log(3.0), std::log(4.0), 0, 0, 0.5});
}

TEST(Polygamma, HasTheValuesOfTheZetaFunction) {
  const auto order = [](std::int64_t n) { return [n](const Value& x) { return polygamma(n, x); }; };
  expect_near(numbers_of(order(1), vector_of({1, 0.5, -0.5, 0, -1, 1e300, kInf})),
              {kPi * kPi / 6, kPi * kPi / 2, 8.934802200544679, kInf, kInf, 1e-300, 0});
  expect_near(numbers_of(order(2), vector_of({1, 0.5, -0.5})),
              {-2.4041138063191886, -16.8287966442343199, -0.8287966442343199});
  expect_near(numbers_of(order(3), vector_of({1, 0.5})), {6.4939394022668291, 97.40909103400244});
  Graph graph;
  const Value x = input(graph, "x", f64, {2});
  expect_error(ErrorCode::invalid_argument, {"order", "[1, 20]", "21"}, [&] { polygamma(21, x); });
}

TEST(Erfinv, UndoesErfInBothTails) {
  const auto undone = [](const Value& x) { return erf(erfinv(x)); };
  const Numbers some{1e-300, 0.3, 0.849, 0.851, -0.99999, 0.9999999999};
  expect_near(numbers_of(undone, vector_of(some)), some, 1e-15);
}

}  // namespace
}  // namespace weft
