#include <gtest/gtest.h>

#include <cmath>

#include "weft/ops/elementwise.h"
#include "weft/ops/pool.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::evaluate_value;
using testing_support::expect_error;
using testing_support::numbers;
using testing_support::replay;
using testing_support::TensorSource;
using Numbers = std::vector<double>;

Value signal_of(Graph& graph, const Numbers& values) {
  Tensor tensor = Tensor::zeros(f64, {1, 1, static_cast<std::int64_t>(values.size())});
  std::ranges::copy(values, tensor.mutable_values<double>().begin());
  return constant(graph, tensor);
}

TEST(Pool1d, SlidesAlongASignal) {
  Graph graph;
  const Value x = signal_of(graph, {1, 5, 2, 0, 3});
  EXPECT_EQ(numbers(evaluate_value(max_pool1d(x, {.window = 2}))), (Numbers{5, 2}));
  EXPECT_EQ(numbers(evaluate_value(max_pool1d(x, {.window = 3, .stride = 1, .padding = 1}))),
            (Numbers{5, 5, 5, 3, 3}));
  EXPECT_EQ(numbers(evaluate_value(avg_pool1d(x, {.window = 2, .stride = 3, .padding = {1, 0}}))),
            (Numbers{0.5, 1}));
  EXPECT_EQ(numbers(evaluate_value(avg_pool1d(x, {.window = 2, .stride = 3, .padding = {1, 0}}, false))),
            (Numbers{1, 1}));
}

TEST(Pool1d, Dilates) {
  Graph graph;
  const Value x = signal_of(graph, {1, 9, 2, 0, 3, 4});
  EXPECT_EQ(numbers(evaluate_value(max_pool1d(x, {.window = 2, .stride = 1, .dilation = 3}))),
            (Numbers{1, 9, 4}));
  EXPECT_EQ(numbers(evaluate_value(max_pool1d(x, {.window = 2, .stride = 2, .padding = 2, .dilation = 3}))),
            (Numbers{9, 1, 4, 3}));
  EXPECT_EQ(numbers(evaluate_value(avg_pool1d(x, {.window = 3, .stride = 1, .dilation = 2}))),
            (Numbers{2, 13.0 / 3.0}));
}

TEST(Pool1d, LetsALastWindowReachBeyondTheEnd) {
  Graph graph;
  const Value x = signal_of(graph, {1, 2, 3, 4, 5});
  EXPECT_EQ(numbers(evaluate_value(max_pool1d(x, {.window = 2, .ceil_mode = true}))), (Numbers{2, 4, 5}));
  EXPECT_EQ(numbers(evaluate_value(avg_pool1d(x, {.window = 2, .ceil_mode = true}))), (Numbers{1.5, 3.5, 5}))
      << "nothing beyond the padding counts";
  const Value four = signal_of(graph, {1, 2, 3, 4});
  const Pool1dOptions padded{.window = 3, .stride = 2, .padding = 1, .ceil_mode = true};
  EXPECT_EQ(numbers(evaluate_value(avg_pool1d(four, padded))), (Numbers{1, 3, 2}));
  EXPECT_EQ(numbers(evaluate_value(avg_pool1d(four, padded, false))), (Numbers{1.5, 3, 4}));
  // A window that would begin in the padding after the signal is left out.
  const Pool1dOptions apart{.window = 1, .stride = 3, .ceil_mode = true};
  EXPECT_EQ(numbers(evaluate_value(max_pool1d(x, apart))), (Numbers{1, 4}));
}

TEST(Pool1d, TakesASymbolUnlessALastWindowMayBeEmpty) {
  Graph graph;
  const Value x = input(graph, "x", f64, {"b", 2, "n"});
  EXPECT_EQ(to_string(max_pool1d(x, {.window = 3, .stride = 2, .ceil_mode = true}).shape()), "[b, 2, n//2]");
  expect_error(ErrorCode::shape_mismatch, {"max_pool1d", "pool_axes_test.cpp", "a stride of at most 3", "4"},
               [&] { max_pool1d(x, {.window = 3, .stride = 4, .ceil_mode = true}); });
}

TEST(Pool1d, RefusesWindowsThatMayHoldNothing) {
  Graph graph;
  const Value x = signal_of(graph, {1, 2, 3});
  expect_error(ErrorCode::invalid_argument,
               {"max_pool1d", "smaller than the window", "less than 5", "5 and 0"},
               [&] { max_pool1d(x, {.window = 2, .padding = {5, 0}, .dilation = 4}); });
  expect_error(ErrorCode::invalid_argument, {"step over", "a dilation of at most 3", "4"},
               [&] { max_pool1d(x, {.window = 2, .padding = 1, .dilation = 4}); });
  expect_error(ErrorCode::shape_mismatch, {"three axes", "[batch, channels, width]"},
               [&] { max_pool1d(input(graph, "x", f64, {1, 1, 2, 2}), {.window = 2}); });
}

