// Activations and their slopes against the formulas in doubles.

#include "weft/frontends/nn/activations.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "weft/autodiff/gradients.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::expect_error;

constexpr double kPoints[] = {-1000.0, -7.0, -2.5, -0.3, 0.2, 0.7, 4.0, 8.0, 1000.0};

void expect_function(const std::function<Value(const Value&)>& activation,
                     const std::function<double(double)>& formula) {
  Graph graph;
  const Value x = input(graph, "x", f64, {"n"});
  const Value y = activation(x);
  const Value slope = gradient(sum(y), x);
  Session session(graph);
  Function function = session.compile({.inputs = {x}, .outputs = {y, slope}, .updates = {}});
  const auto results = function({Tensor::of(std::span<const double>(kPoints), std::vector{std::int64_t{9}})});
  constexpr double kStep = 1e-5;
  for (std::size_t i = 0; i < std::size(kPoints); ++i) {
    const double at = kPoints[i];
    EXPECT_NEAR(results[0].values<double>()[i], formula(at), 1e-12) << at;
    EXPECT_NEAR(results[1].values<double>()[i], (formula(at + kStep) - formula(at - kStep)) / (2.0 * kStep),
                1e-6)
        << at;
  }
}

TEST(Activations, FollowTheirFormulas) {
  expect_function(nn::relu6, [](double x) { return std::min(std::max(x, 0.0), 6.0); });
  expect_function(nn::selu, [](double x) {
    return 1.0507009873554805 * (x > 0.0 ? x : 1.6732632423543772 * (std::exp(x) - 1.0));
  });
  expect_function(nn::hard_sigmoid, [](double x) {
    return x <= -3.0 ? 0.0 : x >= 3.0 ? 1.0 : (x + 3.0) / 6.0;
  });
  expect_function(nn::hard_tanh, [](double x) { return x < -1.0 ? -1.0 : x > 1.0 ? 1.0 : x; });
  expect_function(nn::softsign, [](double x) { return x / (1.0 + std::abs(x)); });
  expect_function([](const Value& x) { return nn::swish(x, 1.5); },
                  [](double x) { return x / (1.0 + std::exp(-1.5 * x)); });
}

TEST(Activations, ThatHaveANameFollowTheirFormulas) {
  const std::map<std::string_view, std::function<double(double)>> formulas{
      {"relu", [](double x) { return std::max(x, 0.0); }},
      {"tanh", [](double x) { return std::tanh(x); }},
      {"sigmoid", [](double x) { return 1.0 / (1.0 + std::exp(-x)); }},
      {"relu6", [](double x) { return std::min(std::max(x, 0.0), 6.0); }},
      {"leaky_relu", [](double x) { return x > 0.0 ? x : 0.01 * x; }},
      {"elu", [](double x) { return x > 0.0 ? x : std::exp(x) - 1.0; }},
      {"selu",
       [](double x) {
         return 1.0507009873554805 * (x > 0.0 ? x : 1.6732632423543772 * (std::exp(x) - 1.0));
       }},
      {"gelu", [](double x) { return 0.5 * x * std::erfc(-x / std::sqrt(2.0)); }},
      {"swish", [](double x) { return x / (1.0 + std::exp(-x)); }},
      {"softplus", [](double x) { return x > 30.0 ? x : std::log1p(std::exp(x)); }},
      {"softsign", [](double x) { return x / (1.0 + std::abs(x)); }},
      {"hard_sigmoid", [](double x) { return std::min(std::max(x / 6.0 + 0.5, 0.0), 1.0); }},
      {"hard_tanh", [](double x) { return std::min(std::max(x, -1.0), 1.0); }},
      {"mish", [](double x) { return x * std::tanh(x > 30.0 ? x : std::log1p(std::exp(x))); }},
      {"celu", [](double x) { return x > 0.0 ? x : std::exp(x) - 1.0; }}};
  EXPECT_EQ(nn::named_activations().size(), formulas.size());
  for (const nn::NamedActivation& activation : nn::named_activations()) {
    SCOPED_TRACE(activation.name);
    expect_function([&](const Value& x) { return activation.apply(x); }, formulas.at(activation.name));
    EXPECT_EQ(&nn::activation_named(activation.name), &activation);
  }
  expect_error(ErrorCode::invalid_argument, {"unknown activation 'step'; there are relu, tanh"},
               [] { nn::activation_named("step"); });
}

TEST(Activations, SeluKeepsTheMomentsOfAStandardNormal) {
  // The fixed point that defines the constants: the integrals of selu and its square under the density.
  double mean = 0.0;
  double square = 0.0;
  constexpr double kWidth = 1e-3;
  for (double x = -12.0; x < 12.0; x += kWidth) {
    const double y = nn::kSeluScale * (x > 0.0 ? x : nn::kSeluAlpha * std::expm1(x));
    const double weight = std::exp(-0.5 * x * x) / std::sqrt(2.0 * std::acos(-1.0)) * kWidth;
    mean += y * weight;
    square += y * y * weight;
  }
  EXPECT_NEAR(mean, 0.0, 1e-3);
  EXPECT_NEAR(square, 1.0, 1e-3);
}

TEST(Activations, PreluLearnsASlopeForEachChannel) {
  Graph graph;
  const Value x = input(graph, "x", f64, {"batch", 2});
  const Value alpha = parameter(graph, "alpha", Tensor::of({0.25, -0.5}));
  const Value y = nn::prelu(x, alpha);
  Session session(graph);
  Function function =
      session.compile({.inputs = {x}, .outputs = {y, gradient(sum(y), alpha)}, .updates = {}});
  const auto results = function({Tensor::of({-4.0, -2.0, 3.0, -1.0}, {2, 2})});
  EXPECT_TRUE(identical(results[0], Tensor::of({-1.0, 1.0, 3.0, 0.5}, {2, 2})));
  EXPECT_TRUE(identical(results[1], Tensor::of({-4.0, -3.0})));
}

TEST(Activations, BlameTheLineThatAppliedThem) {
  Graph graph;
  const Value x = input(graph, "x", i32, {"n"});
  const auto line = std::to_string(__LINE__ + 1);
  const auto wrong = [&] { nn::swish(x); };
  expect_error(ErrorCode::dtype_mismatch, {"activations_test.cpp:" + line}, wrong);
}

}  // namespace
}  // namespace weft
