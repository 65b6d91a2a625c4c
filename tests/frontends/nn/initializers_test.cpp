#include "weft/frontends/nn/initializers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "weft/runtime/session.h"
#include "weft/tests/frontends/nn/moments.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using nn::Distribution;
using nn::FanMode;
using testing::AllOf;
using testing::Each;
using testing::Ge;
using testing::Le;
using testing_support::expect_error;
using testing_support::moments_of;
using testing_support::numbers;
using testing_support::SampleMoments;

Tensor initial(const nn::Initializer& initializer, std::int64_t inputs, std::int64_t units,
               DType dtype = f32) {
  Graph graph;
  const Value start = initializer({.graph = graph,
                                   .dtype = dtype,
                                   .shape = {inputs, units},
                                   .fan_in = inputs,
                                   .fan_out = units,
                                   .where = {}});
  Session session(graph, {.seed = 3});
  Function draw = session.compile({.inputs = {}, .outputs = {start}, .updates = {}});
  return draw()[0].clone();
}

TEST(Initializers, HaveTheSpreadOfTheirFormula) {
  constexpr std::int64_t kIn = 300;
  constexpr std::int64_t kOut = 200;
  struct Case {
    nn::Initializer initializer;
    double variance;
    double bound;  // 0: none
  };
  const std::vector<Case> cases{
      {nn::glorot_uniform(), 2.0 / (kIn + kOut), std::sqrt(6.0 / (kIn + kOut))},
      {nn::glorot_normal(), 2.0 / (kIn + kOut), 0.0},
      {nn::he_uniform(), 2.0 / kIn, std::sqrt(6.0 / kIn)},
      {nn::he_normal(), 2.0 / kIn, 0.0},
      {nn::torch_default(), 1.0 / (3.0 * kIn), 1.0 / std::sqrt(double{kIn})},
      {nn::lecun_uniform(), 1.0 / kIn, std::sqrt(3.0 / kIn)},
      {nn::lecun_normal(), 1.0 / kIn, 0.0},
      {nn::variance_scaling(3.0, FanMode::out, Distribution::uniform), 3.0 / kOut, std::sqrt(9.0 / kOut)},
      {nn::variance_scaling(3.0, FanMode::average, Distribution::truncated_normal), 6.0 / (kIn + kOut),
       2.0 * std::sqrt(6.0 / (kIn + kOut)) / 0.87962},
      {nn::uniform(-0.5, 0.5), 1.0 / 12.0, 0.5},
      {nn::normal(0.0, 0.1), 0.01, 0.0},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const std::vector<double> drawn = numbers(initial(cases[i].initializer, kIn, kOut));
    const SampleMoments moments = moments_of(drawn);
    EXPECT_NEAR(moments.mean, 0.0, 5.0 * std::sqrt(cases[i].variance / (kIn * kOut))) << i;
    EXPECT_NEAR(moments.variance / cases[i].variance, 1.0, 0.05) << i;
    if (cases[i].bound > 0.0) {
      EXPECT_THAT(drawn, Each(AllOf(Ge(-cases[i].bound), Le(cases[i].bound)))) << i;
    }
  }
  EXPECT_THAT(numbers(initial(nn::zeros(), 3, 4)), Each(0.0));
  EXPECT_THAT(numbers(initial(nn::ones(), 3, 4)), Each(1.0));
  EXPECT_THAT(numbers(initial(nn::constant(2.0), 3, 4)), Each(2.0));
}

TEST(Initializers, AreFoundByName) {
  for (const nn::NamedInitializer& known : nn::named_initializers()) {
    EXPECT_EQ(nn::initializer_named(known.name).name, known.name);
  }
  expect_error(ErrorCode::invalid_argument,
               {"unknown initializer 'magic'; there are glorot_uniform", "he_normal"},
               [] { nn::initializer_named("magic"); });
}

TEST(Initializers, TruncatedNormalHasTheDistributionOfTheKeptPart) {
  const Tensor drawn = initial(nn::truncated_normal(1.0, 0.5), 400, 300, f64);
  std::vector<double> z;
  for (const double x : drawn.values<double>()) z.push_back((x - 1.0) / 0.5);
  std::ranges::sort(z);
  EXPECT_GE(z.front(), -2.0);
  EXPECT_LE(z.back(), 2.0);
  const auto below = [](double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); };
  double largest_gap = 0.0;  // of Kolmogorov and Smirnov
  for (std::size_t i = 0; i < z.size(); ++i) {
    const double wanted = (below(z[i]) - below(-2.0)) / (below(2.0) - below(-2.0));
    largest_gap =
        std::max(largest_gap, std::abs(wanted - static_cast<double>(i) / static_cast<double>(z.size())));
  }
  EXPECT_LT(largest_gap, 1.95 / std::sqrt(static_cast<double>(z.size())));  // the 0.1% level
}

/// The largest difference of m^T m (of m m^T for a wide m) from gain^2 times the identity.
double distance_from_orthogonal(const Tensor& m, double gain) {
  const std::int64_t rows = m.sizes()[0];
  const std::int64_t columns = m.elements() / rows;
  const bool wide = rows < columns;
  const auto at = [&](std::int64_t i, std::int64_t j) {  // element i of vector j
    return m.values<double>()[static_cast<std::size_t>(wide ? j * columns + i : i * columns + j)];
  };
  double distance = 0.0;
  for (std::int64_t a = 0; a < std::min(rows, columns); ++a) {
    for (std::int64_t b = 0; b < std::min(rows, columns); ++b) {
      double product = 0.0;
      for (std::int64_t i = 0; i < std::max(rows, columns); ++i) product += at(i, a) * at(i, b);
      distance = std::max(distance, std::abs(product - (a == b ? gain * gain : 0.0)));
    }
  }
  return distance;
}

TEST(Initializers, OrthogonalMatricesKeepLengthsAndAngles) {
  EXPECT_LT(distance_from_orthogonal(initial(nn::orthogonal(), 20, 7, f64), 1.0), 1e-12);
  EXPECT_LT(distance_from_orthogonal(initial(nn::orthogonal(1.5), 7, 20, f64), 1.5), 1e-12);
  const SampleMoments moments = moments_of(numbers(initial(nn::orthogonal(), 100, 100)));
  EXPECT_NEAR(moments.mean, 0.0, 0.005);
  EXPECT_NEAR(moments.variance, 0.01, 1e-4);
}

TEST(Initializers, IdentityPassesItsInputsOn) {
  EXPECT_TRUE(
      identical(initial(nn::identity(2.0), 2, 3), Tensor::of({2.0F, 0.0F, 0.0F, 0.0F, 2.0F, 0.0F}, {2, 3})));
  EXPECT_TRUE(identical(initial(nn::identity(), 3, 1, f64), Tensor::of({1.0, 0.0, 0.0}, {3, 1})));
}

TEST(Initializers, OfMatricesRejectVectors) {
  Graph graph;
  for (const char* name : {"orthogonal", "identity"}) {
    expect_error(ErrorCode::shape_mismatch, {name, "[3]"},
                 [&] { nn::initializer_named(name).weight({.graph = graph, .shape = {3}, .where = {}}); });
  }
}

}  // namespace
}  // namespace weft
