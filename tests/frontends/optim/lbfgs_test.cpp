#include "weft/frontends/optim/lbfgs.h"

#include <gtest/gtest.h>

#include <cmath>

#include "weft/ops/elementwise.h"
#include "weft/ops/gather.h"
#include "weft/ops/layout.h"
#include "weft/ops/matmul.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::expect_error;

/// Rosenbrock's function (1960) of two parameters of different types of shape: (1 - a)^2 + 100 (b - a^2)^2.
struct Rosenbrock {
  Graph graph;
  Value a = parameter(graph, "a", Tensor::scalar(-1.2));
  Value b = parameter(graph, "b", Tensor::of({1.0}, {1, 1}));
  std::vector<Value> parameters{a, b};
  Value loss = square(1.0 - a) + 100.0 * sum(square(b - square(a)));
  Session session{graph};
  Function function = session.compile(optim::loss_and_gradients({}, loss, parameters));
};

TEST(Lbfgs, FindsTheMinimumOfACurvedValley) {
  Rosenbrock valley;
  const auto result =
      optim::lbfgs(valley.session, valley.function, valley.parameters, {}, {.gradient_tolerance = 1e-9});
  EXPECT_TRUE(result.converged) << result.reason;
  EXPECT_NEAR(valley.session.value("a").item<double>(), 1.0, 1e-7);
  EXPECT_NEAR(valley.session.value("b").item<double>(), 1.0, 1e-7);
  EXPECT_NEAR(result.loss, 0.0, 1e-13);
  EXPECT_GT(result.iterations, 10);
  EXPECT_LT(result.iterations, 100);
  EXPECT_GE(result.evaluations, result.iterations);
}

TEST(Lbfgs, EndsWhenItsIterationsAreDone) {
  Rosenbrock valley;
  const auto result =
      optim::lbfgs(valley.session, valley.function, valley.parameters, {}, {.max_iterations = 3});
  EXPECT_FALSE(result.converged);
  EXPECT_EQ(result.reason, "all iterations are done");
  EXPECT_EQ(result.iterations, 3);
  EXPECT_LT(result.loss, 24.2);  // where it starts
  const double a = valley.session.value("a").item<double>();
  const double b = valley.session.value("b").item<double>();
  EXPECT_NEAR(result.loss, (1.0 - a) * (1.0 - a) + 100.0 * (b - a * a) * (b - a * a), 1e-12);
}

TEST(Lbfgs, StopsWhereThereIsNothingToGain) {
  Rosenbrock valley;
  valley.session.set("a", Tensor::scalar(1.0));
  const auto result = optim::lbfgs(valley.session, valley.function, valley.parameters, {});
  EXPECT_TRUE(result.converged);
  EXPECT_EQ(result.evaluations, 1);
}

TEST(Lbfgs, SolvesLeastSquaresInF32) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 2});
  const Value t = input(graph, "t", f32, {"batch", 1});
  const std::vector<Value> w{parameter(graph, "w", Tensor::zeros(f32, {2, 1}))};
  const Value loss = mean(square(matmul(x, w[0]) - t));
  Session session(graph);
  Function function = session.compile(optim::loss_and_gradients({{x, t}}, loss, w));
  const std::vector<Tensor> data{Tensor::of({1.0F, 0.0F, 1.0F, 1.0F, 1.0F, 2.0F}, {3, 2}),
                                 Tensor::of({0.5F, 2.5F, 4.5F}, {3, 1})};
  optim::lbfgs(session, function, w, data);
  EXPECT_NEAR(session.value("w").values<float>()[0], 0.5F, 1e-3F);
  EXPECT_NEAR(session.value("w").values<float>()[1], 2.0F, 1e-3F);
}

TEST(Lbfgs, ShortensStepsThatLeaveTheDomain) {
  Graph graph;  // x - ln x, whose first full step leads below 0
  const std::vector<Value> p{parameter(graph, "p", Tensor::scalar(20.0))};
  Session session(graph);
  Function function = session.compile(optim::loss_and_gradients({}, 30.0 * (p[0] - log(p[0])), p));
  const auto result = optim::lbfgs(session, function, p, {});
  EXPECT_TRUE(result.converged) << result.reason;
  EXPECT_NEAR(session.value("p").item<double>(), 1.0, 1e-4);
}

TEST(Lbfgs, StaysWhereNoStepIsBetter) {
  Rosenbrock valley;
  auto spec = optim::loss_and_gradients({}, valley.loss, valley.parameters);
  for (std::size_t i = 1; i < spec.outputs.size(); ++i) spec.outputs[i] = -spec.outputs[i];  // uphill
  Function wrong = valley.session.compile(spec);
  const auto result = optim::lbfgs(valley.session, wrong, valley.parameters, {});
  EXPECT_FALSE(result.converged);
  EXPECT_EQ(result.reason, "the line search found no better point");
  EXPECT_EQ(valley.session.value("a").item<double>(), -1.2);
  EXPECT_EQ(valley.session.value("b").item<double>(), 1.0);
  EXPECT_DOUBLE_EQ(result.loss, 2.2 * 2.2 + 100.0 * 0.44 * 0.44);
}

TEST(Lbfgs, PassesErrorsOnAndPutsEverythingBack) {
  Graph graph;
  const std::vector<Value> p{parameter(graph, "p", Tensor::scalar(3.0))};
  // The index leaves the table of four as soon as p, which wants to grow, does.
  const Value index = reshape(cast(p[0], i64), Shape{1});
  const Value table = constant(graph, Tensor::of({0.0, 0.0, 0.0, 0.0}));
  const Value loss = square(p[0] - 100.0) + sum(gather(table, index));
  Session session(graph);
  Function function = session.compile(optim::loss_and_gradients({}, loss, p));
  expect_error(ErrorCode::out_of_range, {"4"}, [&] { optim::lbfgs(session, function, p, {}); });
  EXPECT_EQ(session.value("p").item<double>(), 3.0);
}

TEST(Lbfgs, RejectsWhatItCannotMinimize) {
  Rosenbrock valley;
  const auto minimize = [&](const optim::LbfgsOptions& options) {
    optim::lbfgs(valley.session, valley.function, valley.parameters, {}, options);
  };
  expect_error(ErrorCode::invalid_argument, {"out of range"}, [&] { minimize({.history = 0}); });
  expect_error(ErrorCode::invalid_argument, {"out of range"},
               [&] { minimize({.gradient_tolerance = std::nan("")}); });
  expect_error(ErrorCode::invalid_argument, {"2 gradients", "2 outputs"}, [&] {
    Function other = valley.session.compile(optim::loss_and_gradients({}, valley.loss, {{valley.a}}));
    optim::lbfgs(valley.session, other, valley.parameters, {});
  });
  expect_error(ErrorCode::invalid_argument, {"0 numbers"},
               [&] { optim::lbfgs(valley.session, valley.function, {}, {}); });
  valley.session.set("a", Tensor::scalar(std::nan("")));
  expect_error(ErrorCode::numeric, {"nan"}, [&] { minimize({}); });
}

}  // namespace
}  // namespace weft
