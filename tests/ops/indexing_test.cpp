// Elements by index, scatters, segments and orders: equal indices, ties, NaNs, empty axes, indices outside.

#include "weft/ops/indexing.h"

#include <gtest/gtest.h>

#include "weft/ops/layout.h"
#include "weft/ops/sorting.h"
#include "weft/ops/structure.h"
#include "weft/ops/unique.h"
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
using Numbers = std::vector<double>;

Tensor matrix() { return vector_of({1, 2, 3, 4, 5, 6}).reshaped({2, 3}); }
Value whole(const Value& like, const Numbers& values, const std::vector<std::int64_t>& sizes) {
  return constant(like.graph(), vector_of(values, i64).reshaped(sizes));
}

TEST(TakeAlongAxis, PicksAnElementInEachRow) {
  const auto picked = [](const Value& x) { return take_along_axis(x, whole(x, {2, 0, 0, 0}, {2, 2}), 1); };
  expect_near(numbers_of(picked, matrix()), {3, 1, 4, 4});
  expect_near(slopes_of(picked, matrix()), {1, 0, 1, 2, 0, 0});
  const auto down = [](const Value& x) { return take_along_axis(x, whole(x, {1, 0, 1}, {1, 3}), 0); };
  expect_near(numbers_of(down, matrix()), {4, 2, 6});
}

TEST(TakeAlongAxis, NamesTheIndexThatIsOutside) {
  expect_error(ErrorCode::out_of_range, {"index 3 at position 1", "[0, 3)"}, [] {
    numbers_of([](const Value& x) { return take_along_axis(x, whole(x, {0, 3}, {2, 1})); }, matrix());
  });
}

TEST(Take, ReplacesAnAxisByThoseOfTheIndices) {
  const auto columns = [](const Value& x) { return take(x, whole(x, {2, 2, 0, 1}, {2, 2}), 1); };
  expect_near(numbers_of(columns, matrix()), {3, 3, 1, 2, 6, 6, 4, 5});
  expect_near(slopes_of(columns, matrix()), {1, 1, 2, 1, 1, 2});
  Graph graph;
  const Value x = input(graph, "x", f32, {"n", 5, 7});
  EXPECT_EQ(to_string(take(x, whole(x, {0, 1}, {1, 2}), 1).shape()), "[n, 1, 2, 7]");
}

TEST(GatherNd, TakesElementsAndSlices) {
  const auto elements = [](const Value& x) { return gather_nd(x, whole(x, {1, 2, 0, 0}, {2, 2})); };
  expect_near(numbers_of(elements, matrix()), {6, 1});
  const auto rows = [](const Value& x) { return gather_nd(x, whole(x, {1, 1, 0}, {3, 1})); };
  expect_near(numbers_of(rows, matrix()), {4, 5, 6, 4, 5, 6, 1, 2, 3});
  expect_near(slopes_of(rows, matrix()), {1, 1, 1, 2, 2, 2});
  expect_error(ErrorCode::out_of_range, {"index 2 at position 0", "[0, 2) for axis 0"}, [] {
    numbers_of([](const Value& x) { return gather_nd(x, whole(x, {2, 0}, {1, 2})); }, matrix());
  });
}

struct ScatterRow {
  Reduction reduction;
  Numbers result;  // of {1, 2, 3, 4} with {5, 6, 0.5} at 1, 1, 3
  Numbers base_slope;
  Numbers update_slope;
};

