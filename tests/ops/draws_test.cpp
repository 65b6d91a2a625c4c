// Distributions: means, variances and shares below given numbers, against their formulas.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "weft/autodiff/gradients.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/indexing.h"
#include "weft/ops/random.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::evaluate_value;
using testing_support::expect_error;
using testing_support::numbers;
using Draws = std::vector<double>;

constexpr std::int64_t kDraws = 40000;

struct Distribution {
  double mean = 0.0;
  double variance = 1.0;
  double fourth = 3.0;  // central moment over the squared variance
  std::function<double(double)> share_below;
  std::vector<double> at;
};

/// Within five standard deviations of everything. The seed is fixed.
void expect_distribution(const Draws& x, const Distribution& wanted) {
  const auto count = static_cast<double>(x.size());
  const double mean = std::accumulate(x.begin(), x.end(), 0.0) / count;
  double variance = 0.0;
  for (const double u : x) variance += (u - wanted.mean) * (u - wanted.mean) / count;
  EXPECT_NEAR(mean, wanted.mean, 5.0 * std::sqrt(wanted.variance / count));
  EXPECT_NEAR(variance, wanted.variance, 5.0 * wanted.variance * std::sqrt((wanted.fourth - 1.0) / count));
  for (const double bound : wanted.at) {
    const auto below = std::ranges::count_if(x, [&](double u) { return u <= bound; });
    const double share = wanted.share_below(bound);
    EXPECT_NEAR(static_cast<double>(below) / count, share, 5.0 * std::sqrt(share * (1.0 - share) / count))
        << "below " << bound;
  }
}

