#include <gtest/gtest.h>

#include <limits>

#include "weft/ops/conv.h"
#include "weft/tests/runtime/kernels/kernel_check.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::KernelCheck;
using testing_support::replay;
using testing_support::Sizes;
using testing_support::TensorSource;

// Sums of up to a thousand products, in another order than the reference.
constexpr double kConvTolerance = 1e-4;

struct ConvolutionCase {
  Conv2dOptions options;
  Sizes x, w, y;
};

ConvolutionCase convolution(const Conv2dOptions& options, const Sizes& x, const Sizes& w) {
  return {options, x, w, Conv2d{options}.infer({f32, Shape::of(x)}, {f32, Shape::of(w)}).shape.sizes()};
}

ConvolutionCase random_convolution(TensorSource& source) {
  Conv2dOptions options{
      .stride = {1 + source.below(3), 1 + source.below(2)},
      .padding = {source.below(4), source.below(3), source.below(3), source.below(4)},
      .dilation = source.coin() ? Size2d(1) : Size2d(1 + source.below(3), 1 + source.below(2)),
      .groups = source.coin() ? 1 : 1 + source.below(4)};
  const std::int64_t group_channels = source.coin() ? 1 : 1 + source.below(20);
  const std::int64_t group_filters = source.coin() ? 1 : 1 + source.below(20);
  const Sizes kernel = source.sizes(2, 5);
  const Sizes batch = source.sizes(1, 5);
  // Large enough for the kernel's reach, whatever the padding.
  const std::int64_t height = (kernel[0] - 1) * options.dilation.height + 1 + source.below(9);
  const std::int64_t width = (kernel[1] - 1) * options.dilation.width + 1 + source.below(20);
  return convolution(options, {batch[0], group_channels * options.groups, height, width},
                     {group_filters * options.groups, group_channels, kernel[0], kernel[1]});
}

/// Checks all three ops of one convolution.
void expect_correct(TensorSource& source, const ConvolutionCase& in) {
  const Tensor x = source.uniform(in.x, -1.0, 1.0, f32);
  const Tensor w = source.uniform(in.w, -1.0, 1.0, f32);
  const Tensor dy = source.uniform(in.y, -1.0, 1.0, f32);
  const KernelCheck checks[] = {
      {Conv2d{in.options}, {x, w}},
      {Conv2dInputGradient{in.options, Shape::of(in.x)}, {dy, w}},
      {Conv2dWeightGradient{in.options, Shape::of(in.w)}, {x, dy}},
  };
  for (const KernelCheck& check : checks) {
    ASSERT_EQ(check.choice().name, "onednn_conv");
    check.expect_correct(kConvTolerance, kConvTolerance);
  }
}

TEST(ConvKernel, ComputesWhatTheReferenceDoes) {
  TensorSource source("conv kernel");
  for (int round = 0; round < 60; ++round) {
    SCOPED_TRACE(testing::Message() << "round " << round << "; " << replay());
    expect_correct(source, random_convolution(source));
    if (testing::Test::HasFailure()) return;
  }
}

TEST(ConvKernel, ComputesTheShapesOfKnownNetworks) {
  TensorSource source("conv shapes");
  expect_correct(source, convolution({}, {3, 1, 28, 28}, {20, 1, 5, 5}));
  expect_correct(source, convolution({}, {3, 20, 12, 12}, {50, 20, 5, 5}));
  expect_correct(source, convolution({.stride = 4}, {1, 3, 35, 35}, {16, 3, 11, 11}));
  expect_correct(source, convolution({.padding = 2, .groups = 2}, {2, 12, 9, 9}, {16, 6, 5, 5}));
  expect_correct(source, convolution({}, {2, 33, 7, 7}, {17, 33, 1, 1}));
  expect_correct(source, convolution({.stride = 2}, {2, 8, 8, 8}, {16, 8, 1, 1}));
  expect_correct(source, convolution({.padding = 1, .groups = 8}, {2, 8, 9, 9}, {8, 1, 3, 3}));
}

