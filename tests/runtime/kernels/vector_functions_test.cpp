#include "weft/runtime/kernels/vector/vector_functions.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <limits>
#include <numbers>
#include <span>
#include <vector>

#include "weft/graph/half.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::replay;
using testing_support::TensorSource;
using Floats = std::vector<float>;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kLargest = std::numeric_limits<float>::max();
constexpr float kSmallest = std::numeric_limits<float>::denorm_min();
constexpr std::size_t kMostElements = 70;
constexpr float kCanary = 12345.0F;

/// The tables that this CPU can run.
std::vector<const VectorFunctions*> tables() {
  __builtin_cpu_init();
  std::vector<const VectorFunctions*> list{&kSse2Functions};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) list.push_back(&kAvx2Functions);
  if (__builtin_cpu_supports("avx512f")) list.push_back(&kAvx512Functions);
  return list;
}

class VectorFunctionsOf : public testing::TestWithParam<const VectorFunctions*> {
 protected:
  const VectorFunctions& table() const { return *GetParam(); }
};

/// Distance in units in the last place; 0 for two NaNs and for equal numbers.
double ulps(float actual, double expected) {
  const auto rounded = static_cast<float>(expected);
  if (actual == rounded || (std::isnan(actual) && std::isnan(rounded))) return 0.0;
  if (std::isnan(actual) || std::isnan(rounded) || std::isinf(actual) || std::isinf(rounded)) return HUGE_VAL;
  const float unit = std::nextafter(std::abs(rounded), kInf) - std::abs(rounded);
  return std::abs(static_cast<double>(actual) - expected) / static_cast<double>(unit);
}

Floats with_specials(TensorSource& source, std::size_t size, double low, double high) {
  static const Floats specials{0.0F,      -0.0F,     1.0F,       -1.0F, kInf,   -kInf,  kNaN,   kLargest,
                               -kLargest, kSmallest, -kSmallest, 88.0F, -88.0F, 100.0F, -104.0F};
  Floats x(size);
  for (float& value : x) {
    value = source.below(5) == 0
                ? specials[static_cast<std::size_t>(source.below(static_cast<std::int64_t>(specials.size())))]
                : static_cast<float>(source.number(low, high));
  }
  return x;
}

struct UnaryCase {
  std::string_view name;
  VectorFunctions::Unary VectorFunctions::* function;
  double (*formula)(double x);
  double most_ulps;  // 0: IEEE arithmetic, exact
  double low = -8.0;
  double high = 8.0;
};

const std::vector<UnaryCase>& unary_cases() {
  static const std::vector<UnaryCase> cases{
      {"neg", &VectorFunctions::neg, [](double x) { return -x; }, 0.0},
      {"square", &VectorFunctions::square, [](double x) { return x * x; }, 0.5},
      {"sqrt", &VectorFunctions::sqrt, [](double x) { return std::sqrt(x); }, 0.5},
      {"abs", &VectorFunctions::abs, [](double x) { return std::abs(x); }, 0.0},
      {"relu", &VectorFunctions::relu, [](double x) { return x <= 0.0 ? 0.0 : x; }, 0.0},
      {"exp", &VectorFunctions::exp, [](double x) { return std::exp(x); }, 3.0},
      {"log", &VectorFunctions::log, [](double x) { return std::log(x); }, 4.0, 0.001, 50.0},
      {"tanh", &VectorFunctions::tanh, [](double x) { return std::tanh(x); }, 3.0},
      {"erf", &VectorFunctions::erf, [](double x) { return std::erf(x); }, 5.0},
      {"sigmoid", &VectorFunctions::sigmoid,
       [](double x) { return (x < 0.0 ? std::exp(x) : 1.0) / (1.0 + std::exp(-std::abs(x))); }, 4.0},
      {"gelu", &VectorFunctions::gelu,
       [](double x) { return x < -50.0 ? -0.0 : 0.5 * x * std::erfc(-x / std::numbers::sqrt2); }, 7.0},
  };
  return cases;
}