double normal_share(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

TEST(RandomTruncatedNormal, HasTheSharesOfItsDistribution) {
  for (const DType dtype : {f32, f64}) {
    Graph graph;
    const Draws x = numbers(evaluate_value(
        random_truncated_normal(graph, dtype, {kDraws}, 1.0, 2.0, 0.0, 6.0)));  // -0.5 to 2.5 deviations
    const double whole = normal_share(2.5) - normal_share(-0.5);
    const auto density = [](double t) { return std::exp(-0.5 * t * t) / std::sqrt(2.0 * std::numbers::pi); };
    const double shift = (density(-0.5) - density(2.5)) / whole;
    const double spread = 1.0 + (-0.5 * density(-0.5) - 2.5 * density(2.5)) / whole - shift * shift;
    expect_distribution(
        x, {.mean = 1.0 + 2.0 * shift,
            .variance = 4.0 * spread,
            .share_below =
                [&](double t) { return (normal_share((t - 1.0) / 2.0) - normal_share(-0.5)) / whole; },
            .at = {0.1, 1.0, 2.0, 4.0, 5.8}});
    EXPECT_GE(std::ranges::min(x), 0.0);
    EXPECT_LE(std::ranges::max(x), 6.0);
  }
}

TEST(RandomTruncatedNormal, ReachesTheTails) {
  Graph graph;
  const Draws x = numbers(evaluate_value(
      random_truncated_normal(graph, f64, {kDraws}, 0.0, 1.0, 5.0, std::numeric_limits<double>::infinity())));
  EXPECT_GE(std::ranges::min(x), 5.0);
  // The mean of a normal number beyond 5.
  EXPECT_NEAR(std::accumulate(x.begin(), x.end(), 0.0) / kDraws, 5.18650396, 5.0 * 0.18 / std::sqrt(kDraws));
}

TEST(RandomExponential, HasTheSharesOfItsDistribution) {
  for (const DType dtype : {f32, f64}) {
    Graph graph;
    const Draws x = numbers(evaluate_value(random_exponential(graph, dtype, {kDraws}, 4.0)));
    expect_distribution(x, {.mean = 0.25,
                            .variance = 0.0625,
                            .fourth = 9.0,
                            .share_below = [](double t) { return 1.0 - std::exp(-4.0 * t); },
                            .at = {0.001, 0.1, 0.25, 0.7, 1.5}});
  }
}

TEST(RandomBernoulli, IsTrueWithItsProbability) {
  Graph graph;
  const Draws fixed = numbers(evaluate_value(random_bernoulli(graph, {kDraws}, 0.3)));
  expect_distribution(
      fixed, {.mean = 0.3, .variance = 0.21, .fourth = 1.0 / 0.21 - 3.0, .share_below = {}, .at = {}});
  Tensor p = Tensor::uninitialized(f32, {4, kDraws});
  const float each[] = {0.0F, 1.0F, 0.9F, std::numeric_limits<float>::quiet_NaN()};
  for (std::size_t i = 0; i < 4 * kDraws; ++i) p.mutable_values<float>()[i] = each[i / kDraws];
  const Value drawn = random_bernoulli(constant(graph, p));
  EXPECT_EQ(drawn.dtype(), boolean);
  const Draws x = numbers(evaluate_value(drawn));
  const auto share = [&](std::ptrdiff_t row) {
    return std::accumulate(x.begin() + row * kDraws, x.begin() + (row + 1) * kDraws, 0.0) / kDraws;
  };
  EXPECT_EQ(share(0), 0.0);
  EXPECT_EQ(share(1), 1.0);
  EXPECT_NEAR(share(2), 0.9, 5.0 * std::sqrt(0.09 / kDraws));
  EXPECT_EQ(share(3), 0.0);
}

TEST(RandomCategorical, DrawsEachClassWithItsProbability) {
  const double p[] = {0.5, 0.0, 0.3, 0.1999, 0.0001};
  Graph graph;
  Tensor logits = Tensor::uninitialized(f32, {kDraws, 5});
  for (std::size_t i = 0; i < 5 * kDraws; ++i) {
    logits.mutable_values<float>()[i] = static_cast<float>(std::log(p[i % 5]) + 100.0);
  }
  const Value drawn = random_categorical(constant(graph, logits));
  EXPECT_EQ(to_string(drawn.type()), "i64[40000]");
  std::map<double, double> found;
  for (const double c : numbers(evaluate_value(drawn))) found[c] += 1.0 / kDraws;
  for (std::size_t c = 0; c < 5; ++c) {
    EXPECT_NEAR(found[static_cast<double>(c)], p[c], 5.0 * std::sqrt(p[c] * (1.0 - p[c]) / kDraws)) << c;
  }
}

/// The regularized incomplete gamma function, by its series.
double gamma_share(double a, double x) {
  double term = std::exp(a * std::log(x) - x - std::lgamma(a + 1.0));
  double total = term;
  for (int n = 1; n < 1000; ++n) total += term *= x / (a + n);
  return total;
}

TEST(RandomGamma, HasTheSharesOfItsDistribution) {
  for (const double a : {0.1, 0.7, 1.0, 2.5, 40.0}) {
    for (const DType dtype : {f32, f64}) {
      Graph graph;
      const Draws x = numbers(evaluate_value(random_gamma(graph, dtype, {kDraws}, a, 2.0)));
      const double deviation = std::sqrt(a);
      Draws at{a, 0.5 * a, a + deviation, a + 2.0 * deviation, a - 0.9 * std::min(deviation, a)};
      for (double& bound : at) bound /= 2.0;
      expect_distribution(x, {.mean = a / 2.0,
                              .variance = a / 4.0,
                              .fourth = 3.0 + 6.0 / a,
                              .share_below = [a](double t) { return gamma_share(a, 2.0 * t); },
                              .at = at});
    }
  }
}

double poisson_share(double rate, double x) {
  double total = 0.0;
  for (double k = 0.0; k <= x; k += 1.0) {
    total += std::exp(k * std::log(rate) - rate - std::lgamma(k + 1.0));
  }
  return total;
}

TEST(RandomPoisson, HasTheSharesOfItsDistribution) {
  for (const double rate : {0.2, 3.0, 9.99, 10.0, 30.0, 1000.0}) {
    for (const DType dtype : {f32, f64}) {
      Graph graph;
      const Draws x = numbers(evaluate_value(random_poisson(graph, dtype, {kDraws}, rate)));
      const double deviation = std::sqrt(rate);
      EXPECT_TRUE(std::ranges::all_of(x, [](double k) { return k >= 0.0 && k == std::floor(k); }));
      expect_distribution(
          x, {.mean = rate,
              .variance = rate,
              .fourth = 3.0 + 1.0 / rate,
              .share_below = [rate](double t) { return poisson_share(rate, t); },
              .at = {0.0, std::floor(rate), std::floor(rate + deviation), std::floor(rate + 2.0 * deviation),
                     std::max(0.0, std::floor(rate - deviation))}});
    }
  }
}

TEST(Draws, OfParametersThatAreNoneAreNaN) {
  Graph graph;
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const Value wrong = constant(graph, Tensor::of({-1.0, kNaN}));
  for (const double x : numbers(evaluate_value(random_gamma(wrong)))) EXPECT_TRUE(std::isnan(x));
  for (const double x : numbers(evaluate_value(random_poisson(wrong)))) EXPECT_TRUE(std::isnan(x));
  const Value ends = constant(graph, Tensor::of({0.0, kInfinity}));
  const Draws x = numbers(evaluate_value(random_poisson(ends)));
  EXPECT_EQ(x[0], 0.0);
  EXPECT_TRUE(std::isnan(x[1]));
}

TEST(Draws, DependOnNothingButTheirPlace) {
  Graph graph;
  Draws many_rates(100);
  for (std::size_t i = 0; i < 100; ++i) many_rates[i] = 0.5 * static_cast<double>(i);
  const Draws few_rates(many_rates.begin(), many_rates.begin() + 50);
  const auto drawn = [](const Op& op, const Draws& parameters) {
    return numbers(evaluate(op, std::vector{Tensor::of<std::int64_t>({7, 3}),
                                            Tensor::of(parameters, {std::ssize(parameters)})})[0]);
  };
  for (const Op& op : {Op(RandomGamma{9}), Op(RandomPoisson{9})}) {
    const Draws many = drawn(op, many_rates);
    const Draws few = drawn(op, few_rates);
    EXPECT_TRUE(std::equal(few.begin() + 1, few.end(), many.begin() + 1));
  }
  EXPECT_NE(drawn(RandomGamma{9}, few_rates)[5], drawn(RandomGamma{10}, few_rates)[5]);
}

TEST(RandomPermutation, HasEachNumberOnce) {
  Graph graph;
  const Value drawn = random_permutation(graph, 1000);
  EXPECT_EQ(to_string(drawn.type()), "i64[1000]");
  Draws x = numbers(evaluate_value(drawn));
  double fixed = 0.0;
  for (std::size_t i = 0; i < 1000; ++i) fixed += x[i] == static_cast<double>(i) ? 1.0 : 0.0;
  EXPECT_LT(fixed, 10.0);  // one is expected
  std::ranges::sort(x);
  for (std::size_t i = 0; i < 1000; ++i) EXPECT_EQ(x[i], static_cast<double>(i));
}

TEST(RandomPermutation, HasAllOrdersEquallyOften) {
  Graph graph;
  std::map<Draws, int> found;
  const Value drawn = random_permutation(graph, 3);
  for (std::int64_t run = 0; run < 1200; ++run) {
    ++found[numbers(evaluate_value(drawn, {{"random_key", Tensor::of<std::int64_t>({1, run})}}))];
  }
  EXPECT_EQ(found.size(), 6U);
  for (const auto& [order, times] : found) EXPECT_NEAR(times, 200, 5 * 13);
}

TEST(Draws, HaveNoGradient) {
  Graph graph;
  const Value p = input(graph, "p", f64, {3});
  expect_error(ErrorCode::not_differentiable, {"random_gamma"}, [&] { gradient(sum(random_gamma(p)), p); });
  expect_error(ErrorCode::not_differentiable, {"random_poisson"},
               [&] { gradient(sum(random_poisson(p)), p); });
}

TEST(Draws, RejectWhatIsNoDistribution) {
  Graph graph;
  const auto line = testing_support::at_line(__LINE__ + 1);
  const auto wrong = [&] { random_exponential(graph, f32, {2}, 0.0); };
  expect_error(ErrorCode::invalid_argument, {line, "random_exponential", "rate > 0", "0"}, wrong);
  expect_error(ErrorCode::invalid_argument, {"random_bernoulli", "[0, 1]", "1.5"},
               [&] { random_bernoulli(graph, {2}, 1.5); });
  expect_error(ErrorCode::invalid_argument, {"random_gamma", "concentration > 0"},
               [&] { random_gamma(graph, f32, {2}, 0.0); });
  expect_error(ErrorCode::invalid_argument, {"random_poisson", "finite rate"},
               [&] { random_poisson(graph, f32, {2}, -1.0); });
  expect_error(ErrorCode::invalid_argument, {"random_truncated_normal", "8 deviation"},
               [&] { random_truncated_normal(graph, f32, {2}, 0.0, 1.0, 9.0, 10.0); });
  expect_error(ErrorCode::invalid_argument, {"random_truncated_normal", "high >= 2"},
               [&] { random_truncated_normal(graph, f32, {2}, 0.0, 1.0, 2.0, 1.0); });
  const Value whole = input(graph, "whole", i32, {2, 3});
  expect_error(ErrorCode::dtype_mismatch, {"random_gamma", "i32[2, 3]"}, [&] { random_gamma(whole); });
  expect_error(ErrorCode::dtype_mismatch, {"random_poisson", "i32[2, 3]"}, [&] { random_poisson(whole); });
}

}  // namespace
}  // namespace weft
