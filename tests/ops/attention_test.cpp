// The reference kernels and rules of attention against the same by ops on whole matrices of scores.

#include "weft/ops/attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "weft/autodiff/forward_mode.h"
#include "weft/autodiff/gradients.h"
#include "weft/autodiff/vmap.h"
#include "weft/ops/exponential.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/tests/support/composed_attention.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/gradient_check.h"
#include "weft/tests/support/random_tensor.h"

namespace weft::attention_op_tests {
namespace {

using testing_support::composed_attention;
using testing_support::evaluate_value;
using testing_support::evaluate_values;
using testing_support::numbers;
using testing_support::Sizes;
using testing_support::TensorSource;

struct Case {
  std::string name;
  Sizes q;
  Sizes k;
  Sizes v;
  std::optional<Sizes> mask{};
  bool causal = false;
};

const std::vector<Case> kCases{
    {.name = "one head", .q = {3, 4}, .k = {5, 4}, .v = {5, 2}},
    {.name = "heads", .q = {2, 3, 4}, .k = {2, 5, 4}, .v = {2, 5, 2}, .causal = true},
    {.name = "keys for all", .q = {2, 3, 3, 4}, .k = {5, 4}, .v = {3, 5, 2}, .mask = Sizes{3, 5}},
    {.name = "queries for all",
     .q = {3, 4},
     .k = {2, 1, 5, 4},
     .v = {3, 5, 1},
     .mask = Sizes{2, 1, 3, 5},
     .causal = true},
    {.name = "a mask of keys", .q = {2, 3, 4}, .k = {2, 5, 4}, .v = {2, 5, 2}, .mask = Sizes{2, 1, 5}},
    {.name = "a mask of queries",
     .q = {2, 3, 4},
     .k = {2, 5, 4},
     .v = {2, 5, 2},
     .mask = Sizes{3, 1},
     .causal = true},
    {.name = "one bit", .q = {2, 3, 4}, .k = {2, 5, 4}, .v = {2, 5, 2}, .mask = Sizes{1}},
    {.name = "no keys", .q = {2, 3, 4}, .k = {2, 0, 4}, .v = {2, 0, 2}},
    {.name = "no queries", .q = {2, 0, 4}, .k = {2, 5, 4}, .v = {2, 5, 2}, .causal = true},
    {.name = "no features", .q = {3, 0}, .k = {5, 0}, .v = {5, 2}},
};

/// Inputs for a case, the mask with a query that may look at nothing.
std::vector<Tensor> inputs_of(const Case& of, TensorSource& source) {
  std::vector<Tensor> inputs{source.uniform(of.q), source.uniform(of.k), source.uniform(of.v)};
  if (of.mask) {
    Tensor mask = source.whole(*of.mask, 2, boolean);
    const std::size_t row = of.mask->empty() ? 0 : static_cast<std::size_t>(of.mask->back());
    for (std::size_t i = 0; i < row; ++i) mask.mutable_values<bool>()[i] = false;
    inputs.push_back(std::move(mask));
  }
  return inputs;
}

Value mask_in(std::span<const Value> inputs) { return inputs.size() > 3 ? inputs[3] : Value(); }

std::vector<Value> constants_of(Graph& graph, const std::vector<Tensor>& tensors) {
  std::vector<Value> values;
  for (const Tensor& tensor : tensors) values.push_back(constant(graph, tensor));
  return values;
}

void expect_near(const Tensor& actual, const Tensor& expected, double bound, const std::string& what) {
  ASSERT_EQ(actual.type(), expected.type()) << what;
  const auto a = numbers(actual);
  const auto b = numbers(expected);
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i]) continue;  // infinities
    EXPECT_NEAR(a[i], b[i], bound) << what << ", element " << i;
  }
}

constexpr double kScale = 0.7;

