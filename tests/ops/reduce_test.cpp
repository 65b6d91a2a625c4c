#include "weft/ops/reduce.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <tuple>

#include "weft/autodiff/gradients.h"
#include "weft/ops/layout.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"
#include "weft/tests/ops/special_numbers.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::evaluate_value;
using testing_support::expect_error;
using testing_support::kInf;
using testing_support::kNaN;
using testing_support::numbers;
using Numbers = std::vector<double>;

struct ReductionRow {
  Axes axes;
  bool keep_dims;
  Shape shape;
  Numbers sum;
  Numbers max;
};

/// Reductions of {{{1, 2}, {3, 4}, {5, 6}}}, of shape [1, 3, 2].
const std::vector<ReductionRow>& rows() {
  static const std::vector<ReductionRow> table = {
      {{}, false, {}, {21}, {6}},
      {{}, true, {1, 1, 1}, {21}, {6}},
      {{0}, false, {3, 2}, {1, 2, 3, 4, 5, 6}, {1, 2, 3, 4, 5, 6}},
      {{1}, false, {1, 2}, {9, 12}, {5, 6}},
      {{1}, true, {1, 1, 2}, {9, 12}, {5, 6}},
      {{-1}, false, {1, 3}, {3, 7, 11}, {2, 4, 6}},
      {{-1, 0}, false, {3}, {3, 7, 11}, {2, 4, 6}},
      {{0, 1, 2}, false, {}, {21}, {6}},
  };
  return table;
}

TEST(SumMeanAndMax, ReduceTheAxesThatTheyAreGiven) {
  for (const ReductionRow& row : rows()) {
    for (const DType dtype : {f32, f64, i32, i64, u8}) {
      SCOPED_TRACE(attribute_text(row.axes) + " of " + std::string(name_of(dtype)));
      Graph graph;
      const Value x = cast(constant(graph, Tensor::of<double>({1, 2, 3, 4, 5, 6}, {1, 3, 2})), dtype);
      const Value total = sum(x, row.axes, row.keep_dims);
      const Value largest = max(x, row.axes, row.keep_dims);
      EXPECT_EQ(total.type(), (TensorType{dtype, row.shape}));
      EXPECT_EQ(largest.type(), total.type());
      EXPECT_EQ(numbers(evaluate_value(total)), row.sum);
      EXPECT_EQ(numbers(evaluate_value(largest)), row.max);
      if (!is_float(dtype)) continue;
      const double repeated = 6.0 / static_cast<double>(row.sum.size());
      const Tensor average = evaluate_value(mean(x, row.axes, row.keep_dims));
      for (std::size_t i = 0; i < row.sum.size(); ++i) {
        EXPECT_NEAR(numbers(average)[i], row.sum[i] / repeated, 1e-6);
      }
    }
  }
}

TEST(SumMeanAndMax, KeepSymbolsThatAreNotReduced) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 3});
  EXPECT_EQ(sum(x, {1}).shape(), (Shape{"batch"}));
  EXPECT_EQ(mean(x, {0}).shape(), (Shape{3}));
  EXPECT_EQ(max(x, {1}, true).shape(), (Shape{"batch", 1}));
  const Value average = mean(x);
  EXPECT_EQ(average.shape(), Shape{});
  const Tensor fed = Tensor::of<float>({1, 2, 3, 4, 5, 6}, {2, 3});
  EXPECT_EQ(numbers(evaluate_value(average, {{"x", fed}}, {{"batch", 2}})), Numbers{3.5});
}

TEST(SumMeanAndMax, RejectAxesThatDoNotExistOrComeTwice) {
  Graph graph;
  const Value x = input(graph, "x", f32, {2, 3});
  const auto reductions = {&sum, &mean, &max};
  for (const auto f : reductions) {
    expect_error(ErrorCode::invalid_argument, {"axis", "[-2, 2)", "got 2", "reduce_test.cpp"},
                 [&] { f(x, {2}, false); });
    expect_error(ErrorCode::invalid_argument, {"axis comes twice"}, [&] { f(x, {0, -2}, false); });
  }
}

TEST(SumMeanAndMax, RejectDTypesThatTheyHaveNoMeaningFor) {
  Graph graph;
  const Value bools = input(graph, "b", boolean, {2});
  expect_error(ErrorCode::dtype_mismatch, {"sum", "cast a bool", "bool[2]"}, [&] { sum(bools); });
  expect_error(ErrorCode::dtype_mismatch, {"max", "no kernel for bool"}, [&] { max(bools); });
  expect_error(ErrorCode::dtype_mismatch, {"mean", "floating point", "i32[2]"},
               [&] { mean(input(graph, "i", i32, {2})); });
}

