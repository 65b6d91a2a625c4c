#include "weft/autodiff/unbroadcast.h"

#include <gtest/gtest.h>

#include "weft/autodiff/gradients.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::evaluate_value;
using testing_support::expect_error;
using testing_support::numbers;
using testing_support::sizes_of;

struct Row {
  Shape wide;
  Shape narrow;
  double repetitions;
};

class Unbroadcast : public testing::TestWithParam<Row> {};

TEST_P(Unbroadcast, SumsOverWhatWasRepeated) {
  const Row& row = GetParam();
  const Bindings bindings{{"batch", 5}};
  Graph graph;
  Tensor ones = Tensor::zeros(f64, row.wide.bind(bindings).sizes());
  std::ranges::fill(ones.mutable_values<double>(), 1.0);
  const Value gradient = input(graph, "dy", f64, row.wide);
  const Value narrow = unbroadcast(gradient, row.narrow);
  ASSERT_EQ(narrow.shape(), row.narrow);
  const Tensor result = evaluate_value(narrow, {{"dy", ones}}, bindings);
  EXPECT_EQ(numbers(result), std::vector<double>(result.values<double>().size(), row.repetitions));
}

TEST_P(Unbroadcast, IsWhatAGradientGoesThrough) {
  const Row& row = GetParam();
  const Bindings bindings{{"batch", 5}};
  Graph graph;
  const Value narrow = input(graph, "narrow", f64, row.narrow);
  const Value wide = input(graph, "wide", f64, row.wide);
  for (const Value& loss : {sum(narrow + wide), sum(wide + narrow)}) {
    const Value found = gradient(loss, narrow);
    ASSERT_EQ(found.type(), narrow.type());
    const Tensor result = evaluate_value(found,
                                         {{"narrow", Tensor::zeros(f64, row.narrow.bind(bindings).sizes())},
                                          {"wide", Tensor::zeros(f64, row.wide.bind(bindings).sizes())}},
                                         bindings);
    EXPECT_EQ(numbers(result), std::vector<double>(result.values<double>().size(), row.repetitions));
  }
}

const std::vector<Row>& rows() {
  static const std::vector<Row> table = {
      {{2, 3}, {2, 3}, 1},
      {{2, 3}, {3}, 2},
      {{2, 3}, {1, 3}, 2},
      {{2, 3}, {2, 1}, 3},
      {{2, 3}, {1, 1}, 6},
      {{2, 3}, {1}, 6},
      {{2, 3}, {}, 6},
      {{4, 2, 3}, {2, 1}, 12},
      {{1, 3}, {3}, 1},
      {{1, 1, 3}, {1, 3}, 1},
      {{1, 1}, {}, 1},
      {{}, {}, 1},
      {{2, 3, 4, 5}, {3, 1, 5}, 8},
      {{"batch", 3}, {3}, 5},
      {{"batch", 3}, {1, 3}, 5},
      {{"batch", 3}, {"batch", 1}, 3},
      {{"batch", 3}, {}, 15},
      {{"batch", "batch"}, {"batch"}, 5},
      {{0, 3}, {3}, 0},
      {{0, 3}, {1, 1}, 0},
      {{3, 0}, {3, 1}, 0},
      {{0}, {}, 0},
  };
  return table;
}

INSTANTIATE_TEST_SUITE_P(Shapes, Unbroadcast, testing::ValuesIn(rows()));

TEST(UnbroadcastTest, GivesTheGradientItselfWhereNothingWasRepeated) {
  Graph graph;
  const Value dy = input(graph, "dy", f64, {2, 3});
  EXPECT_EQ(unbroadcast(dy, {2, 3}), dy);
  EXPECT_EQ(graph.size(), 1U);
}

TEST(UnbroadcastTest, RejectsAGradientThatIsNoBroadcastOfItsValue) {
  Graph graph;
  const Value dy = input(graph, "dy", f64, {2, 3});
  expect_error(ErrorCode::internal, {"does not have the shape", "[4, 2, 3]", "[2, 3]"},
               [&] { unbroadcast(dy, {4, 2, 3}); });
  expect_error(ErrorCode::shape_mismatch, {"do not broadcast"}, [&] { unbroadcast(dy, {2}); });
}

}  // namespace
}  // namespace weft
