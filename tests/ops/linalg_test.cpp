// Decompositions put together again, equations solved, and matrices that have none.

#include "weft/ops/linalg.h"

#include <gtest/gtest.h>

#include "weft/ops/layout.h"
#include "weft/ops/matmul.h"
#include "weft/ops/structure.h"
#include "weft/tests/ops/special_numbers.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/graph_numbers.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::expect_error;
using testing_support::expect_near;
using testing_support::kInf;
using testing_support::numbers_of;
using testing_support::replay;
using testing_support::slopes_of;
using testing_support::TensorSource;
using testing_support::vector_of;
using Numbers = std::vector<double>;
using Build = std::function<Value(const Value&)>;

Numbers numbers_in(const Tensor& x) { return testing_support::numbers(x); }
Value turned(const Value& x) { return move_axis(x, -2, -1); }

TEST(LinearAlgebra, PutsDecompositionsTogetherAgain) {
  SCOPED_TRACE(replay());
  TensorSource source("linear algebra");
  for (const auto& sizes :
       std::vector<std::vector<std::int64_t>>{{4, 4}, {2, 5, 3}, {2, 2, 3, 5}, {1, 1}, {0, 0}}) {
    const Tensor a = source.uniform(sizes);
    const Build by_qr = [](const Value& x) {
      const auto [q, r] = qr(x);
      return matmul(q, r);
    };
    const Build by_svd = [](const Value& x) {
      const auto [u, s, vt] = svd(x);
      return matmul(u, expand_dims(s, -1) * vt);
    };
    expect_near(numbers_of(by_qr, a), numbers_in(a), 1e-13);
    expect_near(numbers_of(by_svd, a), numbers_in(a), 1e-13);
    const Build undone = [](const Value& x) { return matmul(matmul(x, pinv(x)), x); };
    if (!numbers_in(a).empty()) expect_near(numbers_of(undone, a), numbers_in(a), 1e-12);
  }
  const Tensor square = source.uniform({3, 4, 4});
  const Build symmetric = [](const Value& x) { return x + turned(x); };
  const Build by_eigh = [&](const Value& x) {
    const auto [w, v] = eigh(symmetric(x));
    return matmul(v * expand_dims(w, -2), v, false, true);
  };
  expect_near(numbers_of(by_eigh, square), numbers_of(symmetric, square), 1e-13);
  const Build positive = [](const Value& x) { return matmul(x, x, false, true); };
  const Build by_cholesky = [&](const Value& x) {
    const Value l = cholesky(positive(x));
    return matmul(l, l, false, true);
  };
  expect_near(numbers_of(by_cholesky, square), numbers_of(positive, square), 1e-12);
}

TEST(LinearAlgebra, KnowsSmallMatricesByHeart) {
  const Tensor a = vector_of({4, 2, 2, 3}).reshaped({2, 2});
  expect_near(numbers_of([](const Value& x) { return cholesky(x); }, a), {2, 0, 1, std::sqrt(2.0)});
  expect_near(numbers_of([](const Value& x) { return det(x); }, a), {8});
  expect_near(numbers_of([](const Value& x) { return inverse(x); }, a), {0.375, -0.25, -0.25, 0.5});
  expect_near(numbers_of([](const Value& x) { return matrix_power(x, 3); }, a), {108, 82, 82, 67});
  expect_near(numbers_of([](const Value& x) { return matrix_power(x, 0); }, a), {1, 0, 0, 1});
  expect_near(numbers_of([](const Value& x) { return matrix_power(x, -1); }, a), {0.375, -0.25, -0.25, 0.5});
  expect_near(
      numbers_of([](const Value& x) { return eigh(x).values; }, vector_of({2, 1, 1, 2}).reshaped({2, 2})),
      {1, 3});
  expect_near(
      numbers_of([](const Value& x) { return svd(x).values; }, vector_of({0, -3, 2, 0}).reshaped({2, 2})),
      {3, 2});
  expect_near(numbers_of([](const Value& x) { return trace(x); }, a), {7});
}

