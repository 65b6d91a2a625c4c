// Parameters as one vector, and steps along lines, which use it.

#include "weft/frontends/optim/flat.h"

#include <gtest/gtest.h>

#include <cmath>

#include "weft/autodiff/gradients.h"
#include "weft/frontends/optim/conjugate_gradient.h"
#include "weft/frontends/optim/lbfgs.h"
#include "weft/ops/builtin.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::expect_error;
using testing_support::numbers;
using Numbers = std::vector<double>;

TEST(Flat, IsOneVectorAndBack) {
  Graph graph;
  const std::vector<Value> p{parameter(graph, "a", Tensor::of({1.0F, 2.0F, 3.0F, 4.0F}, {2, 2})),
                             parameter(graph, "b", Tensor::of({5.0F}))};
  const Value vector = optim::flat(p);
  const std::vector<Value> parts = optim::unflat(vector * 2.0, p);
  Session session(graph);
  const Outputs made =
      session.compile({.outputs = {vector, parts[0], parts[1], gradient(sum(square(vector)), p[1])}})();
  EXPECT_EQ(numbers(made[0]), (Numbers{1, 2, 3, 4, 5}));
  EXPECT_EQ(numbers(made[1]), (Numbers{2, 4, 6, 8}));
  EXPECT_EQ(made[1].sizes()[0], 2);
  EXPECT_EQ(numbers(made[2]), (Numbers{10}));
  EXPECT_EQ(numbers(made[3]), (Numbers{10}));
  EXPECT_EQ(numbers(optim::flat_values(session, p)), (Numbers{1, 2, 3, 4, 5}));
  optim::set_flat_values(session, p, Tensor::of({9.0, 8.0, 7.0, 6.0, 5.5}));
  EXPECT_EQ(numbers(session.value("a")), (Numbers{9, 8, 7, 6}));
  EXPECT_EQ(numbers(session.value("b")), (Numbers{5.5}));
  expect_error(ErrorCode::shape_mismatch, {"[5]", "f64[4]"},
               [&] { optim::set_flat_values(session, p, Tensor::of({9.0, 8.0, 7.0, 6.0})); });
  expect_error(ErrorCode::shape_mismatch, {"unflat", "[5]", "flat_test.cpp"},
               [&] { optim::unflat(constant(graph, 1.0), p); });
  expect_error(ErrorCode::invalid_argument, {"flat", "flat_test.cpp"}, [&] { optim::flat({}); });
}

/// (1 - x)^2 + 100 (y - x^2)^2, of a vector and a scalar.
struct CurvedValley {
  Graph graph;
  Value x = parameter(graph, "x", Tensor::of({-1.2}));
  Value y = parameter(graph, "y", Tensor::scalar(1.0));
  std::vector<Value> p{x, y};
  Value loss = sum(square(1.0 - x)) + 100.0 * square(y - sum(square(x)));
  Session session{graph};
  Function f = session.compile(optim::loss_and_gradients({}, loss, p));
};

TEST(ConjugateGradient, GoesDownACurvedValley) {
  CurvedValley problem;
  const auto result = optim::conjugate_gradient(problem.session, problem.f, problem.p, {},
                                                {.max_iterations = 2000, .gradient_tolerance = 1e-8});
  EXPECT_TRUE(result.converged);
  EXPECT_NEAR(numbers(problem.session.value("x"))[0], 1.0, 1e-6);
  EXPECT_NEAR(numbers(problem.session.value("y"))[0], 1.0, 1e-6);
  EXPECT_LT(result.loss, 1e-12);
  EXPECT_GE(result.evaluations, result.iterations);
  CurvedValley steepest;
  const auto slow = optim::conjugate_gradient(
      steepest.session, steepest.f, steepest.p, {},
      {.conjugate = false, .max_iterations = result.iterations, .gradient_tolerance = 1e-8});
  EXPECT_FALSE(slow.converged);
  EXPECT_GT(slow.loss, result.loss);
  EXPECT_LT(slow.loss, 24.2);  // where it began
}

TEST(ConjugateGradient, TakesFewStepsOnAQuadratic) {
  Graph graph;
  const Value p = parameter(graph, "p", Tensor::of({5.0F, -3.0F, 2.0F}));
  const Value data = input(graph, "data", f32, {3});
  const Value scales = constant(graph, Tensor::of({1.0F, 4.0F, 9.0F}));
  const Value loss = sum(scales * square(p - data));
  Session session(graph);
  Function f = session.compile(optim::loss_and_gradients(std::vector{data}, loss, std::vector{p}));
  const std::vector<Tensor> feeds{Tensor::of({1.0F, 2.0F, 3.0F})};
  const auto result =
      optim::conjugate_gradient(session, f, std::vector{p}, feeds, {.gradient_tolerance = 1e-4});
  EXPECT_TRUE(result.converged);
  EXPECT_LT(result.iterations, 60);
  EXPECT_NEAR(numbers(session.value(p))[2], 3.0, 1e-3);
}

TEST(ConjugateGradient, LeavesParametersWhereItCannotBegin) {
  Graph graph;
  const Value p = parameter(graph, "p", Tensor::of({-1.0}));
  Session session(graph);
  Function f = session.compile(optim::loss_and_gradients({}, sum(log(p)), std::vector{p}));
  expect_error(ErrorCode::numeric, {"conjugate_gradient", "nan"},
               [&] { optim::conjugate_gradient(session, f, std::vector{p}, {}); });
  EXPECT_EQ(numbers(session.value(p)), (Numbers{-1}));
  expect_error(ErrorCode::invalid_argument, {"iterations", "0"},
               [&] { optim::conjugate_gradient(session, f, std::vector{p}, {}, {.max_iterations = 0}); });
  Function other = session.compile({.outputs = {sum(square(p))}});
  expect_error(ErrorCode::invalid_argument, {"2 outputs", "1"},
               [&] { optim::conjugate_gradient(session, other, std::vector{p}, {}); });
}

}  // namespace
}  // namespace weft
