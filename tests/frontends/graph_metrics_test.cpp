#include "weft/frontends/graph_metrics.h"

#include <gtest/gtest.h>

#include <cmath>

#include "weft/ops/source.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::evaluate_value;
using testing_support::expect_error;
using testing_support::numbers;
using Numbers = std::vector<double>;

TEST(InTopK, LooksForTheLabelAmongTheHighest) {
  Graph graph;
  const double nan = std::nan("");
  const Value scores =
      constant(graph, Tensor::of({0.1, 0.7, 0.2, 0.5, 0.5, 0.2, nan, 0.9, nan, 0.3, 0.2, 0.1}, {4, 3}));
  const Value labels = constant(graph, Tensor::of<std::uint8_t>({2, 1, 0, 0}));
  EXPECT_EQ(numbers(evaluate_value(is_right(scores, labels))), (Numbers{0, 0, 1, 1}));
  EXPECT_EQ(numbers(evaluate_value(in_top_k(scores, labels, 2))), (Numbers{1, 1, 1, 1}));
  const Value others = constant(graph, Tensor::of<std::int64_t>({0, 2, 1, 2}));
  EXPECT_EQ(numbers(evaluate_value(in_top_k(scores, others, 2))), (Numbers{0, 0, 0, 0}));
  EXPECT_EQ(numbers(evaluate_value(in_top_k(scores, others, 3))), (Numbers{1, 1, 1, 1}));
  expect_error(ErrorCode::invalid_argument, {"in_top_k", "[1, 3]", "4", "graph_metrics_test.cpp"},
               [&] { in_top_k(scores, labels, 4); });
  expect_error(ErrorCode::shape_mismatch, {"one integer label"},
               [&] { is_right(scores, constant(graph, Tensor::of<std::int32_t>({1}))); });
}

}  // namespace
}  // namespace weft
