#include "weft/ops/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "weft/graph/philox.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/source.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::evaluate_value;
using testing_support::evaluate_values;
using testing_support::expect_error;
using testing_support::numbers;
using Numbers = std::vector<double>;

constexpr std::int64_t kMany = 40000;

Tensor draw(const Op& op, std::int64_t seed, std::int64_t run) {
  return evaluate(op, std::vector{Tensor::of<std::int64_t>({seed, run})})[0];
}

RandomUniform uniform(DType dtype, std::int64_t elements = kMany, std::int64_t stream = 0) {
  return {.type = {dtype, {elements}}, .stream = stream};
}
RandomNormal normal(DType dtype, std::int64_t elements = kMany, std::int64_t stream = 0) {
  return {.type = {dtype, {elements}}, .stream = stream};
}

double moment(const Numbers& numbers, double centre, int power) {
  double total = 0.0;
  for (const double x : numbers) total += std::pow(x - centre, power);
  return total / static_cast<double>(numbers.size());
}

// The seeds are fixed, so that these are no random tests; the bounds are five standard deviations.

TEST(RandomUniform, HasTheMomentsOfItsDistribution) {
  for (const DType dtype : {f32, f64}) {
    const Numbers x = numbers(draw(uniform(dtype), 1, 2));
    EXPECT_TRUE(std::ranges::all_of(x, [](double u) { return u >= 0.0 && u < 1.0; }));
    EXPECT_NEAR(moment(x, 0.0, 1), 0.5, 5 * std::sqrt(1.0 / 12 / kMany));
    EXPECT_NEAR(moment(x, 0.5, 2), 1.0 / 12, 5 * std::sqrt(1.0 / 180 / kMany));
    EXPECT_LT(std::ranges::min(x), 0.001);
    EXPECT_GT(std::ranges::max(x), 0.999);
  }
}

TEST(RandomNormal, HasTheMomentsOfItsDistribution) {
  for (const DType dtype : {f32, f64}) {
    const Numbers x = numbers(draw(normal(dtype), 1, 2));
    EXPECT_NEAR(moment(x, 0.0, 1), 0.0, 5 / std::sqrt(kMany));
    EXPECT_NEAR(moment(x, 0.0, 2), 1.0, 5 * std::sqrt(2.0 / kMany));
    EXPECT_NEAR(moment(x, 0.0, 3), 0.0, 5 * std::sqrt(15.0 / kMany));
    EXPECT_NEAR(moment(x, 0.0, 4), 3.0, 5 * std::sqrt(96.0 / kMany));
  }
}

TEST(Random, NeighboursAreNotCorrelated) {
  const Numbers x = numbers(draw(normal(f64), 1, 2));
  for (const std::size_t distance : {1U, 2U, 4U}) {
    double total = 0.0;
    for (std::size_t i = distance; i < x.size(); ++i) total += x[i] * x[i - distance];
    EXPECT_NEAR(total / kMany, 0.0, 5 / std::sqrt(kMany)) << distance;
  }
}

TEST(Random, GivesTheSameBitsForTheSameKey) {
  for (const DType dtype : {f32, f64}) {
    EXPECT_TRUE(identical(draw(uniform(dtype), 7, 3), draw(uniform(dtype), 7, 3)));
    EXPECT_TRUE(identical(draw(normal(dtype), 7, 3), draw(normal(dtype), 7, 3)));
  }
}

TEST(Random, GivesOtherNumbersForAnotherSeedRunOrStream) {
  const auto equal_elements = [](const Tensor& a, const Tensor& b) {
    const Numbers left = numbers(a);
    const Numbers right = numbers(b);
    std::int64_t equal = 0;
    for (std::size_t i = 0; i < left.size(); ++i) equal += left[i] == right[i] ? 1 : 0;
    return equal;
  };
  const Tensor base = draw(uniform(f64), 7, 3);
  EXPECT_EQ(equal_elements(base, draw(uniform(f64), 8, 3)), 0);
  EXPECT_EQ(equal_elements(base, draw(uniform(f64), 7, 4)), 0);
  EXPECT_EQ(equal_elements(base, draw(uniform(f64), 7 + (1LL << 40), 3)), 0);
  EXPECT_EQ(equal_elements(base, draw(uniform(f64), 7, 3 + (1LL << 40))), 0);
  EXPECT_EQ(equal_elements(base, draw(uniform(f64), -7, -3)), 0);
  EXPECT_EQ(equal_elements(base, draw(uniform(f64, kMany, 1), 7, 3)), 0);
}

TEST(Random, GivesAnElementTheSameNumberInTensorsOfAnySize) {
  const Numbers few = numbers(draw(uniform(f64, 5), 7, 3));
  const Numbers many = numbers(draw(uniform(f64, 100), 7, 3));
  EXPECT_TRUE(std::ranges::equal(few, std::span(many).first(5)));
  EXPECT_EQ(draw(uniform(f64, 0), 7, 3).elements(), 0);
}