TEST(AttentionOp, IsSoftmaxOfScoresTimesValues) {
  TensorSource source("attention op");
  for (const Case& of : kCases) {
    Graph graph;
    const auto in = constants_of(graph, inputs_of(of, source));
    const AttentionRule rule{.scale = kScale, .causal = of.causal};
    const Value y = attention(in[0], in[1], in[2], rule, mask_in(in)).y;
    const Value expected = composed_attention(in[0], in[1], in[2], rule, mask_in(in));
    const auto results = evaluate_values(std::vector{y, expected});
    expect_near(results[0], results[1], 1e-14, of.name);
  }
}

TEST(AttentionOp, GivesTheLogarithmOfTheSumOfItsPowers) {
  TensorSource source("attention sums");
  Graph graph;
  const auto in =
      constants_of(graph, {source.uniform({3, 4}), source.uniform({5, 4}), source.uniform({5, 2})});
  const auto sums = evaluate_values(std::vector{attention(in[0], in[1], in[2], {.scale = kScale}).log_sum,
                                                logsumexp(matmul(in[0], in[1], false, true) * kScale, {-1})});
  expect_near(sums[0], sums[1], 1e-14, "sums");
  const Value none = constant(graph, Tensor::zeros(boolean, {3, 5}));
  const auto of_nothing = attention(in[0], in[1], in[2], {}, none);
  for (const double sum : numbers(evaluate_value(of_nothing.log_sum)))
    EXPECT_EQ(sum, -std::numeric_limits<double>::infinity());
  for (const double y : numbers(evaluate_value(of_nothing.y))) EXPECT_EQ(y, 0.0);
}

TEST(AttentionOp, SpoilsTheRowsThatSeeANaN) {
  Graph graph;
  TensorSource source("attention and NaN");
  std::vector<Tensor> tensors{source.uniform({3, 4}), source.uniform({5, 4}), source.uniform({5, 2})};
  tensors[1].mutable_values<double>()[4] = std::numeric_limits<double>::quiet_NaN();  // key 1
  const auto in = constants_of(graph, tensors);
  const auto y = numbers(evaluate_value(attention(in[0], in[1], in[2], {.causal = true}).y));
  for (std::size_t i = 0; i < y.size(); ++i) EXPECT_EQ(std::isnan(y[i]), i >= 2) << i;
}

TEST(AttentionOp, HasTheGradientsOfItsFormula) {
  TensorSource source("attention gradients");
  for (const Case& of : kCases) {
    const AttentionRule rule{.scale = kScale, .causal = of.causal};
    const auto op = [&](std::span<const Value> in) {
      return attention(in[0], in[1], in[2], rule, mask_in(in)).y;
    };
    const std::vector<Tensor> inputs = inputs_of(of, source);
    EXPECT_TRUE(testing_support::gradients_match(op, inputs)) << of.name;
    EXPECT_TRUE(testing_support::second_gradients_match(op, inputs)) << of.name;
    Graph graph;
    const auto in = constants_of(graph, inputs);
    const Value composed = composed_attention(in[0], in[1], in[2], rule, mask_in(in));
    const Value weights = constant(graph, source.uniform(composed.shape().sizes()));
    const std::vector<Value> wrt(in.begin(), in.begin() + 3);
    const auto made = evaluate_values(gradients(sum(op(in) * weights), wrt));
    const auto expected = evaluate_values(gradients(sum(composed * weights), wrt));
    for (std::size_t i = 0; i < 3; ++i) expect_near(made[i], expected[i], 1e-13, of.name);
  }
}

TEST(AttentionOp, HasGradientsOfItsSumsAndOfAnyOrder) {
  TensorSource source("attention sums' gradients");
  const auto both = [](std::span<const Value> in) {
    const AttentionOf of = attention(in[0], in[1], in[2], {.scale = kScale, .causal = true});
    return sum(of.y * of.y, {-1}) * of.log_sum;
  };
  const std::vector<Tensor> inputs{source.uniform({2, 3, 2}), source.uniform({2, 4, 2}),
                                   source.uniform({2, 4, 3})};
  EXPECT_TRUE(testing_support::gradients_match(both, inputs));
  EXPECT_TRUE(testing_support::second_gradients_match(both, inputs));
  EXPECT_TRUE(testing_support::second_gradients_match(testing_support::gradient_of(both), inputs));
}

