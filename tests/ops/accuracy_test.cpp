// The bounds that the headers of ops/ state, held against the definitions in long double: by the reference
// kernels and by the fast ones, over every power of two, both signs, denormals, tails and large offsets.

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <regex>

#include "weft/autodiff/gradients.h"
#include "weft/graph/evaluate.h"
#include "weft/ops/activation.h"
#include "weft/ops/exponential.h"
#include "weft/ops/gelu.h"
#include "weft/ops/layout.h"
#include "weft/ops/loss.h"
#include "weft/ops/norm.h"
#include "weft/ops/powers.h"
#include "weft/ops/reduce.h"
#include "weft/ops/rounding.h"
#include "weft/ops/softmax.h"
#include "weft/ops/source.h"
#include "weft/ops/special.h"
#include "weft/ops/trigonometry.h"
#include "weft/runtime/session.h"
#include "weft/tests/ops/ulps.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/random_tensor.h"

namespace weft::accuracy_tests {
namespace {

using testing_support::evaluate_value;
using testing_support::numbers;
using testing_support::replay;
using testing_support::TensorSource;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr Wide kSqrtHalf = 0.707106781186547524400844362104849039L;
constexpr Wide kInverseRootOfPi = 0.564189583547756286948079451560772586L;
constexpr Wide kDensityAtZero = 0.398942280401432677939946059934381868L;

/// Some numbers of every power of two in [low, high], and many where functions bend.
Floats grid(float low, float high) {
  TensorSource source("accuracy grid");
  Floats all{
      0.0F, -0.0F, kInf, -kInf, std::numeric_limits<float>::max(), std::numeric_limits<float>::lowest()};
  for (int exponent = -149; exponent < 128; ++exponent) {
    for (int i = 0; i < 40; ++i) {
      const auto x = static_cast<float>(std::ldexp(source.number(1.0, 2.0), exponent));
      all.push_back(x);
      all.push_back(-x);
    }
  }
  for (int i = 0; i < 40000; ++i) all.push_back(static_cast<float>(source.number(-110.0, 110.0)));
  for (int i = 0; i < 40000; ++i) all.push_back(static_cast<float>(source.number(-8.0, 8.0)));
  std::erase_if(all, [&](float x) { return x < low || x > high; });
  return all;
}

using BuildUnary = Value (*)(const Operand& x);

/// What the reference interpreter and a session make of a function of x.
std::vector<Floats> results_of(const Floats& x, const std::function<Value(const Value&)>& build) {
  Graph graph;
  const Value in = input(graph, "x", f32, {static_cast<std::int64_t>(x.size())});
  const Value out = build(in);
  const Tensor fed = Tensor::of(std::span<const float>(x), std::vector{static_cast<std::int64_t>(x.size())});
  Session session(graph);
  Function function = session.compile({.inputs = {in}, .outputs = {out}, .updates = {}});
  std::vector<Floats> results;
  const auto keep = [&](const Tensor& y) {
    results.emplace_back(y.values<float>().begin(), y.values<float>().end());
  };
  keep(evaluate_value(out, {{"x", fed}}));
  const auto run = function({fed});
  keep(run[0]);
  return results;
}

struct Case {
  std::string_view name;
  BuildUnary build;
  Wide (*formula)(Wide x);
  double ulps;            // as the header says
  double absolute = 0.0;  // as the header says, where the function crosses 0
  float low = -kInf;
  float high = kInf;
};

void expect_within(const Case& entry, const std::function<Value(const Value&)>& build) {
  const Floats x = grid(entry.low, entry.high);
  std::string_view who = "reference";
  for (const Floats& y : results_of(x, build)) {
    for (std::size_t i = 0; i < x.size(); ++i) {
      const Wide expected = entry.formula(static_cast<Wide>(x[i]));
      if (std::abs(static_cast<Wide>(y[i]) - expected) <= static_cast<Wide>(entry.absolute)) continue;
      ASSERT_LE(ulps(y[i], expected), entry.ulps)
          << who << " of " << entry.name << " at " << x[i] << ": " << y[i] << " for "
          << static_cast<double>(expected) << "; " << replay();
    }
    who = "fast kernel";
  }
}

Wide sigmoid_of(Wide x) { return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)); }
Wide distribution_of(Wide x) { return 0.5L * std::erfc(-kSqrtHalf * x); }
Wide density_of(Wide x) { return std::abs(x) > 200 ? 0 : kDensityAtZero * std::exp(-0.5L * x * x); }
Wide gelu_of(Wide x) { return std::isinf(x) && x < 0 ? -0.0L : x * distribution_of(x); }
Wide times_density(Wide x) { return std::abs(x) > 200 ? 0 : x * density_of(x); }

