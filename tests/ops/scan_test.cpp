// Reductions beside sums, and scans: empty axes, NaNs, ties, zeros among factors.

#include "weft/ops/scan.h"

#include <gtest/gtest.h>

#include "weft/ops/folds.h"
#include "weft/ops/layout.h"
#include "weft/tests/ops/special_numbers.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/graph_numbers.h"

namespace weft {
namespace {

using testing_support::expect_error;
using testing_support::expect_near;
using testing_support::kInf;
using testing_support::kNaN;
using testing_support::numbers_of;
using testing_support::slopes_of;
using testing_support::vector_of;
using Numbers = std::vector<double>;
using Build = std::function<Value(const Value&)>;

Tensor signed_matrix() { return vector_of({3, -1, 2, -4, 5, 0}).reshaped({2, 3}); }

TEST(Min, TakesTheSmallestOverAxes) {
  expect_near(numbers_of([](const Value& x) { return min(x); }, signed_matrix()), {-4});
  expect_near(numbers_of([](const Value& x) { return min(x, {0}); }, signed_matrix()), {-4, -1, 0});
  expect_near(numbers_of([](const Value& x) { return min(x, {-1}, true); }, signed_matrix()), {-1, -4});
  expect_near(numbers_of([](const Value& x) { return min(x); }, vector_of({1, kNaN, 0})), {kNaN});
  expect_near(numbers_of([](const Value& x) { return min(x); }, Tensor::zeros(f64, {0})), {kInf});
  expect_near(numbers_of([](const Value& x) { return min(x); }, Tensor::zeros(u8, {0})), {255});
}

TEST(Min, SharesTheGradientAmongTies) {
  expect_near(slopes_of([](const Value& x) { return min(x); }, vector_of({1, 0, 0, 2})), {0, 0.5, 0.5, 0});
}

TEST(Prod, MultipliesOverAxes) {
  expect_near(numbers_of([](const Value& x) { return prod(x, {1}); }, signed_matrix()), {-6, -0.0});
  expect_near(numbers_of([](const Value& x) { return prod(x, {0, 1}, true); }, signed_matrix()), {0});
  expect_near(numbers_of([](const Value& x) { return prod(x); }, Tensor::zeros(f32, {0})), {1});
  expect_near(numbers_of([](const Value& x) { return prod(x); }, vector_of({16, 17}, u8)), {16});
}

TEST(Prod, HasTheGradientOfTheOthersWhereSomeAreZero) {
  const Build all = [](const Value& x) { return prod(x); };
  expect_near(slopes_of(all, vector_of({2, 3, 4})), {12, 8, 6});
  expect_near(slopes_of(all, vector_of({2, 0, 4})), {0, 8, 0});
  expect_near(slopes_of(all, vector_of({0, 0, 4})), {0, 0, 0});
  const Tensor cube = vector_of({1, 2, 3, 0, 5, 6, 7, 8}).reshaped({2, 2, 2});
  expect_near(slopes_of([](const Value& x) { return prod(x, {0, 2}); }, cube),
              {2 * 30, 30, 0, 3 * 56, 12, 10, 0, 0});
}

TEST(Prod, HasTheGradientOfTheOthersWhereSomeOfThemHaveNoRoom) {
  const Tensor x = vector_of({1e-30, 1e-30, 5, 1e30, 1e30}, f32);
  const auto of_all = slopes_of([](const Value& v) { return prod(v); }, x);
  EXPECT_NEAR(of_all[0] / 5e30, 1.0, 1e-6);
  EXPECT_NEAR(of_all[2], 1.0, 1e-6);
  EXPECT_NEAR(of_all[4] / 5e-30, 1.0, 1e-6);
  const auto of_scan = slopes_of([](const Value& v) { return cumprod(v); }, x);
  EXPECT_NEAR(of_scan[2], 1.0, 1e-6);
  EXPECT_NEAR(of_scan[4] / 5e-30, 1.0, 1e-6);
}

TEST(ArgMin, PointsAtWhatMinGives) {
  const Build last = [](const Value& x) { return argmin(x); };
  expect_near(numbers_of(last, vector_of({2, 1, 1, 3})), {1});
  expect_near(numbers_of(last, vector_of({2, kNaN, -5, kNaN})), {1});
  expect_near(numbers_of([](const Value& x) { return argmin(x, 0); }, signed_matrix()), {1, 0, 1});
}

TEST(AnyAndAll, AskForBools) {
  const Tensor x = Tensor::of<bool>({false, true, false, false}).reshaped({2, 2});
  expect_near(numbers_of([](const Value& v) { return any(v, {1}); }, x), {1, 0});
  expect_near(numbers_of([](const Value& v) { return all(v, {0}); }, x), {0, 0});
  expect_near(numbers_of([](const Value& v) { return any(v); }, Tensor::zeros(boolean, {0})), {0});
  expect_near(numbers_of([](const Value& v) { return all(v); }, Tensor::zeros(boolean, {0})), {1});
  Graph graph;
  const Value number = input(graph, "x", f32, {2});
  expect_error(ErrorCode::dtype_mismatch, {"any", "scan_test.cpp"}, [&] { any(number); });
}

TEST(CumSum, GoesBothWaysWithAndWithoutTheElement) {
  const Tensor x = vector_of({1, 2, 3, 4});
  const auto scanned = [&](ScanOrder order) {
    return numbers_of([&](const Value& v) { return cumsum(v, 0, order); }, x);
  };
  expect_near(scanned({}), {1, 3, 6, 10});
  expect_near(scanned({.exclusive = true}), {0, 1, 3, 6});
  expect_near(scanned({.reverse = true}), {10, 9, 7, 4});
  expect_near(scanned({.exclusive = true, .reverse = true}), {9, 7, 4, 0});
  expect_near(numbers_of([](const Value& v) { return cumsum(v, 0); }, signed_matrix()), {3, -1, 2, -1, 4, 2});
  expect_near(numbers_of([](const Value& v) { return cumsum(v); }, Tensor::zeros(f64, {2, 0})), {});
  expect_near(numbers_of([](const Value& v) { return cumsum(v); }, vector_of({200, 100}, u8)), {200, 44});
}

TEST(CumSum, KeepsTheDigitsOfLongSums) {
  constexpr std::int64_t kCount = 1 << 20;
  Tensor x = Tensor::uninitialized(f32, {kCount});
  std::ranges::fill(x.mutable_values<float>(), 0.1F);
  const auto sums = numbers_of([](const Value& v) { return cumsum(v); }, x);
  EXPECT_EQ(static_cast<float>(sums.back()), static_cast<float>(static_cast<double>(0.1F) * kCount));
}

TEST(CumProd, HasTheGradientOfTheOthersWhereSomeAreZero) {
  const Tensor x = vector_of({2, 0, 3, 4});
  const auto slopes = [&](ScanOrder order) {
    return slopes_of([&](const Value& v) { return cumprod(v, 0, order); }, x);
  };
  expect_near(numbers_of([](const Value& v) { return cumprod(v); }, x), {2, 0, 0, 0});
  expect_near(slopes({}), {1, 2 + 6 + 24, 0, 0});
  expect_near(slopes({.exclusive = true}), {1, 2 + 6, 0, 0});
  expect_near(slopes({.reverse = true}), {0, 12 + 24, 0 + 4, 1 + 3 + 0});
}

TEST(CumMax, KeepsTheLargestSoFar) {
  const Tensor x = vector_of({1, 3, 2, 3, 5});
  const auto scanned = [&](ScanOrder order) {
    return numbers_of([&](const Value& v) { return cummax(v, 0, order); }, x);
  };
  expect_near(scanned({}), {1, 3, 3, 3, 5});
  expect_near(scanned({.exclusive = true}), {-kInf, 1, 3, 3, 3});
  expect_near(scanned({.reverse = true}), {5, 5, 5, 5, 5});
  expect_near(numbers_of([](const Value& v) { return cummin(v); }, x), {1, 1, 1, 1, 1});
  expect_near(numbers_of([](const Value& v) { return cummax(v); }, vector_of({1, kNaN, 7})), {1, kNaN, kNaN});
}

TEST(CumMax, SharesTheGradientAmongEqualExtremes) {
  const Tensor x = vector_of({1, 3, 2, 3, 5});
  // 3 is the largest of places 1, 2 and 3; at the last of these two share.
  expect_near(slopes_of([](const Value& v) { return cummax(v); }, x), {1, 2.5, 0, 0.5, 1});
  expect_near(slopes_of([](const Value& v) { return cummax(v, 0, {.exclusive = true}); }, x),
              {1, 2.5, 0, 0.5, 0});
  expect_near(slopes_of([](const Value& v) { return cummin(v, 0, {.reverse = true}); }, x), {1, 0, 2, 1, 1});
}

TEST(LinearRecurrence, DiscountsWhatCameBefore) {
  const auto forward = [](const Value& a, const Value& b) { return linear_recurrence(a, b); };
  const Tensor a = vector_of({kInf, 0.5, 0.5});
  expect_near(numbers_of(forward, a, vector_of({1, 2, 3})), {1, 2.5, 4.25});
  const auto backward = [](const Value& factors, const Value& terms) {
    return linear_recurrence(factors, terms, -1, true);
  };
  expect_near(numbers_of(backward, vector_of({2, 3, 9}), vector_of({1, 1, 1})), {9, 4, 1});
  expect_near(slopes_of(forward, vector_of({7, 2, 3}), vector_of({1, 1, 1})), {0, 4, 3, 9, 4, 1});
}

}  // namespace
}  // namespace weft