TEST_P(VectorFunctionsOf, UnaryFunctionsFollowTheirFormulas) {
  for (const UnaryCase& entry : unary_cases()) {
    TensorSource source("vector function " + std::string(entry.name));
    for (std::size_t n = 0; n <= kMostElements; ++n) {
      const Floats x = with_specials(source, n, entry.low, entry.high);
      Floats y(n + 1, kCanary);
      (table().*entry.function)(x.data(), y.data(), n);
      ASSERT_EQ(y[n], kCanary);
      for (std::size_t i = 0; i < n; ++i) {
        const double expected = entry.formula(static_cast<double>(x[i]));
        ASSERT_LE(ulps(y[i], expected), entry.most_ulps)
            << entry.name << "(" << x[i] << ") = " << y[i] << "; " << replay();
      }
    }
  }
}

/// Of the floats by their bits, every so-manieth: one in ten thousand, all of them where WEFT_TEST_SAMPLES
/// asks for thousands.
std::uint64_t float_stride() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): read before a test starts threads
  const char* given = std::getenv("WEFT_TEST_SAMPLES");
  const double samples = given == nullptr ? 20.0 : std::max(std::strtod(given, nullptr), 1.0);
  return static_cast<std::uint64_t>(4e6 / (samples * samples)) | 1U;
}

TEST_P(VectorFunctionsOf, UnaryFunctionsKeepTheirBoundsOverAllFloats) {
  constexpr std::size_t kAtOnce = 4096;
  constexpr std::uint64_t kFloats = std::uint64_t{1} << 32U;
  const std::uint64_t stride = float_stride();
  for (const UnaryCase& entry : unary_cases()) {
    Floats x(kAtOnce);
    Floats y(kAtOnce);
    for (std::uint64_t next = 0; next < kFloats;) {
      for (float& value : x) {
        value = std::bit_cast<float>(static_cast<std::uint32_t>(std::min(next, kFloats - 1)));
        next += stride;
      }
      (table().*entry.function)(x.data(), y.data(), kAtOnce);
      for (std::size_t i = 0; i < kAtOnce; ++i) {
        ASSERT_LE(ulps(y[i], entry.formula(static_cast<double>(x[i]))), entry.most_ulps)
            << entry.name << "(" << x[i] << ") = " << y[i];
      }
    }
  }
}

TEST_P(VectorFunctionsOf, SlopesOfGeluAreWithinTheirBounds) {
  Floats x;
  for (int i = -60000; i <= 60000; ++i) x.push_back(0.0005F * static_cast<float>(i));
  x.insert(x.end(), {kInf, -kInf, kNaN, kLargest, -kLargest, kSmallest});
  Floats y(x.size());
  table().gelu_slope(x.data(), y.data(), x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto u = std::clamp(static_cast<long double>(x[i]), -200.0L, 200.0L);
    const auto expected =
        static_cast<double>(0.5L * std::erfc(-u * 0.707106781186547524400844362104849039L) +
                            0.398942280401432677939946059934381868L * u * std::exp(-0.5L * u * u));
    EXPECT_TRUE(ulps(y[i], std::isnan(x[i]) ? kNaN : expected) <= 7.0 || std::abs(y[i] - expected) <= 2e-7)
        << x[i];
  }
}

TEST_P(VectorFunctionsOf, SumsSquaresInDouble) {
  TensorSource source("vector squares");
  for (std::size_t n = 0; n <= kMostElements; ++n) {
    for (const float size : {1e-40F, 1.0F, 1e30F}) {
      const std::size_t rows = 3;
      Floats x(rows * n);
      for (float& value : x) value = static_cast<float>(source.number(-1.0, 1.0)) * size;
      std::vector<double> columns(n + 1, 0.0);
      table().add_squares(x.data(), rows, n, columns.data(), n);
      double total = 0.0;
      for (std::size_t j = 0; j < n; ++j) {
        double expected = 0.0;
        for (std::size_t row = 0; row < rows; ++row)
          expected += static_cast<double>(x[row * n + j]) * x[row * n + j];
        ASSERT_NEAR(columns[j], expected, 1e-12 * expected) << replay();
        total += expected;
      }
      ASSERT_NEAR(table().sum_squares(x.data(), rows * n), total, 1e-12 * total) << replay();
      ASSERT_EQ(columns[n], 0.0);
    }
  }
}