const std::vector<Case>& functions() {
  static const std::vector<Case> cases{
      {"neg", neg, [](Wide x) { return -x; }, 0.0},
      {"square", square, [](Wide x) { return x * x; }, 0.5},
      {"abs", abs, [](Wide x) { return std::abs(x); }, 0.0},
      {"sqrt", sqrt, [](Wide x) { return std::sqrt(x); }, 0.5, 0.0, 0.0F},
      {"exp", exp, [](Wide x) { return std::exp(x); }, 3.0},
      {"log", log, [](Wide x) { return std::log(x); }, 4.0, 0.0, 0.0F},
      {"erf", erf, [](Wide x) { return std::erf(x); }, 5.0},
      {"tanh", tanh, [](Wide x) { return std::tanh(x); }, 3.0},
      {"sigmoid", sigmoid, sigmoid_of, 4.0},
      {"relu", relu, [](Wide x) { return x > 0 ? x : 0; }, 0.0},
      {"leaky_relu", [](const Operand& x) { return leaky_relu(x, 0.25); },
       [](Wide x) { return x > 0 ? x : 0.25L * x; }, 1.0},
      {"elu", [](const Operand& x) { return elu(x, 1.0); }, [](Wide x) { return x > 0 ? x : std::expm1(x); },
       2.0},
      {"softplus", softplus,
       [](Wide x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }, 3.0},
      {"gelu", gelu, gelu_of, 7.0},
      {"log1p", log1p, [](Wide x) { return std::log1p(x); }, 4.0, 0.0, -1.0F},
      {"expm1", expm1, [](Wide x) { return std::expm1(x); }, 4.0},
      {"log1mexp", log1mexp,
       [](Wide x) { return x > -0.69L ? std::log(-std::expm1(x)) : std::log1p(-std::exp(x)); }, 4.0, 0.0,
       -kInf, 0.0F},
      {"sin", sin, [](Wide x) { return std::sin(x); }, 3.0},
      {"cos", cos, [](Wide x) { return std::cos(x); }, 3.0},
      {"tan", tan, [](Wide x) { return std::tan(x); }, 4.0},
      {"asin", asin, [](Wide x) { return std::asin(x); }, 4.0},
      {"acos", acos, [](Wide x) { return std::acos(x); }, 3.0},
      {"atan", atan, [](Wide x) { return std::atan(x); }, 3.0},
      {"sinh", sinh, [](Wide x) { return std::sinh(x); }, 3.0},
      {"cosh", cosh, [](Wide x) { return std::cosh(x); }, 3.0},
      {"asinh", asinh, [](Wide x) { return std::asinh(x); }, 3.0},
      {"acosh", acosh, [](Wide x) { return std::acosh(x); }, 3.0},
      {"atanh", atanh, [](Wide x) { return std::atanh(x); }, 3.0},
      {"exp2", exp2, [](Wide x) { return std::exp2(x); }, 2.0},
      {"log2", log2, [](Wide x) { return std::log2(x); }, 3.0, 0.0, 0.0F},
      {"log10", log10, [](Wide x) { return std::log10(x); }, 3.0, 0.0, 0.0F},
      {"cbrt", cbrt, [](Wide x) { return std::cbrt(x); }, 3.0},
      {"erfc", erfc, [](Wide x) { return std::erfc(x); }, 4.0},
      {"gauss", gauss, [](Wide x) { return std::exp(-x * x); }, 4.0},
      {"lgamma", lgamma, [](Wide x) { return std::lgamma(x); }, 1.0},
      {"floor", floor, [](Wide x) { return std::floor(x); }, 0.0},
      {"ceil", ceil, [](Wide x) { return std::ceil(x); }, 0.0},
      {"round", round, [](Wide x) { return std::nearbyint(x); }, 0.0},
      {"trunc", trunc, [](Wide x) { return std::trunc(x); }, 0.0},
  };
  return cases;
}

