// The loops of VectorMath for each instruction set that this CPU has, against the definitions in double.

#include "weft/runtime/kernels/vector/vector_math.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::replay;
using testing_support::TensorSource;
using Floats = std::vector<float>;

constexpr float kInfiniteFloat = std::numeric_limits<float>::infinity();

/// The tables that this CPU can run.
std::vector<const VectorMath*> math_tables() {
  __builtin_cpu_init();
  std::vector<const VectorMath*> list{&kSse2Math};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) list.push_back(&kAvx2Math);
  if (__builtin_cpu_supports("avx512f")) list.push_back(&kAvx512Math);
  return list;
}

/// Distance in units in the last place; 0 for two NaNs and for equal numbers, if zeros have one sign.
double units_apart(float actual, double expected) {
  const auto rounded = static_cast<float>(expected);
  if (std::isnan(actual) && std::isnan(rounded)) return 0.0;
  if (actual == rounded) return std::signbit(actual) == std::signbit(rounded) ? 0.0 : HUGE_VAL;
  if (!std::isfinite(actual) || !std::isfinite(rounded)) return HUGE_VAL;
  const float unit = std::nextafter(std::abs(rounded), kInfiniteFloat) - std::abs(rounded);
  return std::abs(static_cast<double>(actual) - expected) / static_cast<double>(unit);
}

struct MathCase {
  const char* name;
  VectorFunctions::Unary VectorMath::* function;
  double (*formula)(double x);
  double most_ulps;
};

const std::vector<MathCase>& math_cases() {
  static const std::vector<MathCase> cases{
      {"sin", &VectorMath::sin, [](double x) { return std::sin(x); }, 3},
      {"cos", &VectorMath::cos, [](double x) { return std::cos(x); }, 3},
      {"tan", &VectorMath::tan, [](double x) { return std::tan(x); }, 4},
      {"asin", &VectorMath::asin, [](double x) { return std::asin(x); }, 4},
      {"acos", &VectorMath::acos, [](double x) { return std::acos(x); }, 3},
      {"atan", &VectorMath::atan, [](double x) { return std::atan(x); }, 3},
      {"sinh", &VectorMath::sinh, [](double x) { return std::sinh(x); }, 3},
      {"cosh", &VectorMath::cosh, [](double x) { return std::cosh(x); }, 3},
      {"asinh", &VectorMath::asinh, [](double x) { return std::asinh(x); }, 3},
      {"acosh", &VectorMath::acosh, [](double x) { return std::acosh(x); }, 3},
      {"atanh", &VectorMath::atanh, [](double x) { return std::atanh(x); }, 3},
      {"exp2", &VectorMath::exp2, [](double x) { return std::exp2(x); }, 2},
      {"log2", &VectorMath::log2, [](double x) { return std::log2(x); }, 3},
      {"log10", &VectorMath::log10, [](double x) { return std::log10(x); }, 3},
      {"cbrt", &VectorMath::cbrt, [](double x) { return std::cbrt(x); }, 3},
      {"gauss", &VectorMath::gauss, [](double x) { return std::exp(-x * x); }, 4},
      {"erfc", &VectorMath::erfc, [](double x) { return std::erfc(x); }, 2},
      {"floor", &VectorMath::floor, [](double x) { return std::floor(x); }, 0},
      {"ceil", &VectorMath::ceil, [](double x) { return std::ceil(x); }, 0},
      {"round", &VectorMath::round, [](double x) { return std::nearbyint(x); }, 0},
      {"trunc", &VectorMath::trunc, [](double x) { return std::trunc(x); }, 0},
      {"softplus", &VectorMath::softplus,
       [](double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }, 3},
      {"sign", &VectorMath::sign, [](double x) { return x > 0   ? 1.0
                                                        : x < 0 ? -1.0
                                                                : x; }, 0},
  };
  return cases;
}

class VectorMathOf : public testing::TestWithParam<const VectorMath*> {};

/// Of the floats by their bits, every so-manieth: one in twenty thousand, all of them where WEFT_TEST_SAMPLES
/// asks for thousands.
std::uint64_t stride() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): read before a test starts threads
  const char* given = std::getenv("WEFT_TEST_SAMPLES");
  const double samples = given == nullptr ? 20.0 : std::max(std::strtod(given, nullptr), 1.0);
  return static_cast<std::uint64_t>(8e6 / (samples * samples)) | 1U;
}

TEST_P(VectorMathOf, IsAsNearAsItsHeaderSaysAtAnyFloat) {
  constexpr std::size_t kBlock = 1024;
  for (const MathCase& entry : math_cases()) {
    Floats x(kBlock);
    Floats y(kBlock);
    for (std::uint64_t bits = 0; bits < (std::uint64_t{1} << 32U);) {
      for (float& value : x) {
        value = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
        bits += stride();
      }
      (GetParam()->*entry.function)(x.data(), y.data(), kBlock);
      for (std::size_t i = 0; i < kBlock; ++i) {
        ASSERT_LE(units_apart(y[i], entry.formula(static_cast<double>(x[i]))), entry.most_ulps)
            << entry.name << "(" << x[i] << ") = " << y[i];
      }
    }
  }
}