TEST_P(VectorFunctionsOf, UnaryFunctionsWorkInPlaceAndGiveTheSameBitsAnywhere) {
  for (const UnaryCase& entry : unary_cases()) {
    TensorSource source("position of " + std::string(entry.name));
    const Floats x = with_specials(source, kMostElements, entry.low, entry.high);
    Floats whole(kMostElements);
    (table().*entry.function)(x.data(), whole.data(), kMostElements);
    Floats in_place = x;
    (table().*entry.function)(in_place.data(), in_place.data(), kMostElements);
    ASSERT_EQ(std::memcmp(in_place.data(), whole.data(), kMostElements * sizeof(float)), 0) << entry.name;
    for (std::size_t cut = 0; cut <= kMostElements; ++cut) {
      Floats pieces(kMostElements);
      (table().*entry.function)(x.data(), pieces.data(), cut);
      (table().*entry.function)(x.data() + cut, pieces.data() + cut, kMostElements - cut);
      ASSERT_EQ(std::memcmp(pieces.data(), whole.data(), kMostElements * sizeof(float)), 0)
          << entry.name << " cut at " << cut << "; " << replay();
    }
  }
}

struct BinaryCase {
  std::string_view name;
  VectorFunctions::Binary VectorFunctions::* function;
  float (*formula)(float a, float b);
};

TEST_P(VectorFunctionsOf, BinaryFunctionsAreExactAlsoInPlace) {
  const std::vector<BinaryCase> cases{
      {"add", &VectorFunctions::add, [](float a, float b) { return a + b; }},
      {"sub", &VectorFunctions::sub, [](float a, float b) { return a - b; }},
      {"mul", &VectorFunctions::mul, [](float a, float b) { return a * b; }},
      {"div", &VectorFunctions::div, [](float a, float b) { return a / b; }},
      {"minimum", &VectorFunctions::minimum, [](float a, float b) { return a <= b || a != a ? a : b; }},
      {"maximum", &VectorFunctions::maximum, [](float a, float b) { return a >= b || a != a ? a : b; }},
  };
  for (const BinaryCase& entry : cases) {
    TensorSource source("vector function " + std::string(entry.name));
    for (std::size_t n = 0; n <= kMostElements; ++n) {
      const Floats a = with_specials(source, n, -8.0, 8.0);
      const Floats b = with_specials(source, n, -8.0, 8.0);
      Floats y(n + 1, kCanary);
      (table().*entry.function)(a.data(), b.data(), y.data(), n);
      ASSERT_EQ(y[n], kCanary);
      Floats left = a;
      Floats right = b;
      (table().*entry.function)(left.data(), b.data(), left.data(), n);
      (table().*entry.function)(a.data(), right.data(), right.data(), n);
      for (std::size_t i = 0; i < n; ++i) {
        for (const float actual : {y[i], left[i], right[i]}) {
          const float expected = entry.formula(a[i], b[i]);
          ASSERT_TRUE(actual == expected ? std::signbit(actual) == std::signbit(expected)
                                         : std::isnan(actual) && std::isnan(expected))
              << entry.name << "(" << a[i] << ", " << b[i] << ") = " << actual << "; " << replay();
        }
      }
      Floats same = a;
      (table().*entry.function)(same.data(), same.data(), same.data(), n);
    }
  }
}

struct ComparisonCase {
  VectorFunctions::Comparison VectorFunctions::* function;
  bool (*formula)(float a, float b);
};

TEST_P(VectorFunctionsOf, ComparisonsKnowNaN) {
  const std::vector<ComparisonCase> cases{
      {&VectorFunctions::less, [](float a, float b) { return a < b; }},
      {&VectorFunctions::less_equal, [](float a, float b) { return a <= b; }},
      {&VectorFunctions::greater, [](float a, float b) { return a > b; }},
      {&VectorFunctions::greater_equal, [](float a, float b) { return a >= b; }},
  };
  TensorSource source("vector comparisons");
  for (const ComparisonCase& entry : cases) {
    for (std::size_t n = 0; n <= kMostElements; ++n) {
      const Floats a = with_specials(source, n, -1.0, 1.0);
      Floats b = with_specials(source, n, -1.0, 1.0);
      for (std::size_t i = 0; i < n; i += 3) b[i] = a[i];
      std::vector<unsigned char> y(n + 1, 0x77);
      (table().*entry.function)(a.data(), b.data(), reinterpret_cast<bool*>(y.data()), n);
      ASSERT_EQ(y[n], 0x77);
      for (std::size_t i = 0; i < n; ++i)
        ASSERT_EQ(y[i], entry.formula(a[i], b[i]) ? 1 : 0) << a[i] << ", " << b[i];
    }
  }
}