TEST(Random, IsPhiloxByElement) {
  const Numbers x = numbers(draw(uniform(f32, 3, 9), 7, 3));
  const PhiloxCounter first = philox({0, 0, 3, 0}, philox_key(7, 9));
  const PhiloxCounter second = philox({1, 0, 3, 0}, philox_key(7, 9));
  EXPECT_EQ(x[0], (first[0] >> 8) * 0x1.0p-24);
  EXPECT_EQ(x[1], (first[2] >> 8) * 0x1.0p-24);
  EXPECT_EQ(x[2], (second[0] >> 8) * 0x1.0p-24);
}

TEST(Random, EveryValueHasAStreamOfItsOwn) {
  Graph graph;
  const auto results =
      evaluate_values(std::vector{random_uniform(graph, f64, {100}), random_uniform(graph, f64, {100}),
                                  random_normal(graph, f64, {100})});
  std::set<double> seen;
  for (const Tensor& result : results) {
    for (const double x : result.values<double>()) seen.insert(x);
  }
  EXPECT_EQ(seen.size(), 300U);
}

TEST(Random, StretchesToItsBoundsAndMoments) {
  Graph graph;
  const Numbers u = numbers(evaluate_value(random_uniform(graph, f64, {kMany}, -3.0, 5.0)));
  EXPECT_GE(std::ranges::min(u), -3.0);
  EXPECT_LT(std::ranges::max(u), 5.0);
  EXPECT_NEAR(moment(u, 0.0, 1), 1.0, 0.06);
  const Numbers n = numbers(evaluate_value(random_normal(graph, f32, {kMany}, 10.0, 2.0)));
  EXPECT_NEAR(moment(n, 0.0, 1), 10.0, 0.06);
  EXPECT_NEAR(moment(n, 10.0, 2), 4.0, 0.2);
  EXPECT_EQ(numbers(evaluate_value(random_uniform(graph, f64, {2}, 4.0, 4.0))), (Numbers{4, 4}));
}

TEST(Random, NeedsAKeyFromASession) {
  Graph graph;
  const Value x = random_uniform(graph, f32, {2});
  expect_error(ErrorCode::bad_feed, {"session"},
               [&] { evaluate(extract(graph, {&x, 1}), [](const Node&) { return Tensor(); }); });
}

TEST(Random, RejectsWhatIsNoDistribution) {
  Graph graph;
  expect_error(ErrorCode::invalid_argument,
               {"random_uniform", "low <= high", "low=2, high=1", "random_test.cpp"},
               [&] { random_uniform(graph, f32, {2}, 2.0, 1.0); });
  expect_error(ErrorCode::dtype_mismatch, {"random_uniform", "i32[2] from i64[2]"},
               [&] { random_uniform(graph, i32, {2}); });
  expect_error(ErrorCode::dtype_mismatch, {"random_normal", "f32 or f64"},
               [&] { random_normal(graph, boolean, {2}); });
  const Value no_key = input(graph, "key", i64, {3});
  expect_error(ErrorCode::dtype_mismatch, {"random_uniform", "from i64[3]"},
               [&] { apply(uniform(f32), no_key); });
  expect_error(ErrorCode::dtype_mismatch, {"random_normal", "from i64[3]"},
               [&] { apply(normal(f32), no_key); });
}

TEST(Dropout, KeepsTheExpectation) {
  for (const double rate : {0.1, 0.5, 0.9}) {
    Graph graph;
    Tensor ones = Tensor::uninitialized(f32, {kMany});
    std::ranges::fill(ones.mutable_values<float>(), 1.0F);
    const Numbers y = numbers(evaluate_value(dropout(constant(graph, ones), rate)));
    const auto dropped = static_cast<double>(std::ranges::count(y, 0.0));
    const double deviation = std::sqrt(rate * (1 - rate) / kMany);
    EXPECT_NEAR(dropped / kMany, rate, 5 * deviation);
    EXPECT_NEAR(moment(y, 0.0, 1), 1.0, 5 * deviation / (1 - rate));
    for (const double x : y) ASSERT_TRUE(x == 0.0 || std::abs(x - 1.0 / (1.0 - rate)) < 1e-5) << x;
  }
}

TEST(Dropout, OfRateZeroIsNothingAndOtherRatesAreRejected) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 4});
  EXPECT_EQ(dropout(x, 0.0), x);
  EXPECT_EQ(dropout(x, 0.5).type(), x.type());
  for (const double rate : {1.0, -0.1, 1.5, std::nan("")}) {
    expect_error(ErrorCode::invalid_argument, {"dropout", "[0, 1)", "random_test.cpp"},
                 [&] { dropout(x, rate); });
  }
  expect_error(ErrorCode::dtype_mismatch, {"floats"}, [&] { dropout(input(graph, "i", i32, {2}), 0.5); });
}

TEST(Dropout, DropsOthersInTheNextRun) {
  Graph graph;
  const Value y = dropout(
      constant(graph, Tensor::of<double>({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})), 0.5);
  std::set<Numbers> seen;
  for (std::int64_t run = 0; run < 8; ++run) {
    seen.insert(numbers(evaluate_value(y, {{"random_key", Tensor::of<std::int64_t>({1, run})}})));
  }
  EXPECT_EQ(seen.size(), 8U);
}

}  // namespace
}  // namespace weft