TEST_P(VectorMathOf, RoundsHalvesAndKeepsSignsOfZeros) {
  const Floats x{-2.5F, -1.5F, -0.5F,       -0.0F,      0.0F,        0.5F,
                 1.5F,  2.5F,  0.49999997F, 8388607.5F, -8388607.5F, 8388609.0F};
  for (const MathCase& entry : math_cases()) {
    if (entry.most_ulps > 0) continue;
    Floats y(x.size());
    (GetParam()->*entry.function)(x.data(), y.data(), x.size());
    for (std::size_t i = 0; i < x.size(); ++i)
      EXPECT_EQ(units_apart(y[i], entry.formula(static_cast<double>(x[i]))), 0.0)
          << entry.name << " of " << x[i];
  }
}

TEST_P(VectorMathOf, GivesTheSameBitsWhereverAnElementLiesAndInPlace) {
  SCOPED_TRACE(replay());
  TensorSource source("vector math");
  Floats x(70);
  for (float& value : x) value = static_cast<float>(source.number(-2.0, 2.0));
  const auto bits = [](float value) { return std::bit_cast<std::uint32_t>(value); };
  for (const MathCase& entry : math_cases()) {
    const auto f = GetParam()->*entry.function;
    Floats whole(x.size());
    f(x.data(), whole.data(), x.size());
    Floats in_place = x;
    f(in_place.data(), in_place.data(), x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      float alone[2] = {0.0F, 12345.0F};
      f(&x[i], alone, 1);
      ASSERT_EQ(bits(alone[0]), bits(whole[i])) << entry.name;
      ASSERT_EQ(alone[1], 12345.0F) << entry.name << " wrote beyond its end";
      ASSERT_EQ(bits(in_place[i]), bits(whole[i])) << entry.name;
    }
  }
}

struct DoubleCase {
  const char* name;
  VectorMath::UnaryOfDoubles VectorMath::* function;
  long double (*formula)(long double x);
};

const std::vector<DoubleCase>& double_cases() {
  static const std::vector<DoubleCase> cases{
      {"exp", &VectorMath::exp_of_doubles, [](long double x) { return std::exp(x); }},
      {"log", &VectorMath::log_of_doubles, [](long double x) { return std::log(x); }},
      {"log1p", &VectorMath::log1p_of_doubles, [](long double x) { return std::log1p(x); }},
      {"expm1", &VectorMath::expm1_of_doubles, [](long double x) { return std::expm1(x); }},
      {"erf", &VectorMath::erf_of_doubles, [](long double x) { return std::erf(x); }},
      {"erfc", &VectorMath::erfc_of_doubles, [](long double x) { return std::erfc(x); }},
      {"tanh", &VectorMath::tanh_of_doubles, [](long double x) { return std::tanh(x); }},
      {"sin", &VectorMath::sin_of_doubles, [](long double x) { return std::sin(x); }},
      {"cos", &VectorMath::cos_of_doubles, [](long double x) { return std::cos(x); }},
      {"tan", &VectorMath::tan_of_doubles, [](long double x) { return std::tan(x); }},
      {"asin", &VectorMath::asin_of_doubles, [](long double x) { return std::asin(x); }},
      {"acos", &VectorMath::acos_of_doubles, [](long double x) { return std::acos(x); }},
      {"atan", &VectorMath::atan_of_doubles, [](long double x) { return std::atan(x); }},
      {"sinh", &VectorMath::sinh_of_doubles, [](long double x) { return std::sinh(x); }},
      {"cosh", &VectorMath::cosh_of_doubles, [](long double x) { return std::cosh(x); }},
      {"asinh", &VectorMath::asinh_of_doubles, [](long double x) { return std::asinh(x); }},
      {"acosh", &VectorMath::acosh_of_doubles, [](long double x) { return std::acosh(x); }},
      {"atanh", &VectorMath::atanh_of_doubles, [](long double x) { return std::atanh(x); }},
      {"exp2", &VectorMath::exp2_of_doubles, [](long double x) { return std::exp2(x); }},
      {"log2", &VectorMath::log2_of_doubles, [](long double x) { return std::log2(x); }},
      {"log10", &VectorMath::log10_of_doubles, [](long double x) { return std::log10(x); }},
      {"cbrt", &VectorMath::cbrt_of_doubles, [](long double x) { return std::cbrt(x); }},
      {"sigmoid", &VectorMath::sigmoid_of_doubles,
       [](long double x) {
         const long double e = std::exp(x < 0 ? x : -x);
         return (x < 0 ? e : 1.0L) / (1.0L + e);
       }},
  };
  return cases;
}

