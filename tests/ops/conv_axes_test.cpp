#include <gtest/gtest.h>

#include "weft/ops/conv.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"
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

Value values_of(Graph& graph, const Numbers& values, const std::vector<std::int64_t>& sizes) {
  Tensor tensor = Tensor::zeros(f64, sizes);
  std::ranges::copy(values, tensor.mutable_values<double>().begin());
  return constant(graph, tensor);
}

TEST(Conv1d, SlidesAlongASignal) {
  Graph graph;
  const Value x = values_of(graph, {1, 2, 3, 4, 5}, {1, 1, 5});
  const Value w = values_of(graph, {1, 10}, {1, 1, 2});
  const auto convolved = [&](const Conv1dOptions& options) {
    return numbers(evaluate_value(conv1d(x, w, options)));
  };
  EXPECT_EQ(conv1d(x, w).shape(), (Shape{1, 1, 4}));
  EXPECT_EQ(convolved({}), (Numbers{21, 32, 43, 54}));
  EXPECT_EQ(convolved({.stride = 2, .padding = {1, 0}}), (Numbers{10, 32, 54}));
  EXPECT_EQ(convolved({.padding = {0, 1}, .dilation = 3}), (Numbers{41, 52, 3}));
  const Value two = values_of(graph, {1, 2, 3, 4}, {1, 2, 2});
  EXPECT_EQ(numbers(evaluate_value(conv1d(two, values_of(graph, {1, 10}, {2, 1, 1}), {.groups = 2}))),
            (Numbers{1, 2, 30, 40}));
}

TEST(Conv1d, TakesSignalsOfAnyLength) {
  Graph graph;
  const Value x = input(graph, "x", f64, {"n", 2, "length"});
  const Value w = input(graph, "w", f64, {3, 2, 4});
  EXPECT_EQ(to_string(conv1d(x, w, {.stride = 2}).shape()), "[n, 3, length//2 - 1]");
}

TEST(Conv1d, NamesItselfAndTheLine) {
  Graph graph;
  const Value x = input(graph, "x", f64, {1, 2, 5});
  expect_error(ErrorCode::shape_mismatch, {"conv1d", "conv_axes_test.cpp", "[batch, channels, width]"},
               [&] { conv1d(x, input(graph, "w", f64, {1, 2})); });
  expect_error(ErrorCode::shape_mismatch, {"conv_axes_test.cpp", "channels differ", "weights of 2", "3"},
               [&] { conv1d(x, input(graph, "v", f64, {1, 3, 1})); });
}

TEST(Conv3d, SumsOverBlocksOfAVolume) {
  Graph graph;
  const Value x = values_of(graph, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, {1, 1, 2, 2, 3});
  const Value ones = values_of(graph, Numbers(8, 1.0), {1, 1, 2, 2, 2});
  EXPECT_EQ(numbers(evaluate_value(conv3d(x, ones))), (Numbers{48, 56}));
  const Value steps = values_of(graph, {1, 100}, {1, 1, 2, 1, 1});
  EXPECT_EQ(numbers(evaluate_value(conv3d(x, steps, {.stride = {1, 2, 2}, .padding = {1, 0, 0, 0, 0, 0}}))),
            (Numbers{100, 300, 701, 903}));
}

/// The convolution of each plane of a kernel with the planes of a volume that it meets, added up.
Value by_planes(const Value& x, const Value& w, const Conv3dOptions& o) {
  const Value padded = pad(x, {{o.padding.front, o.padding.back}, {0, 0}, {0, 0}});
  const std::int64_t taps = w.shape()[2].size();
  const std::int64_t depth = padded.shape()[2].size();
  const Conv2dOptions flat{.stride = {o.stride.height, o.stride.width},
                           .padding = {o.padding.top, o.padding.bottom, o.padding.left, o.padding.right},
                           .dilation = {o.dilation.height, o.dilation.width},
                           .groups = o.groups};
  std::vector<Value> planes;
  for (std::int64_t i = 0; i + (taps - 1) * o.dilation.depth < depth; i += o.stride.depth) {
    Value sum;
    for (std::int64_t k = 0; k < taps; ++k) {
      const std::int64_t at = i + k * o.dilation.depth;
      const Value term =
          conv2d(squeeze(slice(padded, 2, at, at + 1), 2), squeeze(slice(w, 2, k, k + 1), 2), flat);
      sum = sum.has_value() ? sum + term : term;
    }
    planes.push_back(sum);
  }
  return stack(planes, 2);
}