TEST(Accuracy, FunctionsKeepTheBoundsOfTheirHeaders) {
  for (const Case& entry : functions()) expect_within(entry, entry.build);
}

/// "within 3 ulp" in the comment of the op of this name; half a unit, which is correct rounding, where it
/// says nothing.
double stated_bound(std::string_view op) {
  const std::filesystem::path ops =
      std::filesystem::path(__FILE__).parent_path().parent_path().parent_path() / "ops";
  for (const char* header : {"elementwise.h", "activation.h", "gelu.h", "exponential.h", "trigonometry.h",
                             "powers.h", "rounding.h", "special.h"}) {
    std::ifstream file(ops / header);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const std::size_t name = text.find("name = \"" + std::string(op) + "\"");
    if (name == std::string::npos) continue;
    const std::string comment = text.substr(text.rfind("struct ", name), name - text.rfind("struct ", name));
    std::smatch bound;
    return std::regex_search(comment, bound, std::regex("within (\\d+)\\s+(?://\\s+)?ulp"))
               ? std::stod(bound[1])
               : 0.5;
  }
  return -1.0;
}

TEST(Accuracy, BoundsAreThoseThatTheHeadersState) {
  for (const Case& entry : functions()) {
    const double stated = stated_bound(entry.name);
    EXPECT_TRUE(entry.ulps == stated || (entry.ulps == 0.0 && stated == 0.5)) << entry.name << ": " << stated;
  }
}

TEST(Accuracy, SlopesKeepTheirDigitsInTheTails) {
  const std::vector<Case> slopes{
      {"exp", exp, [](Wide x) { return std::exp(x); }, 3.0},
      {"log", log, [](Wide x) { return 1 / x; }, 1.0, 0.0, 0.0F},
      {"erf", erf, [](Wide x) { return std::abs(x) > 200 ? 0 : 2 * kInverseRootOfPi * std::exp(-x * x); },
       6.0},
      {"erfc", erfc, [](Wide x) { return std::abs(x) > 200 ? 0 : -2 * kInverseRootOfPi * std::exp(-x * x); },
       6.0},
      {"gauss", gauss, [](Wide x) { return std::abs(x) > 200 ? 0 : -2 * x * std::exp(-x * x); }, 6.0, 3e-44},
      {"tanh", tanh,
       [](Wide x) {
         const Wide y = std::tanh(x);
         return 1 - y * y;
       },
       0.0, 4e-7},
      {"sigmoid", sigmoid, [](Wide x) { return sigmoid_of(x) * sigmoid_of(-x); }, 0.0, 2e-7},
      {"elu", [](const Operand& x) { return elu(x, 1.0); }, [](Wide x) { return x > 0 ? 1 : std::exp(x); },
       3.0},
      {"softplus", softplus, sigmoid_of, 4.0},
      {"gelu", gelu, [](Wide x) { return distribution_of(x) + times_density(x); }, 7.0, 2e-7},
  };
  for (const Case& entry : slopes) {
    expect_within(entry, [&](const Value& x) { return gradient(sum(entry.build(x)), x); });
  }
  const Case curvature{"gelu's slope", gelu,
                       [](Wide x) { return density_of(x) * (2 - std::min(x * x, 1e5L)); }, 16.0, 1e-7};
  expect_within(curvature,
                [&](const Value& x) { return gradient(sum(gradient(sum(curvature.build(x)), x)), x); });
}

TEST(Accuracy, OfGaussHoldsInDoublePrecision) {
  Graph graph;
  for (double x = 0.03; x < 26.0; x += 0.0371) {
    const double y = numbers(evaluate_value(gauss(constant(graph, Tensor::scalar(x)))))[0];
    const Wide expected = std::exp(-static_cast<Wide>(x) * static_cast<Wide>(x));
    EXPECT_LE(std::abs(static_cast<Wide>(y) - expected), 4 * 0x1p-53L * expected) << x;
  }
}

