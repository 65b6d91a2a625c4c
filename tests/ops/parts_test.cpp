// Parts of tensors, branches by number, sparse arithmetic and draws, by examples that are worked out by hand.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "weft/ops/draws.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/gather.h"
#include "weft/ops/layout.h"
#include "weft/ops/linalg.h"
#include "weft/ops/matmul.h"
#include "weft/ops/quantize.h"
#include "weft/ops/sparse_functions.h"
#include "weft/ops/subtensor.h"
#include "weft/ops/switch_case.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/graph_numbers.h"

namespace weft {
namespace {

using testing_support::evaluate_value;
using testing_support::expect_error;
using testing_support::expect_near;
using testing_support::numbers;
using testing_support::numbers_of;
using testing_support::sizes_of;
using testing_support::slopes_of;
using testing_support::vector_of;
using Numbers = std::vector<double>;

Tensor rows_of(const Numbers& values, std::int64_t rows) {
  const Tensor flat = vector_of(values);
  return flat.reshaped({rows, flat.elements() / rows});
}

TEST(SetSlice, ReplacesAPart) {
  const Tensor x = rows_of({1, 2, 3, 4, 5, 6}, 2);
  const auto set = [](const Value& v) { return set_slice(v, 1, 1, 3, 9.0); };
  expect_near(numbers_of(set, x), {1, 9, 9, 4, 9, 9});
  expect_near(slopes_of(set, x), {1, 0, 0, 1, 0, 0});
  const Tensor y = rows_of({7, 8}, 2);
  const auto column = [](const Value& v, const Value& u) { return set_slice(v, -1, 0, 1, u); };
  expect_near(numbers_of(column, x, y), {7, 2, 3, 8, 5, 6});
  expect_near(slopes_of(column, x, y), {0, 1, 1, 0, 1, 1, 1, 1});
  const auto every_second = [](const Value& v) { return set_slice(v, 1, 0, 3, -1.0, 2); };
  expect_near(numbers_of(every_second, x), {-1, 2, -1, -1, 5, -1});
  expect_near(slopes_of(every_second, x), {0, 1, 0, 0, 1, 0});
  expect_error(ErrorCode::out_of_range, {"set_slice", "parts_test.cpp"},
               [&] { numbers_of([](const Value& v) { return set_slice(v, 1, 1, 4, 0.0); }, x); });
}

TEST(AddToSlice, AddsToAPart) {
  const Tensor x = rows_of({1, 2, 3, 4, 5, 6}, 2);
  const auto add = [](const Value& v) { return add_to_slice(v, 0, 1, 2, 10.0); };
  expect_near(numbers_of(add, x), {1, 2, 3, 14, 15, 16});
  expect_near(slopes_of(add, x), {1, 1, 1, 1, 1, 1});
  const Tensor y = vector_of({1, 2});
  const auto steps = [](const Value& v, const Value& u) { return add_to_slice(v, 1, 0, 3, u, 2); };
  expect_near(numbers_of(steps, x, y), {2, 2, 5, 5, 5, 8});
  expect_near(slopes_of(steps, x, y), {1, 1, 1, 1, 1, 1, 2, 2});
}

TEST(SliceAt, TakesItsPlaceFromTheRun) {
  Graph graph;
  const Value x = input(graph, "x", f64, {"n", 3});
  const Value start = input(graph, "start", i32, {});
  const Value part = slice_at(x, start, 2);
  const Value columns = slice_at(x, start + 1, 1, -1);
  const Value other = set_slice_at(x, start, square(part));
  const Value slope = gradient(sum(other), x);
  const Value wide = set_slice_at(x, start, square(columns), 1);
  Session session(graph);
  const Function f = session.compile({.inputs = {x, start}, .outputs = {part, columns, other, slope, wide}});
  const Tensor rows = rows_of({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, 4);
  const Outputs made = f({rows, Tensor::scalar(std::int32_t{1})});
  expect_near(numbers(made[0]), {4, 5, 6, 7, 8, 9});
  expect_near(numbers(made[1]), {3, 6, 9, 12});
  expect_near(numbers(made[2]), {1, 2, 3, 16, 25, 36, 49, 64, 81, 10, 11, 12});
  expect_near(numbers(made[3]), {1, 1, 1, 8, 10, 12, 14, 16, 18, 1, 1, 1});
  expect_near(numbers(made[4]), {1, 9, 3, 4, 36, 6, 7, 81, 9, 10, 144, 12});
  expect_error(ErrorCode::out_of_range, {"parts_test.cpp"},
               [&] { f({rows, Tensor::scalar(std::int32_t{3})}); });
  expect_error(ErrorCode::shape_mismatch, {"slice_at", "one place", "parts_test.cpp"},
               [&] { slice_at(x, constant(graph, Tensor::of<std::int64_t>({1, 2})), 2); });
}

TEST(Sizes, AreThoseOfTheRun) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"n", 3, "m"});
  Session session(graph);
  const Function f = session.compile({.inputs = {x}, .outputs = {sizes(x)}});
  EXPECT_EQ(numbers(f({Tensor::zeros(f32, {4, 3, 0})})[0]), (Numbers{4, 3, 0}));
  EXPECT_EQ(numbers(f({Tensor::zeros(f32, {1, 3, 7})})[0]), (Numbers{1, 3, 7}));
  EXPECT_EQ(sizes_of(evaluate_value(sizes(constant(graph, 1.0)))), (std::vector<std::int64_t>{0}));
}