TEST(Conv3d, IsASumOfConvolutionsOfPlanes) {
  TensorSource source("conv3d");
  for (int round = 0; round < 20; ++round) {
    SCOPED_TRACE(testing::Message() << "round " << round << "; " << replay());
    const auto few = [&] { return 1 + source.below(2); };
    const auto edge = [&] { return source.below(3); };
    const Conv3dOptions options{.stride = {few(), few(), few()},
                                .padding = {edge(), edge(), edge(), edge(), edge(), edge()},
                                .dilation = {few(), few(), few()},
                                .groups = few()};
    Graph graph;
    const Value x = constant(graph, source.uniform({2, 2 * options.groups, 4, 5, 6}));
    const Value w = constant(graph, source.uniform({3 * options.groups, 2, few(), few() + 1, few()}));
    const Value y = conv3d(x, w, options);
    const Value same = by_planes(x, w, options);
    ASSERT_EQ(y.shape(), same.shape());
    EXPECT_LT(evaluate_value(max(abs(y - same))).item<double>(), 1e-12);
    const Value dy = constant(graph, source.uniform(y.shape().sizes()));
    const double product = evaluate_value(sum(y * dy)).item<double>();
    const Value dx = conv3d_input_gradient(dy, w, x.shape(), options);
    const Value dw = conv3d_weight_gradient(x, dy, w.shape(), options);
    EXPECT_NEAR(evaluate_value(sum(x * dx)).item<double>(), product, 1e-9);
    EXPECT_NEAR(evaluate_value(sum(w * dw)).item<double>(), product, 1e-9);
  }
}

TEST(Conv3d, NamesTheAxisThatDoesNotFit) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 1, 2, 9, 9});
  expect_error(ErrorCode::shape_mismatch, {"conv3d", "does not fit into the depth", "at least 3"},
               [&] { conv3d(x, input(graph, "w", f32, {1, 1, 3, 1, 1})); });
  expect_error(ErrorCode::shape_mismatch, {"five axes", "[batch, channels, depth, height, width]"}, [&] {
    conv3d(input(graph, "flat", f32, {1, 1, 9, 9}), input(graph, "v", f32, {1, 1, 1, 1, 1}));
  });
  EXPECT_EQ(to_string(Op(Conv3d{{.stride = {1, 2, 3}, .padding = {0, 1, 2, 3, 4, 5}}})),
            "conv3d(stride=1x2x3, padding=0,1,2,3,4,5, dilation=1x1x1, groups=1)");
}

TEST(ConvTranspose, SpreadsEachElementOverAWindow) {
  Graph graph;
  const Value x = values_of(graph, {1, 2}, {1, 1, 2});
  const Value w = values_of(graph, {1, 10, 100}, {1, 1, 3});
  const auto spread = [&](const ConvTransposeOptions<1>& options) {
    return numbers(evaluate_value(conv_transpose1d(x, w, options)));
  };
  EXPECT_EQ(spread({}), (Numbers{1, 12, 120, 200}));
  EXPECT_EQ(spread({{.stride = 2}}), (Numbers{1, 10, 102, 20, 200}));
  EXPECT_EQ(spread({{.stride = 3}, 2}), (Numbers{1, 10, 100, 2, 20, 200, 0, 0}));
  EXPECT_EQ(spread({{.padding = 1}}), (Numbers{12, 120}));
  EXPECT_EQ(spread({{.padding = {0, 1}, .dilation = 2}}), (Numbers{1, 2, 10, 20, 100}));
}