struct PairCase {
  std::string_view name;
  Value (*build)(const Operand& a, const Operand& b);
  Wide (*formula)(Wide a, Wide b);
  double ulps;
};

/// ln(e^a + e^b), where both may be infinite.
Wide log_of_sum(Wide a, Wide b) {
  const Wide gap = a == b ? 0 : std::abs(a - b);
  return std::max(a, b) + std::log1p(std::exp(-gap));
}

TEST(Accuracy, FunctionsOfTwoKeepTheBoundsOfTheirHeaders) {
  const std::vector<PairCase> cases{
      {"atan2", atan2, [](Wide a, Wide b) { return std::atan2(a, b); }, 3.0},
      {"hypot", hypot, [](Wide a, Wide b) { return std::hypot(a, b); }, 2.0},
      {"logaddexp", logaddexp, log_of_sum, 1.0},
      {"xlogy", xlogy, [](Wide a, Wide b) { return a == 0 ? 0 : a * std::log(b); }, 9.0},
  };
  Floats a = grid(-kInf, kInf);
  std::erase_if(a, [](float x) { return std::isnan(x); });
  const Floats b(a.rbegin(), a.rend());
  TensorSource source("accuracy pairs");
  const auto elsewhere = static_cast<std::size_t>(source.below(static_cast<std::int64_t>(a.size())));
  std::rotate(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(elsewhere), a.end());
  for (const PairCase& entry : cases) {
    EXPECT_EQ(entry.ulps, stated_bound(entry.name)) << entry.name;
    const auto ways = results_of(a, [&](const Value& x) {
      return entry.build(
          x, constant(x.graph(), Tensor::of(std::span<const float>(b), std::vector{std::ssize(b)})));
    });
    for (const Floats& y : ways) {
      for (std::size_t i = 0; i < y.size(); ++i) {
        const Wide expected = entry.formula(static_cast<Wide>(a[i]), static_cast<Wide>(b[i]));
        ASSERT_LE(ulps(y[i], expected), entry.ulps)
            << entry.name << " of " << a[i] << " and " << b[i] << ": " << y[i] << " for "
            << static_cast<double>(expected) << "; " << replay();
      }
    }
  }
}

/// Rows around an offset, with gaps from tiny to beyond where an exponential vanishes.
Floats rows_around(double offset, std::size_t rows, std::size_t classes) {
  TensorSource source("accuracy rows");
  Floats x(rows * classes);
  for (float& value : x) {
    const double gap = source.coin() ? source.number(0.0, 3.0) : source.number(0.0, 100.0);
    value = static_cast<float>(offset - gap);
  }
  return x;
}

struct Row {
  std::span<const float> x;
  Wide largest() const { return static_cast<Wide>(*std::ranges::max_element(x)); }
  /// The sum of e^(x - largest) without the first largest.
  Wide others() const {
    const auto at = std::ranges::max_element(x);
    Wide sum = 0;
    for (auto it = x.begin(); it != x.end(); ++it)
      sum += it == at ? 0 : std::exp(static_cast<Wide>(*it) - largest());
    return sum;
  }
  Wide log_probability(std::size_t i) const {
    return static_cast<Wide>(x[i]) - largest() - std::log1p(others());
  }
  /// Between the two largest.
  Wide second_gap() const {
    Floats sorted(x.begin(), x.end());
    std::ranges::sort(sorted, std::greater<>{});
    return static_cast<Wide>(sorted[0]) - static_cast<Wide>(sorted[1]);
  }
  Wide gap(std::size_t i) const { return largest() - static_cast<Wide>(x[i]); }
};

double relative(double actual, Wide expected) {
  if (static_cast<Wide>(actual) == expected) return 0.0;
  const Wide size = std::max(std::abs(expected), static_cast<Wide>(std::numeric_limits<float>::min()));
  return static_cast<double>(std::abs(static_cast<Wide>(actual) - expected) / size);
}

