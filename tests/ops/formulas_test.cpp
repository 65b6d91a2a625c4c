// Functions that are made of several ops, by examples whose results are worked out by hand.

#include <gtest/gtest.h>

#include <cmath>

#include "weft/ops/calculus.h"
#include "weft/ops/compare.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/masks.h"
#include "weft/ops/matmul.h"
#include "weft/ops/patches.h"
#include "weft/ops/series.h"
#include "weft/ops/statistics.h"
#include "weft/ops/structure.h"
#include "weft/ops/watch.h"
#include "weft/runtime/session.h"
#include "weft/tests/ops/special_numbers.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/graph_numbers.h"

namespace weft {
namespace {

using testing_support::evaluate_value;
using testing_support::expect_error;
using testing_support::expect_near;
using testing_support::kInf;
using testing_support::kNaN;
using testing_support::numbers;
using testing_support::numbers_of;
using testing_support::slopes_of;
using testing_support::vector_of;

Tensor matrix(const std::vector<double>& values, std::int64_t rows) {
  const Tensor flat = vector_of(values);
  return flat.reshaped({rows, flat.elements() / rows});
}

TEST(Statistics, DescribeNumbers) {
  const Tensor x = matrix({3, 1, 2, 9, 4, 8}, 2);
  const auto of = [&](auto f) { return numbers_of([&](const Value& v) { return f(v); }, x); };
  expect_near(of([](const Value& v) { return peak_to_peak(v, {1}); }), {2, 5});
  expect_near(of([](const Value& v) { return median(v); }), {2, 8});
  expect_near(of([](const Value& v) { return quantile(v, 0.25); }), {1.5, 6});
  expect_near(of([](const Value& v) { return quantile(v, 1.0, 0); }), {9, 4, 8});
  expect_near(of([](const Value& v) { return covariance(v); }), {1, 2.5, 2.5, 7});
  expect_near(of([](const Value& v) { return covariance(v, 0.0); }), {2.0 / 3, 5.0 / 3, 5.0 / 3, 14.0 / 3});
  expect_near(of([](const Value& v) { return correlation(v); }),
              {1, 2.5 / std::sqrt(7), 2.5 / std::sqrt(7), 1});
  expect_near(slopes_of([](const Value& v) { return median(v); }, x), {0, 0, 1, 0, 0, 1});
  const Tensor gaps = vector_of({1, kNaN, 5});
  EXPECT_TRUE(std::isnan(numbers_of([](const Value& v) { return median(v); }, gaps)[0]));
  expect_near(numbers_of([](const Value& v) { return nan_sum(v); }, gaps), {6});
  expect_near(numbers_of([](const Value& v) { return nan_mean(v); }, gaps), {3});
  expect_near(slopes_of([](const Value& v) { return nan_mean(v); }, gaps), {0.5, 0, 0.5});
  expect_error(ErrorCode::invalid_argument, {"quantile", "0 <= q <= 1", "1.5", "formulas_test.cpp"},
               [&] { of([](const Value& v) { return quantile(v, 1.5); }); });
  expect_error(ErrorCode::shape_mismatch, {"covariance", "[variables, samples]", "formulas_test.cpp"},
               [&] { numbers_of([](const Value& v) { return covariance(v); }, gaps); });
}

TEST(Histogram, CountsWhatLiesInItsRange) {
  const Tensor x = matrix({0, 0.5, 1, 1.5, 2, 2.1, -0.1, kNaN}, 2);
  expect_near(numbers_of([](const Value& v) { return histogram(v, 2, 0, 2); }, x), {2, 3});
  expect_near(numbers_of([](const Value& v) { return histogram(v, 4, 0, 2); }, x), {1, 1, 1, 2});
  expect_error(ErrorCode::invalid_argument, {"histogram", "low < high", "formulas_test.cpp"},
               [&] { numbers_of([](const Value& v) { return histogram(v, 2, 1, 1); }, x); });
}

TEST(Calculus, TakesDifferencesAndSumsThem) {
  const Tensor x = vector_of({1, 4, 9, 16});
  expect_near(numbers_of([](const Value& v) { return diff(v); }, x), {3, 5, 7});
  expect_near(numbers_of([](const Value& v) { return diff(v, 2); }, x), {2, 2});
  expect_near(slopes_of([](const Value& v) { return diff(v); }, x), {-1, 0, 0, 1});
  expect_near(numbers_of([](const Value& v) { return trapezoid(v, 2.0); }, x), {43});
  const Tensor places = vector_of({0, 1, 3, 4});
  expect_near(numbers_of([](const Value& y, const Value& at) { return trapezoid(y, at); }, x, places), {28});
  expect_near(numbers_of([](const Value& v) { return polyval({2, 0, -1}, v); }, x), {1, 31, 161, 511});
  const auto line = [&](const Value& v) {
    return interpolate(v, constant(v.graph(), places), constant(v.graph(), x));
  };
  expect_near(numbers_of(line, vector_of({-1, 0, 0.5, 2, 4, 9})), {1, 1, 2.5, 6.5, 16, 16});
  expect_near(slopes_of(line, vector_of({-1, 0.5, 2, 9})), {0, 3, 2.5, 0});
}

TEST(Calculus, MultipliesVectorsAndBlocks) {
  const Tensor a = vector_of({1, 2, 3});
  const Tensor b = vector_of({4, 5, 7});
  expect_near(numbers_of([](const Value& u, const Value& v) { return cross(u, v); }, a, b), {-1, 5, -3});
  expect_near(numbers_of([](const Value& u, const Value& v) { return kron(u, v); }, matrix({1, 2}, 1),
                         matrix({1, 3}, 2)),
              {1, 2, 3, 6});
  const auto apart = [](double p) {
    return numbers_of([p](const Value& u, const Value& v) { return distances(u, v, p); },
                      matrix({0, 0, 3, 4}, 2), matrix({0, 0}, 1));
  };
  expect_near(apart(2.0), {0, 5});
  expect_near(apart(1.0), {0, 7});
  expect_near(apart(3.0), {0, std::cbrt(91.0)});
  for (const double p : {1.0, 2.0, 3.0}) {
    const auto slopes =
        slopes_of([p](const Value& u) { return distances(u, slice(u, 0, 0, 1), p); }, matrix({1, 1}, 1));
    expect_near(slopes, {0, 0});
  }
}

TEST(Masks, SayWhatIsCloseAndChoose) {
  const Tensor a = vector_of({1, 1, kInf, kInf, kNaN});
  const Tensor b = vector_of({1 + 1e-6, 1.1, kInf, 1, kNaN});
  const auto close = [&](bool nan) {
    return numbers_of([nan](const Value& u, const Value& v) { return isclose(u, v, 1e-5, 1e-8, nan); }, a, b);
  };
  expect_near(close(false), {1, 0, 1, 0, 0});
  expect_near(close(true), {1, 0, 1, 0, 1});
  expect_near(numbers_of([](const Value& u, const Value& v) { return allclose(u, v); }, a, a), {0});
  expect_near(numbers_of(
                  [](const Value& v) {
                    return select(std::vector{v > 2.0, v > 1.0}, std::vector{v * 10.0, v * 100.0}, 0.0);
                  },
                  vector_of({1, 2, 3})),
              {0, 200, 30});
  expect_near(numbers_of([](const Value& v) { return sequence_mask(cast(v, i64), 3); }, vector_of({0, 2, 5})),
              {0, 0, 0, 1, 1, 0, 1, 1, 1});
}

TEST(BooleanMask, TakesRowsAndTheirGradients) {
  const Tensor x = matrix({1, 2, 3, 4, 5, 6}, 3);
  const auto kept = [](const Value& v) { return boolean_mask(v, slice(v, 1, 0, 1) > 2.0, 3); };
  expect_error(ErrorCode::shape_mismatch, {"boolean_mask", "bool[3]", "formulas_test.cpp"},
               [&] { numbers_of([&](const Value& v) { return kept(v).rows; }, x); });
  const auto rows = [](const Value& v) { return boolean_mask(v, reshape(slice(v, 1, 0, 1) > 2.0, {3}), 3); };
  expect_near(numbers_of([&](const Value& v) { return rows(v).rows; }, x), {3, 4, 5, 6, 0, 0});
  expect_near(numbers_of([&](const Value& v) { return rows(v).count; }, x), {2});
  expect_near(slopes_of([&](const Value& v) { return rows(v).rows; }, x), {0, 0, 1, 1, 1, 1});
}

TEST(Structure, TurnsAndMeshes) {
  const Tensor x = matrix({1, 2, 3, 4, 5, 6}, 2);
  const auto turned = [&](std::int64_t times) {
    return numbers_of([times](const Value& v) { return rot90(v, times); }, x);
  };
  expect_near(turned(1), {3, 6, 2, 5, 1, 4});
  expect_near(turned(2), {6, 5, 4, 3, 2, 1});
  expect_near(turned(-1), {4, 1, 5, 2, 6, 3});
  expect_near(turned(4), {1, 2, 3, 4, 5, 6});
  expect_near(numbers_of([](const Value& v) { return swap_axes(v, 0, -1); }, x), {1, 4, 2, 5, 3, 6});
  Graph graph;
  const auto grids = mesh_grid(std::vector{arange(graph, 0, 2), arange(graph, 5, 8)});
  expect_near(numbers(evaluate_value(grids[0])), {0, 0, 0, 1, 1, 1});
  expect_near(numbers(evaluate_value(grids[1])), {5, 6, 7, 5, 6, 7});
}

TEST(Patches, AreWhatAConvolutionMultiplies) {
  Graph graph;
  const Value x = reshape(arange(graph, 0, 48, 1, f64), {1, 2, 4, 6});
  const Value w = reshape(arange(graph, 0, 36, 1, f64), {3, 2, 2, 3});
  const Conv2dOptions options{.stride = {2, 1}, .padding = {1, 0, 2, 1}, .dilation = {1, 2}};
  const Value expected = conv2d(x, w, options);
  const Value patches = unfold2d(x, {2, 3}, options);
  const Value product = matmul(reshape(w, {3, 12}), patches);
  expect_near(numbers(evaluate_value(reshape(product, expected.shape()))), numbers(evaluate_value(expected)));
  const Dim places = patches.shape()[2];
  const Value same = broadcast_to(expand_dims(transpose(reshape(w, {3, 12})), 0), {places, 12, 3});
  expect_near(numbers(evaluate_value(local_conv2d(x, same, {2, 3}, options))),
              numbers(evaluate_value(expected)));
  expect_error(ErrorCode::invalid_argument, {"unfold2d", "groups = 1", "formulas_test.cpp"},
               [&] { unfold2d(x, 2, {.groups = 2}); });
}

TEST(Ensure, StopsTheRunWithItsMessage) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"n"});
  const Value total = parameter(graph, "total", Tensor::of({0.0F}, {1}));
  const Value checked = ensure(x, x > 0.0, "rates are positive");
  const Value sum_of = reshape(sum(checked), {1});
  Session session(graph);
  Function add =
      session.compile({.inputs = {x}, .outputs = {checked}, .updates = {assign(total, total + sum_of)}});
  expect_near(numbers(add({Tensor::of({1.0F, 2.0F}, {2})})[0]), {1, 2});
  expect_error(ErrorCode::numeric, {"rates are positive", "false at element 1 of 3", "formulas_test.cpp"},
               [&] { add({Tensor::of({1.0F, -2.0F, 0.0F}, {3})}); });
  EXPECT_EQ(session.value(total).item<float>(), 3.0F);
  expect_near(slopes_of([](const Value& v) { return square(ensure(v, v > 0.0, "")); }, vector_of({1, 2})),
              {2, 4});
}

TEST(Show, WritesALineInEachRun) {
  Graph graph;
  const Value w = parameter(graph, "w", Tensor::of({1.5F, -2.0F}, {2}));
  const Value x = input(graph, "x", f32, {"n"});
  const Value seen = show(x, "x");
  Session session(graph);
  Function run = session.compile({.inputs = {x}, .outputs = {square(seen), show(w * 2.0, "twice w")}});
  testing::internal::CaptureStderr();
  run({Tensor::of({3.0F, 4.0F}, {2})});
  run({Tensor::of({9.0F, 1.0F, 2.0F, 3.0F, 4.0F, 5.0F, 6.0F, 7.0F, 8.0F, 0.0F}, {10})});
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_NE(text.find("x: f32[2] 3 4\n"), std::string::npos) << text;
  EXPECT_NE(text.find("x: f32[10] 9 1 2 3 4 5 6 7 ..., least 0, largest 9\n"), std::string::npos) << text;
  const auto first = text.find("twice w: f32[2] 3 -4\n");
  ASSERT_NE(first, std::string::npos) << text;
  EXPECT_NE(text.find("twice w: f32[2] 3 -4\n", first + 1), std::string::npos) << text;
}

}  // namespace
}  // namespace weft