TEST(Solve, TakesVectorsAndBroadcastsMatrices) {
  const Tensor a = vector_of({4, 2, 2, 3}).reshaped({2, 2});
  const auto solved = [](const Value& x, const Value& b) { return solve(x, b); };
  expect_near(numbers_of(solved, a, vector_of({8, 7})), {1.25, 1.5});
  expect_near(numbers_of(solved, a, vector_of({8, 7, 16, 14}).reshaped({2, 2, 1})), {1.25, 1.5, 2.5, 3});
  const Tensor f32_a = vector_of({4, 2, 2, 3}, f32).reshaped({2, 2});
  expect_near(numbers_of(solved, f32_a, vector_of({8, 7}, f32)), {1.25, 1.5});
}

TEST(Solve, SaysWhichMatrixIsSingular) {
  const Tensor a = vector_of({1, 0, 0, 1, 1, 2, 2, 4}).reshaped({2, 2, 2});
  expect_error(ErrorCode::numeric, {"matrix 1 is singular"},
               [&] { numbers_of([](const Value& x) { return inverse(x); }, a); });
  expect_near(numbers_of([](const Value& x) { return det(x); }, a), {1, -0.0});
  expect_near(numbers_of([](const Value& x) { return slogdet(x).log; }, a), {0, -kInf});
}

TEST(TriangularSolve, ReadsItsTriangleOnly) {
  const Tensor a = vector_of({2, 99, 1, 4}).reshaped({2, 2});
  const Tensor b = vector_of({2, 9}).reshaped({2, 1});
  const auto lower = [](const Value& x, const Value& y) { return triangular_solve(x, y); };
  expect_near(numbers_of(lower, a, b), {1, 2});
  const auto unit = [](const Value& x, const Value& y) { return triangular_solve(x, y, true, true, true); };
  expect_near(numbers_of(unit, a, b), {-7, 9});
  expect_near(slopes_of(lower, a, b), {-0.375, -0.0, -0.25, -0.5, 0.375, 0.25});
}

TEST(Cholesky, RefusesWhatIsNotPositiveDefinite) {
  const Tensor a = vector_of({1, 2, 2, 1}).reshaped({2, 2});
  expect_error(ErrorCode::numeric, {"matrix 0 is not positive definite"},
               [&] { numbers_of([](const Value& x) { return cholesky(x); }, a); });
  Graph graph;
  const Value wide = input(graph, "x", f64, {2, 3});
  expect_error(ErrorCode::shape_mismatch, {"cholesky", "square", "linalg_test.cpp"}, [&] { cholesky(wide); });
}

TEST(Svd, GivesNaNsForInfinitiesAndNaNs) {
  for (const double bad : {std::nan(""), kInf}) {
    const Tensor a = vector_of({bad, 0, 0, 1}).reshaped({2, 2});
    for (const double x : numbers_of([](const Value& v) { return svd(v).values; }, a))
      EXPECT_TRUE(std::isnan(x));
    for (const double x : numbers_of([](const Value& v) { return pinv(v); }, a)) EXPECT_TRUE(std::isnan(x));
  }
}

TEST(Slogdet, KeepsDeterminantsThatHaveNoRoom) {
  const Build scaled = [](const Value& x) { return slogdet(diag(x)).log; };
  expect_near(numbers_of(scaled, vector_of({1e200, 1e200, -1e200})), {600 * std::log(10.0)});
  expect_near(
      numbers_of([](const Value& x) { return slogdet(diag(x)).sign; }, vector_of({1e200, 1e200, -1e200})),
      {-1});
  expect_near(slopes_of(scaled, vector_of({2, 4})), {0.5, 0.25});
}

TEST(Eigh, HasAFiniteGradientWhereEigenvaluesAreEqual) {
  const Build largest = [](const Value& x) { return slice(eigh(x).values, 0, 1, 2); };
  const Numbers slopes = slopes_of(largest, vector_of({1, 0, 0, 1}).reshaped({2, 2}));
  for (const double slope : slopes) EXPECT_TRUE(std::isfinite(slope));
  EXPECT_NEAR(slopes[0] + slopes[3], 1.0, 1e-14) << "the trace of the gradient";
}

}  // namespace
}  // namespace weft