TEST(SwitchCase, RunsTheBranchOfItsNumber) {
  Graph graph;
  const Value x = input(graph, "x", f64, {});
  const Value index = input(graph, "index", i32, {});
  const Value table = constant(graph, Tensor::of({5.0}));
  const auto chosen =
      switch_case(index, {[&] { return std::vector{x * 2.0}; }, [&] { return std::vector{square(x)}; },
                          [&] { return std::vector{sum(gather(table, cast(x, i64)))}; }});
  const Value slope = gradient(chosen[0], x);
  Session session(graph);
  const Function f = session.compile({.inputs = {x, index}, .outputs = {chosen[0], slope}});
  const auto at = [&](double number, std::int32_t branch) {
    const Outputs made = f({Tensor::scalar(number), Tensor::scalar(branch)});
    return Numbers{made[0].item<double>(), made[1].item<double>()};
  };
  EXPECT_EQ(at(3.0, 0), (Numbers{6, 2}));
  EXPECT_EQ(at(3.0, 1), (Numbers{9, 6}));  // the third branch would fail
  EXPECT_EQ(at(0.0, 2), (Numbers{5, 0}));
  expect_error(ErrorCode::out_of_range, {"3"}, [&] { at(1.0, 3); });
  expect_error(ErrorCode::out_of_range, {"-1"}, [&] { at(1.0, -1); });
  expect_error(ErrorCode::shape_mismatch, {"switch_case", "f64[]", "parts_test.cpp"},
               [&] { switch_case(x, {[&] { return std::vector{x}; }}); });
  expect_error(ErrorCode::invalid_argument, {"no branch"},
               [&] { switch_case(index, std::span<const BranchFunction>{}); });
}

/// [[0, 2, 0], [3, 0, 4]]
SparseValue small_matrix(Graph& graph, const Value& values) {
  SparseValue x = sparse_constant(
      graph, SparseTensor::of({2, 3}, Tensor::of<std::int64_t>({0, 1, 3}),
                              Tensor::of<std::int32_t>({1, 0, 2}), Tensor::of({2.0, 3.0, 4.0})));
  return values.has_value() ? with_values(x, values) : x;
}

TEST(SparseFunctions, ScaleAndSum) {
  Graph graph;
  const SparseValue x = small_matrix(graph, {});
  const auto value = [](const Value& v) { return numbers(evaluate_value(v)); };
  EXPECT_EQ(value(to_dense(x)), (Numbers{0, 2, 0, 3, 0, 4}));
  EXPECT_EQ(value(row_sums(x)), (Numbers{2, 7}));
  EXPECT_EQ(value(column_sums(x)), (Numbers{3, 2, 4}));
  EXPECT_EQ(value(entry_rows(x)), (Numbers{0, 1, 1}));
  const Value rows = constant(graph, Tensor::of({10.0, 100.0}));
  const Value columns = constant(graph, Tensor::of({1.0, 2.0, 3.0}));
  EXPECT_EQ(value(to_dense(scale_rows(x, rows))), (Numbers{0, 20, 0, 300, 0, 400}));
  EXPECT_EQ(value(to_dense(scale_columns(x, columns))), (Numbers{0, 4, 0, 3, 0, 12}));
  const Value dense = constant(graph, rows_of({1, 2, 3, 4, 5, 6}, 2));
  EXPECT_EQ(value(to_dense(multiply(x, dense))), (Numbers{0, 4, 0, 12, 0, 24}));
  EXPECT_EQ(value(add(x, dense)), (Numbers{1, 4, 3, 7, 5, 10}));
  expect_error(ErrorCode::shape_mismatch, {"scale_rows", "f64[2]", "f64[3]", "parts_test.cpp"},
               [&] { scale_rows(x, columns); });
  expect_error(ErrorCode::shape_mismatch, {"with_values", "[3]"}, [&] { with_values(x, rows); });
}

TEST(SparseFunctions, HaveGradients) {
  Graph graph;
  const Value values = input(graph, "values", f64, {3});
  const Value factors = input(graph, "factors", f64, {2});
  const SparseValue x = small_matrix(graph, values);
  const Value loss = sum(square(row_sums(scale_rows(x, factors))));  // (f0 a)^2 + (f1 (b + c))^2
  const auto slopes = gradients(loss, std::vector{values, factors});
  const std::map<std::string, Tensor, std::less<>> feeds{{"values", Tensor::of({2.0, 3.0, 4.0})},
                                                         {"factors", Tensor::of({5.0, 1.0})}};
  EXPECT_EQ(numbers(evaluate_value(slopes[0], {feeds.begin(), feeds.end()})), (Numbers{100, 14, 14}));
  EXPECT_EQ(numbers(evaluate_value(slopes[1], {feeds.begin(), feeds.end()})), (Numbers{40, 98}));
}