TEST_P(VectorFunctionsOf, SelectsAndConverts) {
  TensorSource source("vector where");
  for (std::size_t n = 0; n <= kMostElements; ++n) {
    const auto size = static_cast<std::int64_t>(n);
    const Tensor condition = source.whole({size}, 2, boolean);
    const Tensor bytes = source.whole({size}, 256, u8);
    const Floats a = with_specials(source, n, -1.0, 1.0);
    const Floats b = with_specials(source, n, -1.0, 1.0);
    Floats y(n + 1, kCanary);
    table().where(condition.values<bool>().data(), a.data(), b.data(), y.data(), n);
    ASSERT_EQ(y[n], kCanary);
    for (std::size_t i = 0; i < n; ++i) {
      const float expected = condition.values<bool>()[i] ? a[i] : b[i];
      ASSERT_EQ(std::bit_cast<std::uint32_t>(y[i]), std::bit_cast<std::uint32_t>(expected));
    }
    table().from_u8(bytes.values<std::uint8_t>().data(), y.data(), n);
    ASSERT_EQ(y[n], kCanary);
    for (std::size_t i = 0; i < n; ++i) ASSERT_EQ(y[i], static_cast<float>(bytes.values<std::uint8_t>()[i]));
  }
}

TEST_P(VectorFunctionsOf, SumsRowsAndElements) {
  TensorSource source("vector sums");
  for (std::size_t n = 0; n <= kMostElements; ++n) {
    const std::size_t rows = static_cast<std::size_t>(source.below(150));
    const std::size_t stride = n + static_cast<std::size_t>(source.below(4));
    Floats x(std::max<std::size_t>(rows, 1) * stride + 1);
    for (float& value : x) value = static_cast<float>(source.number(-1.0, 1.0));
    Floats y(n + 1, 0.5F);
    table().add_rows(x.data(), rows, stride, y.data(), n);
    ASSERT_EQ(y[n], 0.5F);
    double total = 0.0;
    for (std::size_t j = 0; j < n; ++j) {
      double expected = 0.5;
      for (std::size_t row = 0; row < rows; ++row) expected += static_cast<double>(x[row * stride + j]);
      ASSERT_NEAR(y[j], expected, 2e-5) << replay();
      total += static_cast<double>(x[j]);
    }
    ASSERT_NEAR(table().sum(x.data(), n), total, 1e-5);
    // Columns are summed alike wherever they stand.
    for (std::size_t cut = 0; cut <= n; cut += 7) {
      Floats pieces(n, 0.5F);
      table().add_rows(x.data(), rows, stride, pieces.data(), cut);
      table().add_rows(x.data() + cut, rows, stride, pieces.data() + cut, n - cut);
      ASSERT_TRUE(std::ranges::equal(pieces, std::span(y).first(n))) << "cut at " << cut;
    }
  }
  EXPECT_EQ(table().sum(nullptr, 0), 0.0);
}

TEST_P(VectorFunctionsOf, SumsManyRowsAndProductsInDouble) {
  TensorSource source("vector sums in f64");
  for (std::size_t n = 0; n <= kMostElements; ++n) {
    const std::size_t rows = static_cast<std::size_t>(source.below(150));
    const std::size_t stride = n + static_cast<std::size_t>(source.below(4));
    const std::size_t step = 1 + static_cast<std::size_t>(source.below(3));
    Floats x(std::max<std::size_t>(rows, 1) * stride + 1);
    Floats factors(rows * step + n);
    for (float& value : x) value = static_cast<float>(source.number(-1.0, 1.0));
    for (float& value : factors) value = static_cast<float>(source.number(-1.0, 1.0));
    std::vector<double> y(n + 1, 0.5);
    std::vector<double> scaled(n + 1, 0.5);
    table().add_many_rows(x.data(), rows, stride, nullptr, 0, y.data(), n);
    table().add_many_rows(x.data(), rows, stride, factors.data(), step, scaled.data(), n);
    ASSERT_EQ(y[n], 0.5);
    ASSERT_EQ(scaled[n], 0.5);
    double dot = 0.0;
    for (std::size_t j = 0; j < n; ++j) {
      double expected = 0.5;
      double expected_scaled = 0.5;
      for (std::size_t row = 0; row < rows; ++row) {
        const auto value = static_cast<double>(x[row * stride + j]);
        expected += value;
        expected_scaled += value * static_cast<double>(factors[row * step]);
      }
      ASSERT_NEAR(y[j], expected, 1e-12) << replay();
      ASSERT_NEAR(scaled[j], expected_scaled, 1e-12) << replay();
      dot += static_cast<double>(x[j]) * static_cast<double>(factors[j]);
    }
    ASSERT_NEAR(table().dot(x.data(), factors.data(), n), dot, 1e-12) << replay();
    for (std::size_t cut = 0; cut <= n; cut += 7) {
      std::vector<double> pieces(n, 0.5);
      table().add_many_rows(x.data(), rows, stride, factors.data(), step, pieces.data(), cut);
      table().add_many_rows(x.data() + cut, rows, stride, factors.data(), step, pieces.data() + cut, n - cut);
      ASSERT_TRUE(std::ranges::equal(pieces, std::span(scaled).first(n))) << "cut at " << cut;
    }
  }
}

