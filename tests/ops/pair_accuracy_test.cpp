// The bounds that the headers of ops/ state for elementwise ops of two inputs, held against their definitions
// in long double: by the reference kernels and by the fast ones, over every power of two, both signs,
// denormals, sums that cancel, and powers from 0 to infinity.

#include <gtest/gtest.h>

#include "weft/autodiff/gradients.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"
#include "weft/tests/ops/ulps.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/random_tensor.h"

namespace weft::accuracy_tests {
namespace {

using testing_support::evaluate_value;
using testing_support::replay;
using testing_support::TensorSource;

constexpr float kInfinite = std::numeric_limits<float>::infinity();

struct Pairs {
  Floats a, b;

  void add(double u, double v) {
    a.push_back(static_cast<float>(u));
    b.push_back(static_cast<float>(v));
  }
};

double any_number(TensorSource& source, int lowest = -149, int highest = 127) {
  const double size =
      std::ldexp(source.number(1.0, 2.0), lowest + static_cast<int>(source.below(highest - lowest + 1)));
  return source.coin() ? size : -size;
}

void add_special(Pairs& pairs) {
  using Limits = std::numeric_limits<float>;
  const Floats special{0.0F,
                       -0.0F,
                       kInfinite,
                       -kInfinite,
                       Limits::quiet_NaN(),
                       Limits::max(),
                       Limits::lowest(),
                       Limits::min(),
                       1.0F,
                       -1.0F,
                       Limits::denorm_min(),
                       0.5F};
  for (const float u : special) {
    for (const float v : special) pairs.add(static_cast<double>(u), static_cast<double>(v));
  }
}

Pairs any_pairs() {
  TensorSource source("pairs");
  Pairs pairs;
  add_special(pairs);
  for (int i = 0; i < 30'000; ++i) pairs.add(any_number(source), any_number(source));
  for (int i = 0; i < 30'000; ++i) {
    const double u = any_number(source);
    const double v =
        u * (1.0 + source.number(-2.0, 2.0) * std::ldexp(1.0, -static_cast<int>(source.below(30))));
    pairs.add(u, source.coin() ? v : -v);
  }
  return pairs;
}

/// a^b is between 2^-160 and 2^130: a of any size, near 1, and negative under whole numbers.
Pairs powers() {
  TensorSource source("powers");
  Pairs pairs;
  add_special(pairs);
  for (int i = 0; i < 40'000; ++i) {
    const bool near_one = source.coin();
    const double u = near_one ? 1.0 + source.number(-0.1, 0.1) : std::abs(any_number(source));
    const double v = source.number(-160.0, 130.0) / std::log2(u);
    if (std::isfinite(v)) pairs.add(u, v);
  }
  for (int i = 0; i < 5000; ++i)
    pairs.add(-std::abs(any_number(source, -8, 8)), static_cast<double>(source.below(31)) - 15.0);
  return pairs;
}

struct TwoInputCase {
  std::string_view name;
  Value (*build)(const Operand& a, const Operand& b);
  Wide (*formula)(Wide a, Wide b);
  double ulps;
};

void expect_pairs_within(const TwoInputCase& entry, const Pairs& pairs,
                         const std::function<Value(const Value&, const Value&)>& build) {
  Graph graph;
  const auto size = static_cast<std::int64_t>(pairs.a.size());
  const Value a = input(graph, "a", f32, {size});
  const Value b = input(graph, "b", f32, {size});
  const Value y = build(a, b);
  const Tensor fed_a = Tensor::of(std::span<const float>(pairs.a), std::vector{size});
  const Tensor fed_b = Tensor::of(std::span<const float>(pairs.b), std::vector{size});
  Session session(graph);
  const auto run = session.compile({.inputs = {a, b}, .outputs = {y}, .updates = {}})({fed_a, fed_b});
  const Tensor reference = evaluate_value(y, {{"a", fed_a}, {"b", fed_b}});
  for (std::size_t i = 0; i < pairs.a.size(); ++i) {
    const Wide expected = entry.formula(static_cast<Wide>(pairs.a[i]), static_cast<Wide>(pairs.b[i]));
    ASSERT_LE(ulps(reference.values<float>()[i], expected), entry.ulps)
        << "reference of " << entry.name << " at " << pairs.a[i] << ", " << pairs.b[i] << "; " << replay();
    ASSERT_LE(ulps(run[0].values<float>()[i], expected), entry.ulps)
        << "fast kernel of " << entry.name << " at " << pairs.a[i] << ", " << pairs.b[i] << "; " << replay();
  }
}

Wide not_a_number(Wide a, Wide b) { return a + b; }  // where either is one

constexpr double kRounded = 0.5;

TEST(PairAccuracy, OfArithmeticIsCorrectRounding) {
  const std::vector<TwoInputCase> cases{
      {"add", add, [](Wide a, Wide b) { return a + b; }, kRounded},
      {"sub", sub, [](Wide a, Wide b) { return a - b; }, kRounded},
      {"mul", mul, [](Wide a, Wide b) { return a * b; }, kRounded},
      {"div", div, [](Wide a, Wide b) { return a / b; }, kRounded},
      {"minimum", minimum,
       [](Wide a, Wide b) { return std::isnan(a) || std::isnan(b) ? not_a_number(a, b) : std::min(a, b); },
       0.0},
      {"maximum", maximum,
       [](Wide a, Wide b) { return std::isnan(a) || std::isnan(b) ? not_a_number(a, b) : std::max(a, b); },
       0.0},
  };
  const Pairs pairs = any_pairs();
  for (const TwoInputCase& entry : cases) expect_pairs_within(entry, pairs, entry.build);
}

TEST(PairAccuracy, OfPowersIsAsTheHeaderSays) {
  expect_pairs_within({"pow", pow, [](Wide a, Wide b) { return std::pow(a, b); }, 1.0}, powers(), pow);
}

TEST(PairAccuracy, OfSlopesIsThatOfWhatTheyAreMadeOf) {
  TensorSource source("slopes of pairs");
  Pairs pairs;
  for (int i = 0; i < 20'000; ++i) pairs.add(any_number(source, -30, 30), any_number(source, -30, 30));
  const std::vector<TwoInputCase> by_a{{"mul", mul, [](Wide, Wide b) { return b; }, kRounded},
                                       {"div", div, [](Wide, Wide b) { return 1 / b; }, kRounded}};
  const std::vector<TwoInputCase> by_b{{"mul", mul, [](Wide a, Wide) { return a; }, kRounded},
                                       {"div", div, [](Wide a, Wide b) { return -a / (b * b); }, 2.0}};
  for (const TwoInputCase& entry : by_a)
    expect_pairs_within(entry, pairs,
                        [&](const Value& a, const Value& b) { return gradient(sum(entry.build(a, b)), a); });
  for (const TwoInputCase& entry : by_b)
    expect_pairs_within(entry, pairs,
                        [&](const Value& a, const Value& b) { return gradient(sum(entry.build(a, b)), b); });
}

}  // namespace
}  // namespace weft::accuracy_tests