class AroundAnOffset : public testing::TestWithParam<double> {};

TEST_P(AroundAnOffset, SoftmaxAndItsLogarithmDependOnGapsOnly) {
  for (const std::size_t classes : {std::size_t{2}, std::size_t{5}, std::size_t{10}, std::size_t{37}}) {
    const std::size_t rows = 200;
    const Floats x = rows_around(GetParam(), rows, classes);
    const Shape shape{static_cast<std::int64_t>(rows), static_cast<std::int64_t>(classes)};
    const auto flat = [&](const Value& y) { return reshape(y, {static_cast<std::int64_t>(rows * classes)}); };
    const auto soft = results_of(x, [&](const Value& in) { return flat(softmax(reshape(in, shape))); });
    const auto logs = results_of(x, [&](const Value& in) { return flat(log_softmax(reshape(in, shape))); });
    for (std::size_t i = 0; i < x.size(); ++i) {
      const std::size_t start = i / classes * classes;
      const Row row{std::span(x).subspan(start, classes)};
      const Wide expected = row.log_probability(i - start);
      const double bound = (8.0 + static_cast<double>(row.gap(i - start))) * 1e-7;
      for (std::size_t way = 0; way < 2; ++way) {
        ASSERT_LE(relative(static_cast<double>(soft[way][i]), std::exp(expected)), bound)
            << way << "; " << replay();
        ASSERT_LE(relative(static_cast<double>(logs[way][i]), expected), 2e-7) << way << "; " << replay();
      }
    }
  }
}

TEST_P(AroundAnOffset, CrossEntropyAndItsGradientDependOnGapsOnly) {
  for (const std::int64_t classes : {2, 10, 37}) {
    const std::int64_t rows = 200;
    const Floats x =
        rows_around(GetParam(), static_cast<std::size_t>(rows), static_cast<std::size_t>(classes));
    TensorSource source("accuracy labels");
    Graph graph;
    const Value logits = input(graph, "x", f32, {rows, classes});
    const Tensor labels = source.whole({rows}, classes, i64);
    const Value loss = softmax_cross_entropy(logits, constant(graph, labels));
    const Value slope = gradient(sum(loss), logits);
    const Tensor fed = Tensor::of(std::span<const float>(x), std::vector{rows, classes});
    Session session(graph);
    Function fused = session.compile({.inputs = {logits}, .outputs = {loss, slope}, .updates = {}});
    const auto run = fused({fed});
    const std::vector<Value> both{loss, slope};
    const auto reference = testing_support::evaluate_values(both, {{"x", fed}});
    for (std::int64_t r = 0; r < rows; ++r) {
      const auto start = static_cast<std::size_t>(r * classes);
      const Row row{std::span(x).subspan(start, static_cast<std::size_t>(classes))};
      const auto label = static_cast<std::size_t>(labels.values<std::int64_t>()[static_cast<std::size_t>(r)]);
      for (const auto* way : {&run[0], &reference[0]}) {
        const double actual = static_cast<double>(way->values<float>()[static_cast<std::size_t>(r)]);
        const double bound = (10.0 + static_cast<double>(row.second_gap())) * 1e-7;
        ASSERT_LE(relative(actual, -row.log_probability(label)), bound) << replay();
      }
      for (std::size_t i = 0; i < row.x.size(); ++i) {
        Wide expected = std::exp(row.log_probability(i));
        // 1 - p of the label as the sum of the others' p.
        if (i == label) expected = row.gap(i) == 0 ? -row.others() / (1 + row.others()) : expected - 1;
        const Wide gap = i == label ? row.second_gap() : row.gap(i);
        const double bound = (10.0 + static_cast<double>(gap)) * 1e-7;
        for (const auto* way : {&run[1], &reference[1]})
          ASSERT_LE(relative(static_cast<double>(way->values<float>()[start + i]), expected), bound)
              << replay();
      }
    }
  }
}