TEST(Scatter, BringsUpdatesTogetherAndDifferentiatesThem) {
  const std::vector<ScatterRow> rows{
      {Reduction::set, {1, 6, 3, 0.5}, {1, 0, 1, 0}, {0, 1, 1}},
      {Reduction::add, {1, 13, 3, 4.5}, {1, 1, 1, 1}, {1, 1, 1}},
      {Reduction::mul, {1, 60, 3, 2}, {1, 30, 1, 0.5}, {12, 10, 4}},
      {Reduction::min, {1, 2, 3, 0.5}, {1, 1, 1, 0}, {0, 0, 1}},
      {Reduction::max, {1, 6, 3, 4}, {1, 0, 1, 1}, {0, 1, 0}},
  };
  const Tensor base = vector_of({1, 2, 3, 4});
  const Tensor updates = vector_of({5, 6, 0.5});
  for (const ScatterRow& row : rows) {
    SCOPED_TRACE(attribute_text(row.reduction));
    const auto along = [&](const Value& x, const Value& u) {
      return scatter(x, whole(x, {1, 1, 3}, {3}), u, 0, row.reduction);
    };
    const auto by_tuples = [&](const Value& x, const Value& u) {
      return scatter_nd(x, whole(x, {1, 1, 3}, {3, 1}), u, row.reduction);
    };
    Numbers slopes = row.base_slope;
    slopes.insert(slopes.end(), row.update_slope.begin(), row.update_slope.end());
    expect_near(numbers_of(along, base, updates), row.result);
    expect_near(numbers_of(by_tuples, base, updates), row.result);
    expect_near(slopes_of(along, base, updates), slopes);
    expect_near(slopes_of(by_tuples, base, updates), slopes);
  }
}

TEST(Scatter, HasTheGradientOfAProductWithZerosAndOfTies) {
  const auto product = [](const Value& x, const Value& u) {
    return scatter(x, whole(x, {0, 0, 1, 1}, {4}), u, 0, Reduction::mul);
  };
  expect_near(slopes_of(product, vector_of({2, 0}), vector_of({0, 3, 4, 0})), {0, 0, 6, 0, 0, 0});
  const auto largest = [](const Value& x, const Value& u) {
    return scatter(x, whole(x, {0, 0}, {2}), u, 0, Reduction::max);
  };
  expect_near(slopes_of(largest, vector_of({2, 1}), vector_of({2, 1})), {0.5, 1, 0.5, 0});
}

TEST(Scatter, HasTheGradientOfAProductThatHasNoRoom) {
  const auto product = [](const Value& x) { return segment_prod(x, whole(x, {0, 0, 0}, {3}), 1); };
  const auto slopes = slopes_of(product, vector_of({1e-30, 2e-30, 1e20}, f32));
  EXPECT_NEAR(slopes[0] / 2e-10, 1.0, 1e-6);
  EXPECT_NEAR(slopes[1] / 1e-10, 1.0, 1e-6);
  EXPECT_EQ(slopes[2], 0.0);
  const auto large = slopes_of(product, vector_of({1e-30, 1e25, 1e25}, f32));
  EXPECT_NEAR(large[1] / 1e-5, 1.0, 1e-6);
  expect_near(numbers_of(product, vector_of({1e-30, 1e-30, 1e30}, f32)), {1e-30}, 1e-36);
}

TEST(Scatter, HasTheSecondGradientOfAProductWithZeros) {
  const auto product = [](const Value& x, const Value& u) {
    return sum(scatter(x, whole(x, {0, 0, 0}, {3}), u, 0, Reduction::mul));
  };
  // Of a b c d the derivative with respect to a b is c d.
  for (const Numbers& factors : std::vector<Numbers>{
           {2, 3, 5, 7}, {0, 3, 5, 7}, {2, 0, 5, 7}, {0, 0, 5, 7}, {2, 0, 0, 7}, {0, 0, 0, 7}}) {
    Graph graph;
    const Value x = constant(graph, vector_of({factors[0]}));
    const Value u = constant(graph, vector_of({factors[1], factors[2], factors[3]}));
    const auto first = gradients(product(x, u), std::vector{x, u});
    const Value of_first_factor = first[0];
    const Value of_second_factor = slice(first[1], 0, 0, 1);
    const auto second = [&](const Value& slope, const Value& by) {
      return numbers(evaluate_value(gradient(sum(slope), by, Unconnected::zeros)));
    };
    const auto rest = [&](std::size_t i, std::size_t j) {
      double others = i == j ? 0.0 : 1.0;
      for (std::size_t k = 0; k < 4; ++k) others *= k == i || k == j ? 1.0 : factors[k];
      return others;
    };
    expect_near(second(of_first_factor, x), {rest(0, 0)});
    expect_near(second(of_first_factor, u), {rest(0, 1), rest(0, 2), rest(0, 3)});
    expect_near(second(of_second_factor, x), {rest(1, 0)});
    expect_near(second(of_second_factor, u), {rest(1, 1), rest(1, 2), rest(1, 3)});
  }
}