TEST(FakeQuantize, RoundsToStepsOfWhichOneIsZero) {
  const Tensor x = vector_of({-2, -0.9, 0, 0.2, 0.24, 0.26, 0.9, 5});
  const auto of = [](const Value& v) { return fake_quantize(v, -1.0, 0.75, {.bits = 3}); };  // steps of 1/4
  expect_near(numbers_of(of, x), {-1, -1, 0, 0.25, 0.25, 0.25, 0.75, 0.75});
  expect_near(slopes_of(of, x), {0, 1, 1, 1, 1, 1, 0, 0});
  const auto narrow = [](const Value& v) { return fake_quantize(v, -1.0, 1.0, {.bits = 2, .narrow = true}); };
  expect_near(numbers_of(narrow, x), {-1, -1, 0, 0, 0, 0, 1, 1});
  // [-0.1, 1] in three steps: 0 would lie between two of them, so that all are moved.
  const auto moved = [](const Value& v) { return fake_quantize(v, -0.1, 1.0, {.bits = 2}); };
  expect_near(numbers_of(moved, vector_of({-0.1, 0, 0.6, 2})), {0, 0, 2.2 / 3, 1.1}, 1e-12);
  expect_error(ErrorCode::invalid_argument, {"fake_quantize", "[0.5, 1]", "parts_test.cpp"},
               [&] { numbers_of([](const Value& v) { return fake_quantize(v, 0.5, 1.0); }, x); });
  expect_error(ErrorCode::invalid_argument, {"17"},
               [&] { numbers_of([](const Value& v) { return fake_quantize(v, -1, 1, {.bits = 17}); }, x); });
}

TEST(Draws, OfTriesHaveTheirMeanAndVariance) {
  Graph graph;
  const Value p = broadcast_to(constant(graph, 0.3), {20000});
  Session session(graph, {.seed = 5});
  const Function f = session.compile({.outputs = {random_binomial(p, 10)}});
  const Numbers drawn = numbers(f()[0]);
  double mean = 0.0;
  double square = 0.0;
  for (const double x : drawn) {
    EXPECT_EQ(x, std::floor(x));
    mean += x / 20000.0;
    square += x * x / 20000.0;
  }
  EXPECT_NEAR(mean, 3.0, 0.05);
  EXPECT_NEAR(square - mean * mean, 2.1, 0.1);
  EXPECT_NE(numbers(f()[0]), drawn);
  expect_error(ErrorCode::invalid_argument, {"random_binomial", "parts_test.cpp"},
               [&] { random_binomial(p, 0); });
}

TEST(Draws, OfClassesAddUp) {
  Graph graph;
  const Value logits = constant(graph, Tensor::of({0.0, std::log(2.0), std::log(5.0)}, {1, 3}));
  Session session(graph, {.seed = 5});
  const Function f = session.compile({.outputs = {random_multinomial(logits, 8000)}});
  const Tensor counts = f()[0];
  EXPECT_EQ(counts.dtype(), i64);
  const Numbers drawn = numbers(counts);
  EXPECT_EQ(drawn[0] + drawn[1] + drawn[2], 8000.0);
  EXPECT_NEAR(drawn[0], 1000.0, 150.0);
  EXPECT_NEAR(drawn[2], 5000.0, 200.0);
}

TEST(Draws, WithoutReplacementDiffer) {
  Graph graph;
  const double never = -std::numeric_limits<double>::infinity();
  const Value logits = constant(graph, Tensor::of({0.0, never, 0.0, 5.0}));
  const Value rows = broadcast_to(logits, {2000, 4});
  Session session(graph, {.seed = 5});
  const Tensor drawn = session.compile({.outputs = {random_choice(rows, 3)}})()[0];
  int first_is_last = 0;
  for (std::int64_t row = 0; row < 2000; ++row) {
    const auto of_row = drawn.rows(row, 1).values<std::int64_t>();
    EXPECT_EQ(std::set<std::int64_t>(of_row.begin(), of_row.end()), (std::set<std::int64_t>{0, 2, 3}));
    first_is_last += of_row[0] == 3 ? 1 : 0;
  }
  EXPECT_NEAR(first_is_last / 2000.0, std::exp(5.0) / (std::exp(5.0) + 2.0), 0.01);
}

TEST(Draws, HaveTheirCovariance) {
  Graph graph;
  const Value covariance = constant(graph, rows_of({4, 1, 1, 2}, 2));
  const Value many = broadcast_to(cholesky(covariance), {20000, 2, 2});
  Session session(graph, {.seed = 3});
  const Value drawn = random_multivariate_normal(many);
  const Value found = matmul(drawn, drawn, true) / 20000.0;
  const Numbers near = numbers(session.compile({.outputs = {found}})()[0]);
  const Numbers wanted{4, 1, 1, 2};
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(near[i], wanted[i], 0.15) << i;
  expect_error(ErrorCode::shape_mismatch, {"[..., n, n]", "parts_test.cpp"},
               [&] { random_multivariate_normal(constant(graph, Tensor::of({1.0, 2.0}))); });
}

}  // namespace
}  // namespace weft