TEST(AttentionOp, HasDirectionalDerivatives) {
  TensorSource source("attention forward mode");
  Graph graph;
  const auto in =
      constants_of(graph, {source.uniform({2, 3, 4}), source.uniform({2, 5, 4}), source.uniform({2, 5, 2})});
  const auto along =
      constants_of(graph, {source.uniform({2, 3, 4}), source.uniform({2, 5, 4}), source.uniform({2, 5, 2})});
  const AttentionRule rule{.scale = kScale, .causal = true};
  const std::vector<Value> op{attention(in[0], in[1], in[2], rule).y};
  const std::vector<Value> composed{composed_attention(in[0], in[1], in[2], rule)};
  const auto results = evaluate_values(std::vector{jvp(op, in, along)[0], jvp(composed, in, along)[0]});
  expect_near(results[0], results[1], 1e-13, "jvp");
}

TEST(AttentionOp, TakesABatchOfAnyOfItsInputs) {
  TensorSource source("attention batches");
  const Tensor mask = source.whole({3, 5}, 2, boolean);
  for (int which = 1; which < 16; ++which) {
    Graph graph;
    const std::vector<Sizes> sizes{{3, 4}, {2, 5, 4}, {5, 2}, {3, 5}};
    std::vector<Value> whole;
    std::vector<Mapped> mapped;
    for (std::size_t i = 0; i < 4; ++i) {
      const bool is_mapped = (which >> i & 1) == 1;
      Sizes own = sizes[i];
      if (is_mapped) own.insert(own.begin(), 3);
      whole.push_back(constant(graph, i == 3 ? source.whole(own, 2, boolean) : source.uniform(own)));
      if (is_mapped) mapped.emplace_back(whole[i]);
    }
    const auto example = [&](std::span<const Value> in) -> std::vector<Value> {
      std::vector<Value> all = whole;
      std::size_t next = 0;
      for (std::size_t i = 0; i < 4; ++i) {
        if ((which >> i & 1) == 1) all[i] = in[next++];
      }
      const Value y = attention(all[0], all[1], all[2], {.scale = kScale, .causal = true}, all[3]).y;
      std::vector<Value> results = gradients(sum(square(y)), {all[0], all[1], all[2]});
      results.push_back(y);
      return results;
    };
    const auto batch = evaluate_values(vmap_many(example, mapped));
    for (std::int64_t i = 0; i < 3; ++i) {
      std::vector<Value> one;
      for (const Mapped& x : mapped) one.push_back(squeeze(slice(x.value, 0, i, i + 1), 0));
      const auto expected = evaluate_values(example(one));
      for (std::size_t output = 0; output < expected.size(); ++output) {
        const auto all = numbers(batch[output]);
        const auto some = numbers(expected[output]);
        ASSERT_EQ(all.size(), 3 * some.size());
        for (std::size_t j = 0; j < some.size(); ++j)
          EXPECT_NEAR(all[static_cast<std::size_t>(i) * some.size() + j], some[j], 1e-13) << which;
      }
    }
  }
}

TEST(AttentionOp, RejectsWhatDoesNotFit) {
  Graph graph;
  const Value q = input(graph, "q", f32, {"batch", 3, 4});
  const Value k = input(graph, "k", f32, {"batch", 5, 4});
  const auto line = testing_support::at_line(__LINE__ + 1);
  const auto wrong = [&] { attention(q, k, q, {}); };
  testing_support::expect_error(ErrorCode::shape_mismatch, {line, "attention", "[batch, 3, 4]"}, wrong);
  testing_support::expect_error(ErrorCode::dtype_mismatch, {"f64[batch, 5, 4]"},
                                [&] { attention(q, cast(k, f64), k, {}); });
  testing_support::expect_error(ErrorCode::shape_mismatch, {"attention", "bool[2, 3, 4]"}, [&] {
    attention(q, k, k, {}, constant(graph, Tensor::zeros(boolean, {2, 3, 4})));
  });
}

}  // namespace
}  // namespace weft::attention_op_tests
