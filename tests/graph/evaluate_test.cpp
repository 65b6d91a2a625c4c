#include "weft/graph/evaluate.h"

#include <gtest/gtest.h>

#include "weft/ops/elementwise.h"
#include "weft/ops/loss.h"
#include "weft/ops/matmul.h"
#include "weft/ops/random.h"
#include "weft/ops/source.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::evaluate_value;
using testing_support::evaluate_values;
using testing_support::expect_error;
using testing_support::numbers;
using testing_support::sizes_of;
using Sizes = std::vector<std::int64_t>;

TEST(Evaluate, BroadcastsTheInputsOfElementwiseOps) {
  const std::vector<Tensor> inputs{Tensor::of<float>({1, 2}, {2, 1}), Tensor::of<float>({10, 20, 30})};
  const Tensor result = evaluate(Add{}, inputs)[0];
  EXPECT_EQ(sizes_of(result), (Sizes{2, 3}));
  EXPECT_EQ(numbers(result), (std::vector<double>{11, 21, 31, 12, 22, 32}));
}

TEST(Evaluate, RejectsTensorsThatTheOpDoesNotAccept) {
  const std::vector<Tensor> inputs{Tensor::zeros(f32, {2, 3}), Tensor::zeros(f32, {2, 3})};
  expect_error(ErrorCode::shape_mismatch, {"inner dimensions"}, [&] { evaluate(MatMul{}, inputs); });
}

TEST(Evaluate, ComputesEveryRootOfAProgramOnce) {
  Graph graph;
  const Value x = input(graph, "x", f64, {2});
  const Value y = x * x;
  const Value z = y + 1.0;
  const auto results = evaluate_values(std::vector{z, y, x, y}, {{"x", Tensor::of<double>({2, 3})}});
  ASSERT_EQ(results.size(), 4U);
  EXPECT_EQ(numbers(results[0]), (std::vector<double>{5, 10}));
  EXPECT_EQ(numbers(results[2]), (std::vector<double>{2, 3}));
  EXPECT_TRUE(identical(results[1], results[3]));
  EXPECT_EQ(results[1].data(), results[3].data());
}

TEST(Evaluate, AsksForEveryNodeWithoutInputsThatIsNoConstant) {
  Graph graph;
  const Value x = input(graph, "x", f64, {2});
  const Value w = parameter(graph, "w", Tensor::of<double>({5, 6}));
  const Value y = x * w + constant(graph, 1.0, f64) + random_uniform(graph, f64, {2});
  std::vector<std::string> asked;
  evaluate(extract(graph, {&y, 1}), [&](const Node& node) {
    asked.emplace_back(node.op.name());
    return node.op.is<RandomKey>() ? Tensor::of<std::int64_t>({1, 2}) : Tensor::of<double>({1, 2});
  });
  EXPECT_EQ(asked, (std::vector<std::string>{"input", "parameter", "random_key"}));
}

TEST(Evaluate, LeavesANodeThatIsFedNothingToItsOwnKernel) {
  Graph graph;
  const Value x = input(graph, "pixels", f64, {2});
  expect_error(ErrorCode::bad_feed, {"input 'pixels' was given no tensor"}, [&] { evaluate_value(x); });
  const Value w = parameter(graph, "w", Tensor::of<double>({5, 6}));
  expect_error(ErrorCode::bad_feed, {"parameter 'w' was given no tensor"}, [&] { evaluate_value(w); });
}

TEST(Evaluate, GivesEachOutputOfANode) {
  Graph graph;
  const Value logits = constant(graph, Tensor::of<double>({0, 0}, {1, 2}));
  const Value labels = constant(graph, Tensor::of<std::int32_t>({1}));
  const auto results = evaluate_values(apply_all(SoftmaxCrossEntropy{}, {logits, labels}));
  EXPECT_NEAR(results[0].item<double>(), 0.693147180559945, 1e-15);
  EXPECT_EQ(numbers(results[1]), (std::vector<double>{0.5, 0.5}));
}

TEST(BroadcastToSizes, RepeatsByNumPysRule) {
  const Tensor column = Tensor::of<std::int32_t>({1, 2}, {2, 1});
  EXPECT_EQ(numbers(broadcast_to_sizes(column, Sizes{2, 3})), (std::vector<double>{1, 1, 1, 2, 2, 2}));
  EXPECT_EQ(numbers(broadcast_to_sizes(column, Sizes{2, 2, 1})), (std::vector<double>{1, 2, 1, 2}));
  EXPECT_EQ(numbers(broadcast_to_sizes(Tensor::scalar(true), Sizes{2})), (std::vector<double>{1, 1}));
  EXPECT_EQ(broadcast_to_sizes(Tensor::scalar(1.0), Sizes{0, 3}).elements(), 0);
  EXPECT_EQ(broadcast_to_sizes(column, Sizes{2, 1}).data(), column.data());
  expect_error(ErrorCode::shape_mismatch, {"[2, 1]", "[2]"}, [&] { broadcast_to_sizes(column, Sizes{2}); });
  expect_error(ErrorCode::shape_mismatch, {"do not broadcast"},
               [&] { broadcast_to_sizes(column, Sizes{3, 1}); });
}

}  // namespace
}  // namespace weft
