#include "weft/ops/numbers.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "weft/autodiff/gradients.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/ops/tails.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/graph_numbers.h"

namespace weft {
namespace {

using testing_support::evaluate_value;

constexpr double kInfinite = std::numeric_limits<double>::infinity();
constexpr double kNoNumber = std::numeric_limits<double>::quiet_NaN();

/// f(a, b) of numbers, in f64.
double of_two(Value (*f)(const Operand&, const Operand&), double a, double b) {
  Graph graph;
  return evaluate_value(f(constant(graph, a, f64), constant(graph, b, f64))).item<double>();
}
template <typename T>
T of_integers(Value (*f)(const Operand&, const Operand&), T a, T b) {
  Graph graph;
  const Tensor y = evaluate_value(f(constant(graph, Tensor::scalar(a)), constant(graph, Tensor::scalar(b))));
  return y.item<T>();
}
double slope(Value (*f)(const Operand&), double x) {
  Graph graph;
  const Value at = constant(graph, x, f64);
  return evaluate_value(gradient(f(at), at)).item<double>();
}

TEST(Fmax, PassesOverNaNs) {
  EXPECT_EQ(of_two(fmax, kNoNumber, -3.0), -3.0);
  EXPECT_EQ(of_two(fmax, -3.0, kNoNumber), -3.0);
  EXPECT_TRUE(std::isnan(of_two(fmax, kNoNumber, kNoNumber)));
  EXPECT_EQ(of_two(fmin, kNoNumber, kInfinite), kInfinite);
  EXPECT_EQ(of_two(fmin, 2.0, 1.0), 1.0);
}

TEST(Fmax, GivesItsGradientToTheNumberBesideANaN) {
  Graph graph;
  const Value a = constant(graph, kNoNumber, f64);
  const Value b = constant(graph, 2.0, f64);
  const Value y = fmax(a, b);
  EXPECT_EQ(evaluate_value(gradient(y, a)).item<double>(), 0.0);
  EXPECT_EQ(evaluate_value(gradient(y, b)).item<double>(), 1.0);
}

TEST(CopySign, TakesTheSignOfZeros) {
  EXPECT_TRUE(std::signbit(of_two(copysign, 0.0, -0.0)));
  EXPECT_EQ(of_two(copysign, -3.0, 0.0), 3.0);
}

TEST(Gcd, HoldsTheLowestIntegers) {
  constexpr auto kLowest = std::numeric_limits<std::int32_t>::min();
  EXPECT_EQ(of_integers<std::int32_t>(gcd, 12, -18), 6);
  EXPECT_EQ(of_integers<std::int32_t>(gcd, 0, 0), 0);
  EXPECT_EQ(of_integers<std::int32_t>(gcd, kLowest, 6), 2);
  EXPECT_EQ(of_integers<std::int64_t>(gcd, std::numeric_limits<std::int64_t>::min(), 1), 1);
  EXPECT_EQ(of_integers<std::int32_t>(lcm, 4, -6), 12);
  EXPECT_EQ(of_integers<std::int32_t>(lcm, 0, 6), 0);
  EXPECT_EQ(of_integers<std::uint8_t>(lcm, 16, 24), 48);
}

TEST(BitwiseCount, CountsTheBitsOfTheAbsoluteValue) {
  Graph graph;
  const Value x =
      constant(graph, Tensor::of<std::int32_t>({0, 7, -7, std::numeric_limits<std::int32_t>::min()}));
  const Tensor y = evaluate_value(bitwise_count(x));
  EXPECT_EQ(y.dtype(), u8);
  const std::vector<std::uint8_t> expected{0, 3, 3, 1};
  EXPECT_TRUE(std::ranges::equal(y.values<std::uint8_t>(), expected));
}

/// References by continued fractions in long double, written for this test: sqrt(pi) erfcx(x) = 1 / (x + 1/2
/// / (x + 2/2 / (x + 3/2 / (x + ...)))) for x > 0.
long double scaled_by_fraction(long double x) {
  long double rest = x;
  for (int n = 400; n > 0; --n) rest = x + 0.5L * static_cast<long double>(n) / rest;
  return std::numbers::inv_sqrtpi_v<long double> / rest;
}

TEST(Erfcx, KeepsItsDigitsFarOut) {
  for (const double x : {2.0, 5.0, 24.9, 25.1, 99.0, 101.0, 1e10, 1e200}) {
    Graph graph;
    const double y = evaluate_value(erfcx(constant(graph, x, f64))).item<double>();
    const auto expected = static_cast<double>(scaled_by_fraction(x));
    EXPECT_NEAR(y / expected, 1.0, 4e-16) << x;
    const float single = evaluate_value(erfcx(constant(graph, x, f32))).item<float>();
    const auto near = static_cast<float>(scaled_by_fraction(static_cast<float>(x)));
    EXPECT_LE(std::abs(single - near), std::abs(near) * 0x1p-23F) << x;
  }
}

TEST(LogNdtr, KeepsItsDigitsInBothTails) {
  for (const double x : {-1e5, -150.0, -30.0, -5.1, -4.9, -1.0, 0.0, 1.0, 8.0, 30.0}) {
    const long double u = -static_cast<long double>(x) * std::numbers::sqrt2_v<long double> / 2;
    const long double exact = x < -2  ? -u * u + std::log(scaled_by_fraction(u) / 2)
                              : x > 0 ? std::log1p(-std::erfc(-u) / 2)
                                      : std::log(std::erfc(u) / 2);
    Graph graph;
    const double y = evaluate_value(log_ndtr(constant(graph, x, f64))).item<double>();
    EXPECT_LE(std::abs(static_cast<long double>(y) - exact), 2.3e-16L * std::abs(exact)) << x;
  }
  // phi(x) / Phi(x) is near -x far below 0: x + 1 / x beside it, to its next term.
  EXPECT_NEAR(slope(log_ndtr, -1e4) / (1e4 + 1e-4), 1.0, 1e-14);
}

TEST(Xlog1py, HasNoSlopeWhereTheFactorIsZero) {
  Graph graph;
  const Value a = constant(graph, 0.0, f64);
  const Value b = constant(graph, -1.0, f64);
  const Value y = xlog1py(a, b);
  EXPECT_EQ(evaluate_value(y).item<double>(), 0.0);
  EXPECT_EQ(evaluate_value(gradient(y, a)).item<double>(), 0.0);
  EXPECT_EQ(evaluate_value(gradient(y, b)).item<double>(), 0.0);
}

}  // namespace
}  // namespace weft
