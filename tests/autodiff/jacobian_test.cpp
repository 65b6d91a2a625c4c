#include "weft/autodiff/jacobian.h"

#include <gtest/gtest.h>

#include "weft/graph/program.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/matmul.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/tests/support/evaluate_values.h"

namespace weft {
namespace {

using testing_support::evaluate_value;
using testing_support::evaluate_values;
using testing_support::Feeds;
using testing_support::numbers;
using testing_support::sizes_of;
using Numbers = std::vector<double>;

class Jacobian : public testing::Test {
 protected:
  Graph graph_;
  Value x_ = input(graph_, "x", f64, {3});
  Value a_ = constant(graph_, Tensor::of<double>({1, 2, 3, 4, 5, 6}, {2, 3}));
  Feeds feeds_{{"x", Tensor::of<double>({1, 2, 3})}};
};

TEST_F(Jacobian, OfALinearMapIsItsMatrix) {
  const Value tall = reshape(matmul(a_, reshape(x_, {3, 1})), {2});
  const Tensor fewer_rows = evaluate_value(jacobian(tall, x_), feeds_);
  EXPECT_EQ(sizes_of(fewer_rows), (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(numbers(fewer_rows), (Numbers{1, 2, 3, 4, 5, 6}));
  const Value wide = concat({x_, x_ * 2.0}, 0);
  const Tensor fewer_columns = evaluate_value(jacobian(wide, x_), feeds_);
  EXPECT_EQ(sizes_of(fewer_columns), (std::vector<std::int64_t>{6, 3}));
  EXPECT_EQ(numbers(fewer_columns), (Numbers{1, 0, 0, 0, 1, 0, 0, 0, 1, 2, 0, 0, 0, 2, 0, 0, 0, 2}));
}

TEST_F(Jacobian, HasTheShapesOfBothSides) {
  const Value x = reshape(x_, {3, 1});
  const Value y = x * reshape(x_, {1, 3});
  EXPECT_EQ(jacobian(y, x).type(), (TensorType{f64, {3, 3, 3, 1}}));
  EXPECT_EQ(jacobian(sum(y), x).type(), (TensorType{f64, {3, 1}}));
  EXPECT_EQ(jacobian(slice(y, 0, 0, 0), x).type(), (TensorType{f64, {0, 3, 3, 1}}));
}

TEST_F(Jacobian, IsZeroWhereNothingDepends) {
  const Value other = input(graph_, "other", f64, {2});
  const Feeds feeds{{"x", feeds_.at("x")}, {"other", Tensor::of<double>({1, 2})}};
  EXPECT_EQ(numbers(evaluate_value(jacobian(other, x_), feeds)), (Numbers{0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(numbers(evaluate_value(jacobian(x_, other), feeds)), (Numbers{0, 0, 0, 0, 0, 0}));
}

TEST_F(Jacobian, TakesSymbolsForSizes) {
  const Value rows = input(graph_, "rows", f64, {"batch"});
  const Value matrix = jacobian(rows * rows, rows);
  EXPECT_EQ(matrix.type(), (TensorType{f64, {"batch", "batch"}}));
  EXPECT_EQ(numbers(evaluate_value(matrix, {{"rows", Tensor::of<double>({1, 2})}}, {{"batch", 2}})),
            (Numbers{2, 0, 0, 4}));
  const Value few = jacobian(reshape(sum(rows * rows), {1}), rows);
  EXPECT_EQ(numbers(evaluate_value(few, {{"rows", Tensor::of<double>({1, 2, 3})}}, {{"batch", 3}})),
            (Numbers{2, 4, 6}));
}

TEST_F(Jacobian, DoesNotGrowWithTheSizes) {
  const auto nodes_for = [](std::int64_t size) {
    Graph graph;
    const Value x = input(graph, "x", f64, {size});
    return needed_nodes(graph, std::vector{jacobian(exp(x), x)}).size();
  };
  EXPECT_EQ(nodes_for(2), nodes_for(50));
}

TEST_F(Jacobian, HessianHasTheBlocksOfAllPairs) {
  const Value other = input(graph_, "w", f64, {2, 1});
  // f = sum(x^3) + sum(x) w0 w1 + w1^2
  const Value w = reshape(other, {2});
  const Value w0 = slice(w, 0, 0, 1);
  const Value w1 = slice(w, 0, 1, 2);
  const Value loss = sum(x_ * x_ * x_) + sum(x_) * sum(w0 * w1) + sum(w1 * w1);
  const auto blocks = hessian(loss, {x_, other});
  const Feeds feeds{{"x", feeds_.at("x")}, {"w", Tensor::of<double>({5, 7}, {2, 1})}};
  EXPECT_EQ(blocks[0][1].type(), (TensorType{f64, {3, 2, 1}}));
  EXPECT_EQ(blocks[1][1].type(), (TensorType{f64, {2, 1, 2, 1}}));
  EXPECT_EQ(numbers(evaluate_value(blocks[0][0], feeds)), (Numbers{6, 0, 0, 0, 12, 0, 0, 0, 18}));
  EXPECT_EQ(numbers(evaluate_value(blocks[0][1], feeds)), (Numbers{7, 5, 7, 5, 7, 5}));
  EXPECT_EQ(numbers(evaluate_value(blocks[1][0], feeds)), (Numbers{7, 7, 7, 5, 5, 5}));
  EXPECT_EQ(numbers(evaluate_value(blocks[1][1], feeds)), (Numbers{0, 6, 6, 2}));
  EXPECT_EQ(numbers(evaluate_value(hessian(loss, x_), feeds)), (Numbers{6, 0, 0, 0, 12, 0, 0, 0, 18}));
}

TEST_F(Jacobian, HessianOfALinearLossIsZero) {
  EXPECT_EQ(numbers(evaluate_value(hessian(sum(x_ * 3.0), x_), feeds_)), Numbers(9, 0.0));
}

TEST_F(Jacobian, OfAGradientIsTheHessianThatTheProductUses) {
  const Value other = input(graph_, "w", f64, {3});
  const Value loss = sum(x_ * x_ * x_ * other) + sum(x_) * sum(other * other);
  const Value v = constant(graph_, Tensor::of<double>({1, -1, 2}));
  const Value u = constant(graph_, Tensor::of<double>({0.5, 3, -2}));
  const auto products = hessian_vector_product(loss, std::vector{x_, other}, std::vector{v, u});
  const Feeds feeds{{"x", feeds_.at("x")}, {"w", Tensor::of<double>({4, 5, 6})}};
  const auto results = evaluate_values(products, feeds);
  // d2/dx2 = diag(6 x w), d2/dxdw = diag(3 x^2) + 2 w^T in every row, d2/dw2 = diag(2 sum(x)).
  const Numbers x{1, 2, 3};
  const Numbers w{4, 5, 6};
  const Numbers vs{1, -1, 2};
  const Numbers us{0.5, 3, -2};
  double wu = 0.0;
  double sum_v = 0.0;
  for (std::size_t i = 0; i < 3; ++i) {
    wu += 2.0 * w[i] * us[i];
    sum_v += vs[i];
  }
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(numbers(results[0])[i], 6 * x[i] * w[i] * vs[i] + 3 * x[i] * x[i] * us[i] + wu, 1e-12);
    EXPECT_NEAR(numbers(results[1])[i], 3 * x[i] * x[i] * vs[i] + 2 * w[i] * sum_v + 12 * us[i], 1e-12);
  }
}

TEST_F(Jacobian, AHessianOfALinearLossIsZero) {
  const auto products = hessian_vector_product(sum(x_ * 3.0), std::vector{x_}, std::vector{x_});
  EXPECT_EQ(numbers(evaluate_value(products[0], feeds_)), (Numbers{0, 0, 0}));
}

}  // namespace
}  // namespace weft