TEST_P(VectorFunctionsOf, NormalizesRowsAndTellsTheirSums) {
  TensorSource source("vector softmax");
  for (std::size_t n = 1; n <= kMostElements; ++n) {
    const std::size_t rows = static_cast<std::size_t>(source.below(40));
    const double shift = source.number(-100.0, 100.0);
    Floats x(rows * n);
    for (float& value : x) value = static_cast<float>(source.number(-5.0, 5.0) + shift);
    Floats p(rows * n + 1, kCanary);
    std::vector<RowSum> sums(rows + 1, RowSum{kCanary, kCanary});
    table().softmax(x.data(), p.data(), sums.data(), rows, n);
    ASSERT_EQ(p.back(), kCanary);
    ASSERT_EQ(sums.back().largest, kCanary);
    for (std::size_t row = 0; row < rows; ++row) {
      const auto exponential = [&](std::size_t i) {
        return std::exp(static_cast<double>(x[row * n + i]) - shift);
      };
      double sum = 0.0;
      for (std::size_t i = 0; i < n; ++i) sum += exponential(i);
      const float largest = *std::max_element(x.begin() + static_cast<std::ptrdiff_t>(row * n),
                                              x.begin() + static_cast<std::ptrdiff_t>((row + 1) * n));
      ASSERT_EQ(sums[row].largest, largest);
      const double others = sum / std::exp(static_cast<double>(largest) - shift) - 1.0;
      ASSERT_NEAR(sums[row].others, others, 2e-6 * (1.0 + others));
      for (std::size_t i = 0; i < n; ++i) ASSERT_NEAR(p[row * n + i], exponential(i) / sum, 1e-6);
      Floats alone(n);
      table().softmax(x.data() + row * n, alone.data(), nullptr, 1, n);
      ASSERT_EQ(std::memcmp(alone.data(), p.data() + row * n, n * sizeof(float)), 0) << "row " << row;
    }
    table().softmax(x.data(), x.data(), nullptr, rows, n);
    ASSERT_TRUE(std::equal(x.begin(), x.end(), p.begin()));
  }
}

TEST_P(VectorFunctionsOf, KeepANaNInItsRow) {
  for (const std::size_t n : {std::size_t{3}, kMostElements}) {
    Floats x(2 * n, 1.0F);
    x[1] = kNaN;
    std::vector<RowSum> sums(2);
    table().softmax(x.data(), x.data(), sums.data(), 2, n);
    EXPECT_TRUE(std::isnan(sums[0].others));
    for (std::size_t i = 0; i < n; ++i) EXPECT_TRUE(std::isnan(x[i]));
    EXPECT_EQ(sums[1].largest, 1.0F);
    EXPECT_EQ(sums[1].others, static_cast<float>(n - 1));
    for (std::size_t i = n; i < 2 * n; ++i) EXPECT_NEAR(x[i], 1.0 / static_cast<double>(n), 1e-6);
  }
}

TEST_P(VectorFunctionsOf, KeepTheOthersApartWhereTheLargestIsAlmostAll) {
  for (const std::size_t n : {std::size_t{3}, std::size_t{10}, kMostElements}) {
    Floats x(n, -20.0F);
    x[n / 2] = 10.0F;
    RowSum sum{};
    table().softmax(x.data(), x.data(), &sum, 1, n);
    EXPECT_NEAR(sum.others / (static_cast<double>(n - 1) * std::exp(-30.0)), 1.0, 1e-6);
    Floats alike(n, 3.0F);
    table().softmax(alike.data(), alike.data(), &sum, 1, n);
    EXPECT_EQ(sum.others, static_cast<float>(n - 1));
    Floats none(n, -kInf);
    table().softmax(none.data(), none.data(), &sum, 1, n);
    for (const float p : none) EXPECT_TRUE(std::isnan(p));
  }
}