TEST(Pool3d, TakesWholeBlocks) {
  TensorSource source("pool3d");
  Graph graph;
  const Tensor data = source.distinct({2, 2, 4, 5, 6});
  const Value x = constant(graph, data);
  const Pool3dOptions options{.window = {2, 3, 2}, .stride = {2, 1, 3}, .padding = {1, 0, 0, 1, 0, 0}};
  const Value largest = max_pool3d(x, options);
  const Value mean_of_all = avg_pool3d(x, options);
  const Value mean_of_elements = avg_pool3d(x, options, false);
  ASSERT_EQ(largest.shape(), (Shape{2, 2, 2, 4, 2}));
  const Numbers in = numbers(data);
  const Numbers got_largest = numbers(evaluate_value(largest));
  const Numbers got_all = numbers(evaluate_value(mean_of_all));
  const Numbers got_elements = numbers(evaluate_value(mean_of_elements));
  std::size_t y = 0;
  for (std::int64_t plane = 0; plane < 4; ++plane) {
    for (std::int64_t at = 0; at < 2 * 4 * 2; ++at, ++y) {
      double most = -1e9;
      double sum = 0.0;
      double count = 0.0;
      for (std::int64_t tap = 0; tap < 2 * 3 * 2; ++tap) {
        const std::int64_t depth = at / 8 * 2 + tap / 6 - 1;
        const std::int64_t row = at / 2 % 4 + tap / 2 % 3;
        const std::int64_t column = at % 2 * 3 + tap % 2;
        if (depth < 0 || depth >= 4 || row >= 5) continue;
        const double value = in[static_cast<std::size_t>(((plane * 4 + depth) * 5 + row) * 6 + column)];
        most = std::max(most, value);
        sum += value;
        count += 1.0;
      }
      EXPECT_EQ(got_largest[y], most) << replay();
      EXPECT_NEAR(got_all[y], sum / 12.0, 1e-14);
      EXPECT_NEAR(got_elements[y], sum / count, 1e-14);
    }
  }
}

TEST(LpPool, IsTheNormOfEachWindow) {
  Graph graph;
  const Value x = signal_of(graph, {3, -4, 0, 5});
  EXPECT_EQ(numbers(evaluate_value(lp_pool1d(x, 2.0, {.window = 2}))), (Numbers{5, 5}));
  EXPECT_EQ(numbers(evaluate_value(lp_pool1d(x, 1.0, {.window = 2}))), (Numbers{7, 5}));
  const Value picture = constant(graph, Tensor::of<double>({1, 2, 2, 4}, {1, 1, 2, 2}));
  EXPECT_EQ(numbers(evaluate_value(lp_pool2d(picture, 2.0, {.window = 2}))), (Numbers{5}));
  const Value volume = constant(graph, Tensor::of<double>({1, 2, 2, 4}, {1, 1, 2, 2, 1}));
  EXPECT_EQ(numbers(evaluate_value(lp_pool3d(volume, 2.0, {.window = {2, 2, 1}}))), (Numbers{5}));
  expect_error(ErrorCode::invalid_argument, {"lp_pool1d", "p >= 1", "0.5"},
               [&] { lp_pool1d(x, 0.5, {.window = 2}); });
  expect_error(ErrorCode::shape_mismatch, {"pool_axes_test.cpp", "does not fit into the width"},
               [&] { lp_pool1d(x, 2.0, {.window = 5}); });
}

TEST(AdaptivePool, CoversEveryElement) {
  Graph graph;
  const Value x = signal_of(graph, {1, 9, 2, 3, 4});
  EXPECT_EQ(numbers(evaluate_value(adaptive_max_pool(x, {3}))), (Numbers{9, 9, 4}));
  EXPECT_EQ(numbers(evaluate_value(adaptive_max_pool(x, {7}))), (Numbers{1, 9, 9, 2, 3, 4, 4}));
  EXPECT_EQ(numbers(evaluate_value(adaptive_avg_pool(x, {1}))), (Numbers{3.8}));
  EXPECT_EQ(numbers(evaluate_value(adaptive_avg_pool(x, {2}))), (Numbers{4, 3}));
}

TEST(AdaptivePool, EqualsPoolingWhereWindowsTouch) {
  TensorSource source("adaptive pool");
  Graph graph;
  const Value x = constant(graph, source.distinct({2, 3, 4, 6, 4}));
  EXPECT_EQ(numbers(evaluate_value(adaptive_max_pool(x, {2, 2, 4}))),
            numbers(evaluate_value(max_pool3d(x, {.window = {2, 3, 1}}))));
  const Value difference = adaptive_avg_pool(x, {2, 2, 4}) - avg_pool3d(x, {.window = {2, 3, 1}});
  EXPECT_LT(evaluate_value(max(abs(difference))).item<double>(), 1e-14);
  expect_error(ErrorCode::shape_mismatch, {"adaptive_max_pool", "pool_axes_test.cpp", "4 axes"},
               [&] { adaptive_max_pool(x, {2, 2}); });
  expect_error(ErrorCode::shape_mismatch, {"adaptive_avg_pool"}, [&] { adaptive_avg_pool(x, {2, 2}); });
  expect_error(ErrorCode::shape_mismatch, {"height of the result"},
               [&] { adaptive_max_pool(input(graph, "x", f64, {1, 1, 4, 4}), {0, 2}); });
}

}  // namespace
}  // namespace weft
