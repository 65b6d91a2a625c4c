#include "weft/ops/series.h"

#include <gtest/gtest.h>

#include <limits>

#include "weft/ops/elementwise.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/graph_numbers.h"

namespace weft {
namespace {

using testing_support::evaluate_value;
using testing_support::expect_error;
using testing_support::expect_near;
using testing_support::numbers;

TEST(Series, CountAndReachTheirEnds) {
  Graph graph;
  const auto of = [](const Value& value) { return numbers(evaluate_value(value)); };
  expect_near(of(eye(graph, 2, 3, 1)), {0, 1, 0, 0, 0, 1});
  expect_near(of(arange(graph, 1, 2.2, 0.5)), {1, 1.5, 2});
  expect_near(of(arange(graph, 3, 0, -1, i64)), {3, 2, 1});
  expect_near(of(arange(graph, 3, 0)), {});
  expect_near(of(linspace(graph, 0, 1, 5)), {0, 0.25, 0.5, 0.75, 1});
  EXPECT_EQ(of(linspace(graph, 0.1, 0.7, 7, f64)).back(), 0.7);
  expect_near(of(linspace(graph, 2, 5, 1)), {2});
  expect_near(of(full(graph, {2, 2}, 7, i32)), {7, 7, 7, 7});
  constexpr std::int64_t kLarge = std::numeric_limits<std::int64_t>::max();
  const Tensor last = evaluate_value(arange(graph, kLarge - 2, kLarge, 1, i64));
  EXPECT_EQ(last.elements(), 2);
  EXPECT_EQ(last.values<std::int64_t>()[1], kLarge - 1);
  EXPECT_EQ(evaluate_value(linspace(graph, 0, kLarge, 3, i64)).values<std::int64_t>()[2], kLarge);
  EXPECT_EQ(evaluate_value(linspace(graph, 0, kLarge, 3, i64)).values<std::int64_t>()[1], kLarge / 2);
  expect_near(of(arange(graph, 0, 2.2, 0.5, i32)), {0, 0, 1, 1, 2});
  expect_near(of(arange(graph, 0, 1.1, 0.1, i32)), of(cast(arange(graph, 0, 1.1, 0.1, f64), i32)));
  expect_error(ErrorCode::dtype_mismatch, {"arange", "u8 cannot hold the number 256", "series_test.cpp"},
               [&] { arange(graph, 0, 257, 1, u8); });
  expect_error(ErrorCode::dtype_mismatch, {"linspace", "i32", "series_test.cpp"},
               [&] { linspace(graph, 0, 1e10, 3, i32); });
  expect_error(ErrorCode::invalid_argument, {"arange", "no end", "series_test.cpp"},
               [&] { arange(graph, 0, 1, 0); });
  expect_error(ErrorCode::invalid_argument, {"linspace"}, [&] { linspace(graph, 0, 1, -1); });
}

}  // namespace
}  // namespace weft