/// The mean of x and its gradient with respect to x, over axes, by the reference and by a session.
std::array<std::vector<Numbers>, 2> means_and_slopes(const Tensor& x, const Axes& axes) {
  Graph graph;
  const Value in = input(graph, "x", x.dtype(), Shape::of(x.sizes()));
  const Value y = mean(in, axes);
  const std::vector<Value> both{y, gradient(sum(y), in)};
  Session session(graph);
  const auto run = session.compile({.inputs = {in}, .outputs = both})({x});
  const auto reference = testing_support::evaluate_values(both, {{"x", x}});
  return {{{numbers(reference[0]), numbers(reference[1])}, {numbers(run[0]), numbers(run[1])}}};
}

TEST(Mean, OfTheLargestNumbersIsOneOfThem) {
  for (const DType dtype : {f32, f64}) {
    const double largest = dtype == f32 ? 3e38 : 1.7e308;
    for (const std::int64_t rows : {3, 300}) {
      Graph graph;
      const Tensor x = evaluate_value(
          broadcast_to(constant(graph, Tensor::of<double>({largest, largest / 2, 0.0})), {rows, 4, 3}));
      const Tensor fed = evaluate_value(cast(constant(graph, x), dtype));
      const auto count = static_cast<double>(rows);
      for (const auto& [axes, first, slope] :
           std::vector<std::tuple<Axes, double, double>>{{{0}, largest, 1 / count},
                                                         {{0, 1}, largest, 1 / (4 * count)},
                                                         {{0, 2}, largest / 2, 1 / (3 * count)}}) {
        for (const auto& way : means_and_slopes(fed, axes)) {
          EXPECT_NEAR(way[0][0] / first, 1.0, 1e-7) << name_of(dtype) << " over " << attribute_text(axes);
          EXPECT_NEAR(way[1][0], slope, 1e-7);
        }
      }
    }
    Graph graph;
    const Value row =
        cast(constant(graph, Tensor::of<double>({largest, largest, largest, 0.0}, {1, 4})), dtype);
    for (const auto& way : means_and_slopes(evaluate_value(row), {1})) {
      EXPECT_NEAR(way[0][0] / largest, 0.75, 1e-7);
      EXPECT_EQ(way[1], (Numbers{0.25, 0.25, 0.25, 0.25}));
    }
  }
}

TEST(Mean, KeepsNaNsAndInfinities) {
  for (const auto& way :
       means_and_slopes(Tensor::of<float>({1, 2, std::nanf(""), 4, HUGE_VALF, 2}, {2, 3}), {0})) {
    EXPECT_EQ(way[0][0], 2.5);
    EXPECT_EQ(way[0][1], kInf);
    EXPECT_TRUE(std::isnan(way[0][2]));
  }
}

TEST(Sum, IsZeroOfNoElements) {
  Graph graph;
  const Value x = constant(graph, Tensor::zeros(f64, {2, 0}));
  EXPECT_EQ(numbers(evaluate_value(sum(x, {1}))), (Numbers{0, 0}));
  EXPECT_EQ(numbers(evaluate_value(sum(x))), Numbers{0});
  EXPECT_EQ(evaluate_value(sum(x, {0})).elements(), 0);
  EXPECT_TRUE(std::isnan(evaluate_value(mean(x)).item<double>()));
}

TEST(Sum, AddsFloatsUpInDoublePrecision) {
  Graph graph;
  Tensor tensor = Tensor::uninitialized(f32, {1 << 20});
  std::ranges::fill(tensor.mutable_values<float>(), 0.1F);
  const double total = numbers(evaluate_value(sum(constant(graph, tensor))))[0];
  EXPECT_NEAR(total, static_cast<double>(0.1F) * (1 << 20), 0.01);
}

TEST(Sum, AddsIntegersUpIn64Bits) {
  Graph graph;
  const Value big = constant(graph, Tensor::of<std::int64_t>({1LL << 53, 1, 1}));
  EXPECT_EQ(evaluate_value(sum(big)).item<std::int64_t>(), (1LL << 53) + 2);
  const Value back = constant(graph, Tensor::of<std::int32_t>({2000000000, 2000000000, -2000000000}));
  EXPECT_EQ(evaluate_value(sum(back)).item<std::int32_t>(), 2000000000);
}