TEST_P(AroundAnOffset, LogsumexpIsWithinUlpsOfItselfOrOfTheLargest) {
  for (const std::size_t classes : {std::size_t{2}, std::size_t{10}, std::size_t{37}}) {
    const std::size_t rows = 200;
    const Floats x = rows_around(GetParam(), rows, classes);
    const Shape shape{static_cast<std::int64_t>(rows), static_cast<std::int64_t>(classes)};
    const auto along = results_of(x, [&](const Value& in) { return logsumexp(reshape(in, shape), {1}); });
    const auto across =
        results_of(x, [&](const Value& in) { return logsumexp(transpose(reshape(in, shape), {1, 0}), {0}); });
    for (std::size_t r = 0; r < rows; ++r) {
      const Row row{std::span(x).subspan(r * classes, classes)};
      const Wide expected = row.largest() + std::log1p(row.others());
      const Wide size = std::max(std::abs(expected), std::abs(row.largest()));
      for (const Floats* y : {&along[0], &along[1], &across[0], &across[1]})
        ASSERT_LE(std::abs(static_cast<Wide>((*y)[r]) - expected), 4 * 0x1p-23L * size) << replay();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Offsets, AroundAnOffset, testing::Values(0.0, 1e3, -1e4, 1e6, 1e7, -1e8));

TEST(Accuracy, NormsOfAnySizeAreWithinOneUlp) {
  for (const float scale : {1e-45F, 1e-38F, 1e-20F, 1.0F, 1e19F, 1e30F, 1e38F}) {
    TensorSource source("accuracy norms");
    Floats x(60);
    for (float& value : x) value = static_cast<float>(source.number(-1.0, 1.0)) * scale;
    const auto y = results_of(x, [](const Value& in) { return norm(reshape(in, {5, 12}), {1}); });
    for (std::size_t row = 0; row < 5; ++row) {
      Wide sum = 0;
      for (std::size_t i = 0; i < 12; ++i)
        sum += static_cast<Wide>(x[row * 12 + i]) * static_cast<Wide>(x[row * 12 + i]);
      for (const Floats& way : y) EXPECT_LE(ulps(way[row], std::sqrt(sum)), 1.0) << scale;
    }
  }
}

TEST(Accuracy, LogsumexpOfAMillionTermsIsWithinFourUlps) {
  for (const float x : {0.1F, 1e-42F, -1e4F, 1e30F, -1e30F}) {
    const Wide expected = static_cast<Wide>(x) + std::log(1e6L);
    for (const Floats& y : results_of(Floats(1'000'000, x), [](const Value& in) { return logsumexp(in); }))
      EXPECT_LE(ulps(y[0], expected), 4.0) << x;
  }
}

/// Two-pass, so that an offset costs no more than its own rounding does.
TEST(Accuracy, VarianceAndDeviationLoseNoMoreThanTheRoundingOfTheMean) {
  TensorSource source("accuracy variance");
  for (const float offset : {0.0F, 1e3F, -1e5F}) {
    for (const float size : {1e-15F, 1.0F, 1e15F}) {
      for (const std::size_t terms : {std::size_t{7}, std::size_t{256}, std::size_t{100'000}}) {
        Floats x(terms);
        for (float& value : x) value = (offset + static_cast<float>(source.number(-1.0, 1.0))) * size;
        const auto count = static_cast<Wide>(terms);
        Wide mean = 0;
        for (const float value : x) mean += static_cast<Wide>(value) / count;
        Wide expected = 0;
        for (const float value : x)
          expected += (static_cast<Wide>(value) - mean) * (static_cast<Wide>(value) - mean) / count;
        const Wide rounding = std::abs(mean) * 0x1p-24L;
        const Wide bound = 40 * 0x1p-24L * expected + 2 * rounding * rounding;
        for (const Floats& y : results_of(x, [](const Value& in) { return variance(in); }))
          EXPECT_LE(std::abs(static_cast<Wide>(y[0]) - expected), bound) << offset << ", " << size;
        for (const Floats& y : results_of(x, [](const Value& in) { return standard_deviation(in); }))
          EXPECT_LE(std::abs(static_cast<Wide>(y[0]) - std::sqrt(expected)), bound / std::sqrt(expected))
              << offset << ", " << size;
      }
    }
  }
}

}  // namespace
}  // namespace weft::accuracy_tests