TEST(ConvTranspose, MakesChannelsOfFilters) {
  Graph graph;
  const Value x = input(graph, "x", f64, {"n", 4, "h", "w"});
  const Value w = input(graph, "w", f64, {4, 3, 2, 3});
  const Value y = conv_transpose2d(x, w, {{.stride = {2, 3}, .groups = 2}, {1, 0}});
  EXPECT_EQ(to_string(y.shape()), "[n, 6, h*2 + 1, w*3]");
  const Value v = conv_transpose3d(input(graph, "v", f64, {1, 2, 3, 4, 5}),
                                   input(graph, "u", f64, {2, 7, 2, 2, 2}), {{.stride = 2, .padding = 1}, 1});
  EXPECT_EQ(v.shape(), (Shape{1, 7, 5, 7, 9}));
}

TEST(ConvTranspose, RefusesOptionsThatLeaveNothing) {
  Graph graph;
  const Value x = input(graph, "x", f64, {1, 1, 2, 2});
  const Value w = input(graph, "w", f64, {1, 1, 1, 1});
  expect_error(ErrorCode::invalid_argument,
               {"conv_transpose2d", "conv_axes_test.cpp", "output padding along the width", "0 to 0", "1"},
               [&] { conv_transpose2d(x, w, {{}, {0, 1}}); });
  expect_error(ErrorCode::shape_mismatch, {"nothing is left of the height", "below 2", "2"},
               [&] { conv_transpose2d(x, w, {{.padding = {1, 0}}, 0}); });
  expect_error(ErrorCode::invalid_argument, {"groups"}, [&] { conv_transpose2d(x, w, {{.groups = 0}, 0}); });
  expect_error(ErrorCode::shape_mismatch, {"conv_transpose2d"},
               [&] { conv_transpose2d(x, input(graph, "v", f64, {2, 1, 1, 1})); });
}

TEST(SamePadding, LeavesAsManyPositionsAsStridesFit) {
  for (std::int64_t size = 1; size <= 9; ++size) {
    for (std::int64_t window = 1; window <= 4; ++window) {
      for (std::int64_t stride = 1; stride <= 4; ++stride) {
        for (std::int64_t dilation = 1; dilation <= 2; ++dilation) {
          SCOPED_TRACE(testing::Message() << size << " " << window << " " << stride << " " << dilation);
          const Padding1d padding = same_padding({1, 1, size}, Size1d(window), stride, dilation);
          const Dim positions = window_positions({.window = window,
                                                  .stride = stride,
                                                  .dilation = dilation,
                                                  .before = padding.left,
                                                  .after = padding.right},
                                                 size, "width");
          EXPECT_EQ(positions.size(), (size + stride - 1) / stride);
          EXPECT_TRUE(padding.right == padding.left || padding.right == padding.left + 1);
        }
      }
    }
  }
  // TensorFlow's documentation: a window of 6, 5 apart, over 13 elements, has 1 of them before and 2 after.
  EXPECT_EQ(same_padding({13}, Size1d(6), 5), Padding1d(1, 2));
  EXPECT_EQ(same_padding({"n", 1, 5, 8}, Size2d(3, 2), {2, 1}), Padding2d(1, 1, 0, 1));
  EXPECT_EQ(same_padding({"n", 1, "d", 4, 4}, Size3d(3), {1, 2, 2}), Padding3d(1, 1, 0, 1, 0, 1));
}

TEST(SamePadding, WantsANumberWhereItDependsOnTheSize) {
  expect_error(ErrorCode::shape_mismatch, {"padding along the width", "a number", "w"},
               [] { same_padding({"n", 1, 4, "w"}, Size2d(3), {1, 2}); });
  expect_error(ErrorCode::invalid_argument, {"stride along the height", "0"},
               [] { same_padding({1, 1, 4, 4}, Size2d(3), {0, 1}); });
  expect_error(ErrorCode::shape_mismatch, {"more axes"}, [] { same_padding({4}, Size2d(3)); });
}

}  // namespace
}  // namespace weft