TEST(ConvKernel, AllowsMorePaddingThanKernel) {
  TensorSource source("conv padding");
  expect_correct(source, convolution({.padding = {3, 2, 4, 0}}, {2, 5, 4, 3}, {6, 5, 2, 1}));
  expect_correct(source, convolution({.stride = 3, .padding = 5}, {2, 2, 4, 3}, {3, 2, 2, 2}));
}

TEST(ConvKernel, TakesWeightsWholeThatHaveAsManyRowsAsTheBatch) {
  TensorSource source("conv rows");
  expect_correct(source, convolution({}, {4, 4, 5, 5}, {4, 4, 3, 3}));
  const Tensor x = source.uniform({4, 4, 5, 5});
  const Tensor w = source.uniform({4, 4, 3, 3});
  const KernelCheck reference(Conv2d{}, {x, w});
  EXPECT_EQ(reference.choice().name, "reference");
  reference.expect_correct(0.0);
}

TEST(ConvKernel, CutsTheBatchAndTheFilters) {
  TensorSource source("conv cuts");
  const Tensor x = source.uniform({6, 2, 5, 5}, -1.0, 1.0, f32);
  const Tensor w = source.uniform({4, 2, 3, 3}, -1.0, 1.0, f32);
  const Tensor dy = source.uniform({6, 4, 3, 3}, -1.0, 1.0, f32);
  EXPECT_EQ(KernelCheck(Conv2d{}, {x, w}).choice().cut.extent, 6);
  EXPECT_EQ(KernelCheck(Conv2dInputGradient{{}, {6, 2, 5, 5}}, {dy, w}).choice().cut.extent, 6);
  EXPECT_EQ(KernelCheck(Conv2dWeightGradient{{}, {4, 2, 3, 3}}, {x, dy}).choice().cut.extent, 4);
}

TEST(ConvKernel, CutsTheFiltersOfGroupsAnywhere) {
  TensorSource source("conv groups");
  for (const std::int64_t group_filters : {1, 2, 5}) {
    for (const std::int64_t groups : {2, 3, 7}) {
      expect_correct(source, convolution({.padding = 1, .groups = groups}, {2, 3 * groups, 6, 5},
                                         {group_filters * groups, 3, 3, 3}));
    }
  }
}

TEST(ConvKernel, LeavesEmptyTensorsToTheReference) {
  const Tensor x = Tensor::zeros(f32, Sizes{0, 2, 5, 5});
  const Tensor w = Tensor::zeros(f32, Sizes{4, 2, 3, 3});
  const Tensor dy = Tensor::zeros(f32, Sizes{0, 4, 3, 3});
  for (const KernelCheck& check :
       {KernelCheck(Conv2d{}, {x, w}), KernelCheck(Conv2dWeightGradient{{}, {4, 2, 3, 3}}, {x, dy})}) {
    EXPECT_EQ(check.choice().name, "reference");
    check.expect_correct(0.0);
  }
}

TEST(ConvKernel, KeepsNaNWhereItBelongs) {
  TensorSource source("conv nan");
  for (const std::int64_t channels : {1, 20}) {
    Tensor x = source.uniform({2, channels, 9, 9}, -1.0, 1.0, f32);
    Tensor w = source.uniform({17, channels, 3, 3}, -1.0, 1.0, f32);
    Tensor dy = source.uniform({2, 17, 7, 7}, -1.0, 1.0, f32);
    x.mutable_values<float>()[40] = std::numeric_limits<float>::quiet_NaN();
    dy.mutable_values<float>()[24] = std::numeric_limits<float>::infinity();
    KernelCheck(Conv2d{}, {x, w}).expect_correct(kConvTolerance, kConvTolerance);
    KernelCheck(Conv2dInputGradient{{}, x.type().shape}, {dy, w})
        .expect_correct(kConvTolerance, kConvTolerance);
    KernelCheck(Conv2dWeightGradient{{}, w.type().shape}, {x, dy})
        .expect_correct(kConvTolerance, kConvTolerance);
  }
}

}  // namespace
}  // namespace weft
