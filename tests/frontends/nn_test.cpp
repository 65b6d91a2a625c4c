#include "weft/frontends/nn.h"

#include <gtest/gtest.h>

#include <cmath>

#include "weft/ops/source.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::expect_error;

Tensor initial(const nn::Initializer& initializer, std::int64_t inputs, std::int64_t units) {
  Graph graph;
  const Value start = initializer({.graph = graph,
                                   .dtype = f32,
                                   .shape = {inputs, units},
                                   .fan_in = inputs,
                                   .fan_out = units,
                                   .where = {}});
  Session session(graph, {.seed = 3});
  Function draw = session.compile({.inputs = {}, .outputs = {start}, .updates = {}});
  return draw()[0].clone();
}

struct Moments {
  double mean = 0.0;
  double variance = 0.0;
  double largest = 0.0;
};

Moments moments_of(const Tensor& tensor) {
  Moments moments;
  for (const float x : tensor.values<float>()) {
    moments.mean += static_cast<double>(x);
    moments.variance += static_cast<double>(x) * static_cast<double>(x);
    moments.largest = std::max(moments.largest, std::abs(static_cast<double>(x)));
  }
  moments.mean /= static_cast<double>(tensor.elements());
  moments.variance = moments.variance / static_cast<double>(tensor.elements()) - moments.mean * moments.mean;
  return moments;
}

TEST(Dense, AppliesWeightAndBias) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 2});
  const nn::Dense layer = nn::dense(graph, "layer", 2, 1);
  Session session(graph);
  session.set("layer/weight", Tensor::of({2.0F, 3.0F}, {2, 1}));
  session.set("layer/bias", Tensor::of({0.5F}));
  Function function = session.compile({.inputs = {x}, .outputs = {layer(x)}, .updates = {}});
  EXPECT_EQ(function({Tensor::of({1.0F, 10.0F}, {1, 2})})[0].item<float>(), 32.5F);
}

TEST(Dense, CanDoWithoutBias) {
  Graph graph;
  const nn::Dense layer = nn::dense(graph, "layer", 2, 3, f64, {.bias = false});
  EXPECT_EQ(layer.parameters().size(), 1U);
  EXPECT_EQ(layer.weight.type(), (TensorType{f64, {2, 3}}));
}

TEST(Dense, BlamesTheLineThatAppliedIt) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 5});
  const nn::Dense layer = nn::dense(graph, "layer", 4, 3);
  const auto line = std::to_string(__LINE__ + 1);
  expect_error(ErrorCode::shape_mismatch, {"nn_test.cpp:" + line, "matmul", "5", "4"}, [&] { layer(x); });
  expect_error(ErrorCode::shape_mismatch, {"two axes"},
               [&] { nn::dense(input(graph, "v", f32, {5}), "d", 3); });
}

TEST(Dense, NamesAreUniqueInAGraph) {
  Graph graph;
  nn::dense(graph, "layer", 4, 3);
  expect_error(ErrorCode::invalid_argument, {"layer/weight"}, [&] { nn::dense(graph, "layer", 4, 3); });
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
      {nn::uniform(-0.5, 0.5), 1.0 / 12.0, 0.5},
      {nn::normal(0.0, 0.1), 0.01, 0.0},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const Moments moments = moments_of(initial(cases[i].initializer, kIn, kOut));
    EXPECT_NEAR(moments.mean, 0.0, 5.0 * std::sqrt(cases[i].variance / (kIn * kOut))) << i;
    EXPECT_NEAR(moments.variance / cases[i].variance, 1.0, 0.05) << i;
    if (cases[i].bound > 0.0) {
      EXPECT_LE(moments.largest, cases[i].bound) << i;
    }
  }
  EXPECT_EQ(moments_of(initial(nn::zeros(), 3, 4)).largest, 0.0);
  EXPECT_EQ(moments_of(initial(nn::constant(2.0), 3, 4)).mean, 2.0);
}

TEST(Initializers, AreFoundByName) {
  for (const nn::NamedInitializer& known : nn::named_initializers()) {
    EXPECT_EQ(nn::initializer_named(known.name).name, known.name);
  }
  expect_error(ErrorCode::invalid_argument, {"glorot_uniform", "he_normal", "magic"},
               [] { nn::initializer_named("magic"); });
}

}  // namespace
}  // namespace weft