TEST(Scatter, KeepsTheDigitsOfLongSums) {
  Graph graph;
  const Value base = constant(graph, vector_of({16777216}, f32));  // 2^24: adding 1 in f32 changes nothing
  const Value ones = constant(graph, vector_of({1, 1, 1, 1}, f32));
  const Value indices = constant(graph, Tensor::of<std::int64_t>({0, 0, 0, 0}));
  EXPECT_EQ(numbers(evaluate_value(scatter(base, indices, ones, 0, Reduction::add))), (Numbers{16777220}));
}

TEST(Scatter, TakesIntegersAndLeavesTheBaseAlone) {
  const auto added = [](const Value& x, const Value& u) { return scatter(x, u, u, 0, Reduction::add); };
  expect_near(numbers_of(added, vector_of({10, 20, 30}, i32), vector_of({1, 1}, i32)), {10, 22, 30});
}

TEST(Segments, ReduceRowsByTheirNumber) {
  const Tensor x = vector_of({1, 2, 3, 4, 5, 6}).reshaped({3, 2});
  const auto by = [&](Value (*f)(const Operand&, const Operand&, const Dim&)) {
    return numbers_of([&](const Value& v) { return f(v, whole(v, {2, 0, 2}, {3}), 3); }, x);
  };
  expect_near(by(segment_sum), {3, 4, 0, 0, 6, 8});
  expect_near(by(segment_mean), {3, 4, 0, 0, 3, 4});
  expect_near(by(segment_prod), {3, 4, 1, 1, 5, 12});
  expect_near(by(segment_max), {3, 4, -kInf, -kInf, 5, 6});
  expect_near(by(segment_min), {3, 4, kInf, kInf, 1, 2});
  expect_near(slopes_of([](const Value& v) { return segment_mean(v, whole(v, {2, 0, 2}, {3}), 3); }, x),
              {0.5, 0.5, 1, 1, 0.5, 0.5});
}

TEST(BinCount, CountsOrAddsWeights) {
  const Tensor x = vector_of({1, 3, 1}, i32);
  expect_near(numbers_of([](const Value& v) { return bincount(v, 5); }, x), {0, 2, 0, 1, 0});
  const auto weighted = [](const Value& v) {
    return bincount(v, 4, constant(v.graph(), vector_of({0.5, 2, 1})));
  };
  expect_near(numbers_of(weighted, x), {0, 1.5, 0, 2});
  expect_error(ErrorCode::out_of_range, {"3"},
               [&] { numbers_of([](const Value& v) { return bincount(v, 3); }, x); });
}

TEST(Sort, OrdersWithNaNsLastAndEqualsInTheirOrder) {
  const Tensor x = vector_of({2, kNaN, -1, 2, -kInf});
  expect_near(numbers_of([](const Value& v) { return sort(v); }, x), {-kInf, -1, 2, 2, kNaN});
  expect_near(numbers_of([](const Value& v) { return argsort(v); }, x), {4, 2, 0, 3, 1});
  expect_near(numbers_of([](const Value& v) { return sort(v, 0, true); }, x), {kNaN, 2, 2, -1, -kInf});
  expect_near(numbers_of([](const Value& v) { return argsort(v, 0, true); }, x), {1, 0, 3, 2, 4});
  expect_near(numbers_of([](const Value& v) { return argsort(v); }, vector_of({0, -0.0, 0})), {0, 1, 2});
  expect_near(numbers_of([](const Value& v) { return sort(v, 0); }, vector_of({4, 1, 2, 3}).reshaped({2, 2})),
              {2, 1, 4, 3});
  expect_near(numbers_of([](const Value& v) { return sort(v); }, Tensor::zeros(f32, {3, 0})), {});
}