/// Doubles of all sizes, and those at which functions go wrong.
std::vector<double> many_doubles(TensorSource& source) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  std::vector<double> x{0.0,    -0.0,  kInfinity, -kInfinity, std::numeric_limits<double>::quiet_NaN(),
                        1.0,    -1.0,  710,       -710,       -745.2,
                        5e-324, 1e300, -1e300,    1e-300};
  for (int i = 0; i < 4000; ++i) {
    const double size = std::exp2(source.number(-60.0, 12.0));
    x.push_back(source.coin() ? size : -size);
    x.push_back(source.number(-2.0, 2.0));
  }
  return x;
}

TEST_P(VectorMathOf, IsWithinFourUlpsOfDoubles) {
  SCOPED_TRACE(replay());
  TensorSource source("vector math of doubles");
  const std::vector<double> x = many_doubles(source);
  for (const DoubleCase& entry : double_cases()) {
    const auto f = GetParam()->*entry.function;
    std::vector<double> y(x.size());
    f(x.data(), y.data(), x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      const long double exact = entry.formula(static_cast<long double>(x[i]));
      const auto rounded = static_cast<double>(exact);
      if (std::isnan(rounded) && std::isnan(y[i])) continue;
      if (y[i] == rounded) {
        EXPECT_EQ(std::signbit(y[i]), std::signbit(rounded)) << entry.name << " of " << x[i];
        continue;
      }
      const double size = std::max(std::abs(rounded), std::numeric_limits<double>::min());
      const long double unit = std::nextafter(size, HUGE_VAL) - size;
      ASSERT_LE(std::abs(static_cast<long double>(y[i]) - exact), 4 * unit)
          << entry.name << "(" << x[i] << ") = " << y[i] << " for " << rounded;
    }
  }
}

TEST_P(VectorMathOf, GivesDoublesTheSameBitsWhereverTheyLieAndInPlace) {
  SCOPED_TRACE(replay());
  TensorSource source("places of doubles");
  std::vector<double> x(37);
  for (double& value : x) value = source.number(-0.9, 0.9);
  const auto bits = [](double value) { return std::bit_cast<std::uint64_t>(value); };
  for (const DoubleCase& entry : double_cases()) {
    const auto f = GetParam()->*entry.function;
    std::vector<double> in_place = x;
    f(in_place.data(), in_place.data(), x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      double alone[2] = {0.0, 12345.0};
      f(&x[i], alone, 1);
      ASSERT_EQ(bits(alone[0]), bits(in_place[i])) << entry.name;
      ASSERT_EQ(alone[1], 12345.0) << entry.name << " wrote beyond its end";
    }
  }
}

struct MathCase2 {
  const char* name;
  VectorFunctions::Binary VectorMath::* function;
  double (*formula)(double a, double b);
  double most_ulps;
};

double log_of_sum(double a, double b) {
  const double gap = a == b ? 0.0 : std::abs(a - b);
  return (std::isnan(a) || a >= b ? a : b) + std::log1p(std::exp(-gap));
}

TEST_P(VectorMathOf, TakesAnyTwoFloats) {
  SCOPED_TRACE(replay());
  const std::vector<MathCase2> cases{
      {"atan2", &VectorMath::atan2, [](double a, double b) { return std::atan2(a, b); }, 3},
      {"hypot", &VectorMath::hypot, [](double a, double b) { return std::hypot(a, b); }, 2},
      {"logaddexp", &VectorMath::logaddexp, log_of_sum, 1},
      {"xlogy", &VectorMath::xlogy,
       [](double a, double b) { return a == 0 && !std::isnan(b) ? 0 : a * std::log(b); }, 9},
  };
  TensorSource source("vector math of two");
  Floats numbers{0.0F,
                 -0.0F,
                 1.0F,
                 -1.0F,
                 kInfiniteFloat,
                 -kInfiniteFloat,
                 std::numeric_limits<float>::quiet_NaN(),
                 std::numeric_limits<float>::max(),
                 std::numeric_limits<float>::denorm_min()};
  for (int i = 0; i < 60; ++i) {
    const double size = std::exp2(source.number(-140.0, 127.0));
    numbers.push_back(static_cast<float>(source.coin() ? size : -size));
    numbers.push_back(static_cast<float>(source.number(-4.0, 4.0)));
  }
  for (const MathCase2& entry : cases) {
    for (const float a : numbers) {
      const Floats left(numbers.size(), a);
      Floats y(numbers.size());
      (GetParam()->*entry.function)(left.data(), numbers.data(), y.data(), y.size());
      for (std::size_t i = 0; i < y.size(); ++i) {
        const double expected = entry.formula(static_cast<double>(a), static_cast<double>(numbers[i]));
        if (std::abs(static_cast<double>(y[i]) - expected) <= 1e-15 * std::abs(static_cast<double>(a)))
          continue;
        ASSERT_LE(units_apart(y[i], expected), entry.most_ulps)
            << entry.name << " of " << a << " and " << numbers[i];
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(InstructionSets, VectorMathOf, testing::ValuesIn(math_tables()),
                         [](const auto& test) { return "table" + std::to_string(test.index); });

}  // namespace
}  // namespace weft