TEST_P(VectorFunctionsOf, AddsABiasToEveryRow) {
  TensorSource source("vector bias");
  for (const bool rectify : {false, true}) {
    for (std::size_t n = 0; n <= kMostElements; ++n) {
      const std::size_t rows = static_cast<std::size_t>(source.below(4));
      const Floats x = with_specials(source, rows * n, -1.0, 1.0);
      const Floats bias = with_specials(source, n, -1.0, 1.0);
      Floats y = x;
      y.push_back(kCanary);
      table().add_bias(y.data(), bias.data(), rows, n, rectify);
      ASSERT_EQ(y.back(), kCanary);
      for (std::size_t i = 0; i < rows * n; ++i) {
        const float sum = x[i] + bias[i % n];
        const float expected = rectify && sum <= 0.0F ? 0.0F : sum;
        ASSERT_TRUE(y[i] == expected || (std::isnan(y[i]) && std::isnan(expected)))
            << y[i] << " and not " << expected;
      }
    }
  }
}

/// Every pattern, and every float that begins a run of such that are cut to one.
TEST_P(VectorFunctionsOf, ConvertsFloatsOf16BitsAsGraphDoes) {
  constexpr std::size_t kPatterns = 0x10000;
  std::vector<std::uint16_t> bits(kPatterns);
  for (std::size_t i = 0; i < kPatterns; ++i) bits[i] = static_cast<std::uint16_t>(i);
  Floats of_f16(kPatterns);
  Floats of_bf16(kPatterns);
  table().from_f16(bits.data(), of_f16.data(), kPatterns);
  table().from_bf16(bits.data(), of_bf16.data(), kPatterns);
  Floats numbers;
  for (std::size_t i = 0; i < kPatterns; ++i) {
    const float half = Float16::of_bits(bits[i]);
    const float brain = BFloat16::of_bits(bits[i]);
    ASSERT_EQ(std::bit_cast<std::uint32_t>(of_f16[i]), std::bit_cast<std::uint32_t>(half)) << i;
    ASSERT_EQ(std::bit_cast<std::uint32_t>(of_bf16[i]), std::bit_cast<std::uint32_t>(brain)) << i;
    for (const std::uint32_t low : {0x0000U, 0x0FFFU, 0x1000U, 0x1001U, 0x7FFFU, 0x8000U, 0x8001U, 0xF000U})
      numbers.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(i << 16U) | low));
  }
  std::vector<std::uint16_t> to_f16(numbers.size());
  std::vector<std::uint16_t> to_bf16(numbers.size());
  table().to_f16(numbers.data(), to_f16.data(), numbers.size());
  table().to_bf16(numbers.data(), to_bf16.data(), numbers.size());
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    ASSERT_EQ(to_f16[i], Float16(numbers[i]).bits) << std::bit_cast<std::uint32_t>(numbers[i]);
    ASSERT_EQ(to_bf16[i], BFloat16(numbers[i]).bits) << std::bit_cast<std::uint32_t>(numbers[i]);
  }
  for (std::size_t n = 0; n < kMostElements; ++n) {
    std::vector<std::uint16_t> narrow(n + 1, 0xABCDU);
    table().to_bf16(numbers.data() + 4000, narrow.data(), n);
    for (std::size_t i = 0; i < n; ++i) ASSERT_EQ(narrow[i], BFloat16(numbers[4000 + i]).bits);
    ASSERT_EQ(narrow[n], 0xABCDU) << "written past the end";
    Floats wide(n + 1, kCanary);
    table().from_f16(bits.data(), wide.data(), n);
    ASSERT_EQ(wide[n], kCanary) << "written past the end";
  }
}

INSTANTIATE_TEST_SUITE_P(InstructionSets, VectorFunctionsOf, testing::ValuesIn(tables()),
                         [](const auto& test) { return std::string(test.param->instruction_set); });

TEST(VectorFunctions, AreTheBestThatTheCpuHas) {
  EXPECT_EQ(vector_functions().instruction_set, tables().back()->instruction_set);
}

}  // namespace
}  // namespace weft