TEST(Max, KeepsNaNAndInfinities) {
  Graph graph;
  const auto largest = [&](std::initializer_list<double> values) {
    return evaluate_value(max(constant(graph, Tensor::of<double>(values)))).item<double>();
  };
  EXPECT_TRUE(std::isnan(largest({1, kNaN, 5})));
  EXPECT_TRUE(std::isnan(largest({kNaN, 1})));
  EXPECT_EQ(largest({-kInf, -kInf}), -kInf);
  EXPECT_EQ(largest({kInf, 1}), kInf);
  EXPECT_EQ(largest({-3, -2}), -2);
}

TEST(Max, IsTheLowestNumberOfNoElements) {
  Graph graph;
  EXPECT_EQ(evaluate_value(max(constant(graph, Tensor::zeros(f32, {0})))).item<float>(), -kInf);
  EXPECT_EQ(evaluate_value(max(constant(graph, Tensor::zeros(i32, {0})))).item<std::int32_t>(),
            std::numeric_limits<std::int32_t>::lowest());
}

TEST(ArgMax, GivesTheFirstOfEqualsAlongItsAxis) {
  for (const DType dtype : {f32, f64, i32, i64, u8}) {
    Graph graph;
    const Value x = cast(constant(graph, Tensor::of<double>({1, 5, 5, 9, 2, 9}, {2, 3})), dtype);
    EXPECT_EQ(argmax(x).type(), (TensorType{i64, {2}}));
    EXPECT_EQ(numbers(evaluate_value(argmax(x))), (Numbers{1, 0}));
    EXPECT_EQ(numbers(evaluate_value(argmax(x, 0))), (Numbers{1, 0, 1}));
    EXPECT_EQ(numbers(evaluate_value(argmax(x, -2))), (Numbers{1, 0, 1}));
  }
}

TEST(ArgMax, PointsAtTheFirstNaNAsMaxGivesIt) {
  const double nan = std::nan("");
  for (const auto& [row, at] : std::vector<std::pair<std::vector<double>, double>>{
           {{3, nan, 1, 5}, 1}, {{nan, 1, 2, nan}, 0}, {{1, 2, nan, nan}, 2}, {{-1, -2, -1, -3}, 0}}) {
    Graph graph;
    const Value x = constant(graph, Tensor::of(std::span<const double>(row), std::vector<std::int64_t>{4}));
    EXPECT_EQ(numbers(evaluate_value(argmax(x))), std::vector<double>{at});
    const double largest = numbers(evaluate_value(max(x)))[0];
    const double pointed = row[static_cast<std::size_t>(at)];
    EXPECT_TRUE(largest == pointed || (std::isnan(largest) && std::isnan(pointed)));
  }
}

TEST(ArgMax, GoesAlongAMiddleAxis) {
  Graph graph;
  const Value x = constant(graph, Tensor::of<double>({1, 8, 3, 2, 5, 4, 9, 0, 7, 6, 1, 2}, {2, 3, 2}));
  EXPECT_EQ(numbers(evaluate_value(argmax(x, 1))), (Numbers{2, 0, 0, 1}));
}

TEST(ArgMax, RejectsAnAxisWithoutElementsAndOneThatDoesNotExist) {
  Graph graph;
  expect_error(ErrorCode::shape_mismatch, {"argmax", "no elements", "f32[2, 0]"},
               [&] { argmax(input(graph, "x", f32, {2, 0})); });
  expect_error(ErrorCode::invalid_argument, {"argmax", "axis"}, [&] { argmax(input(graph, "s", f32, {})); });
  expect_error(ErrorCode::dtype_mismatch, {"argmax", "no kernel for bool"},
               [&] { argmax(input(graph, "b", boolean, {2})); });
  const Value late = argmax(input(graph, "late", f32, {"n"}));
  expect_error(ErrorCode::shape_mismatch, {"no elements"},
               [&] { evaluate_value(late, {{"late", Tensor::zeros(f32, {0})}}, {{"n", 0}}); });
}

TEST(Count, IsTheNumberOfElementsThatAReductionJoins) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"n", 3});
  const Value rows = apply(Count{.axes = {0}, .dtype = f32}, x);
  const Value all = apply(Count{.axes = {}, .dtype = i64}, x);
  const testing_support::Feeds feeds{{"x", Tensor::zeros(f32, {5, 3})}};
  EXPECT_EQ(evaluate_value(rows, feeds, {{"n", 5}}).item<float>(), 5.0F);
  EXPECT_EQ(evaluate_value(all, feeds, {{"n", 5}}).item<std::int64_t>(), 15);
}

}  // namespace
}  // namespace weft