TEST(Sort, SendsTheGradientBackToWhereEachStood) {
  const auto weighted = [](const Value& v) { return sort(v) * constant(v.graph(), vector_of({1, 10, 100})); };
  expect_near(slopes_of(weighted, vector_of({5, 1, 3})), {100, 1, 10});
}

TEST(TopK, GivesTheLargestOrTheSmallest) {
  const Tensor x = vector_of({3, 9, kNaN, 9, 1});
  expect_near(numbers_of([](const Value& v) { return top_k(v, 3).values; }, x), {kNaN, 9, 9});
  expect_near(numbers_of([](const Value& v) { return top_k(v, 3).indices; }, x), {2, 1, 3});
  expect_near(numbers_of([](const Value& v) { return top_k(v, 2, 0, false).values; }, x), {1, 3});
  expect_near(numbers_of([](const Value& v) { return top_k(v, 0).values; }, x), {});
  expect_near(slopes_of([](const Value& v) { return top_k(v, 2).values; }, vector_of({3, 9, 1})), {1, 1, 0});
  Graph graph;
  const Value short_row = input(graph, "x", f32, {2});
  expect_error(ErrorCode::out_of_range, {"top_k", "k in [0, 2]", "indexing_test.cpp"},
               [&] { top_k(short_row, 3); });
}

TEST(SearchSorted, FindsThePlaceBeforeOrAfterEquals) {
  const Tensor sorted = vector_of({1, 2, 2, 5});
  const Tensor values = vector_of({0, 2, 5, 9, kNaN});
  const auto left = [](const Value& s, const Value& v) { return searchsorted(s, v); };
  const auto right = [](const Value& s, const Value& v) { return searchsorted(s, v, true); };
  expect_near(numbers_of(left, sorted, values), {0, 1, 3, 4, 4});
  expect_near(numbers_of(right, sorted, values), {0, 3, 4, 4, 4});
  expect_near(numbers_of(left, Tensor::zeros(f64, {0}), values), {0, 0, 0, 0, 0});
}

TEST(NonZero, ListsPlacesUpToItsSizeAndCountsThem) {
  const Tensor x = Tensor::of<bool>({false, true, true, false, false, true}).reshaped({2, 3});
  expect_near(numbers_of([](const Value& v) { return nonzero(v, 4).indices; }, x), {0, 1, 0, 2, 1, 2, 0, 0});
  expect_near(numbers_of([](const Value& v) { return nonzero(v, 4).count; }, x), {3});
  expect_error(ErrorCode::out_of_range, {"stated size", "at most 2", "3"},
               [&] { numbers_of([](const Value& v) { return nonzero(v, 2).count; }, x); });
  Graph graph;
  const Value number = input(graph, "x", f32, {2});
  expect_error(ErrorCode::dtype_mismatch, {"nonzero", "compare with 0", "indexing_test.cpp"},
               [&] { nonzero(number, 2); });
}

TEST(Unique, ListsValuesOnceWithTheirPlaces) {
  const Tensor x = vector_of({3, kNaN, -1, 3, kNaN, 3});
  expect_near(numbers_of([](const Value& v) { return unique(v, 4).values; }, x), {-1, 3, kNaN, 0});
  expect_near(numbers_of([](const Value& v) { return unique(v, 4).inverse; }, x), {1, 2, 0, 1, 2, 1});
  expect_near(numbers_of([](const Value& v) { return unique(v, 4).counts; }, x), {1, 3, 2, 0});
  expect_near(numbers_of([](const Value& v) { return unique(v, 4).count; }, x), {3});
  expect_error(ErrorCode::out_of_range, {"at most 2"},
               [&] { numbers_of([](const Value& v) { return unique(v, 2).values; }, x); });
  expect_near(numbers_of([](const Value& v) { return unique(v, 1).values; }, Tensor::zeros(i32, {0})), {0});
}

}  // namespace
}  // namespace weft
