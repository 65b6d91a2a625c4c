// An op as a user writes one, outside of weft: all that it needs is the struct.

#include <gtest/gtest.h>

#include <cmath>

#include "weft/autodiff/gradients.h"
#include "weft/graph/passes/standard.h"
#include "weft/graph/print.h"
#include "weft/ops/activation.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/gradient_check.h"
#include "weft/tests/support/random_tensor.h"

namespace user {

struct Swish {  // y = x * sigmoid(beta * x)
  static constexpr std::string_view name = "swish";
  double beta = 1.0;
  static constexpr auto attributes = weft::attributes(&Swish::beta);
  static constexpr weft::Traits traits{.elementwise = true};

  weft::TensorType infer(const weft::TensorType& x) const { return x; }

  template <std::floating_point T>
  void forward(std::span<const T> x, std::span<T> y) const {
    for (std::size_t i = 0; i < x.size(); ++i) y[i] = x[i] / (T{1} + std::exp(static_cast<T>(-beta) * x[i]));
  }

  weft::Value gradient(weft::Value x, weft::Value y, weft::Value dy) const {
    const weft::Value s = weft::sigmoid(x * beta);
    return dy * (s + y * beta * (1.0 - s));
  }
};

weft::Value swish(const weft::Operand& x, double beta = 1.0) { return weft::apply(Swish{.beta = beta}, x); }

}  // namespace user

namespace weft {
namespace {

using testing_support::evaluate_value;
using testing_support::expect_error;
using testing_support::gradients_match;
using testing_support::second_gradients_match;
using testing_support::TensorSource;

TEST(CustomOp, ComputesItsFormulaInBothPrecisions) {
  Graph graph;
  const Value x = input(graph, "x", f64, {3});
  const Tensor at = Tensor::of<double>({-1, 0, 2});
  const Tensor y = evaluate_value(user::swish(x, 1.5), {{"x", at}});
  const Value single = input(graph, "single", f32, {3});
  const Tensor z = evaluate_value(user::swish(single, 1.5), {{"single", Tensor::of<float>({-1, 0, 2})}});
  for (std::size_t i = 0; i < 3; ++i) {
    const double u = at.values<double>()[i];
    EXPECT_NEAR(y.values<double>()[i], u / (1.0 + std::exp(-1.5 * u)), 1e-15);
    EXPECT_NEAR(z.values<float>()[i], u / (1.0 + std::exp(-1.5 * u)), 1e-6);
  }
}

TEST(CustomOp, PassesTheGradientCheck) {
  TensorSource source("swish");
  const std::vector<Tensor> inputs{source.uniform({2, 3}, -2.0, 2.0), source.uniform({3})};
  const auto function = [](std::span<const Value> in) {
    return user::swish(in[0], 1.5) * user::swish(in[1]);
  };
  EXPECT_TRUE(gradients_match(function, inputs));
  EXPECT_TRUE(second_gradients_match(function, inputs));
}

TEST(CustomOp, TakesPartInPassesAndPrinting) {
  Graph graph;
  const Value x = input(graph, "x", f64, {3});
  const std::vector<Value> roots{user::swish(x, 2.0), user::swish(x, 2.0), user::swish(x, 3.0)};
  const Program merged = common_subexpressions().run(extract(graph, roots));
  EXPECT_EQ(merged.roots[0], merged.roots[1]);
  EXPECT_NE(merged.roots[0], merged.roots[2]);
  EXPECT_NE(to_text(merged).find("swish(%0) {beta=2} : f64[3]"), std::string::npos) << to_text(merged);
}

TEST(CustomOp, ReportsErrorsLikeABuiltinOne) {
  Graph graph;
  const Value x = input(graph, "counts", i32, {3});
  expect_error(ErrorCode::dtype_mismatch,
               {"swish", "no kernel for i32", "i32[3]", "custom_op_test.cpp:" + std::to_string(__LINE__ + 1)},
               [&] { user::swish(x); });
}

TEST(CustomOp, TrainsWithBroadcastingInputs) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 4});
  const Value bias = input(graph, "bias", f32, {4});
  EXPECT_EQ(gradient(mean(user::swish(x + bias)), bias).type(), bias.type());
}

}  // namespace
}  // namespace weft
