// Kernels of pictures of which many numbers lie side by side at each pixel.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "weft/ops/conv.h"
#include "weft/ops/pool.h"
#include "weft/runtime/kernels/images/lanes/lane_functions.h"
#include "weft/runtime/ops/image_ops.h"
#include "weft/tests/runtime/kernels/kernel_check.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::KernelCheck;
using testing_support::replay;
using testing_support::Sizes;
using testing_support::TensorSource;

constexpr double kLaneTolerance = 1e-4;
constexpr float kNotANumber = std::numeric_limits<float>::quiet_NaN();
constexpr float kEndless = std::numeric_limits<float>::infinity();

/// Checks all three ops of one convolution of blocks of interleaved pictures.
void expect_interleaved(TensorSource& source, const Conv2dOptions& options, Sizes x, const Sizes& w,
                        std::int64_t blocks) {
  const std::int64_t lanes = lane_functions().lanes;
  x[0] = blocks * lanes;
  const TensorType x_type{f32, Shape::of(x)};
  const TensorType y_type = Conv2d{options}.infer(x_type, {f32, Shape::of(w)});
  const auto pictures = [&](const TensorType& type) {
    return source.uniform(interleaved(type, lanes).shape.sizes(), -1.0, 1.0, f32);
  };
  const Tensor weights = source.uniform(w, -1.0, 1.0, f32);
  const auto op = [&](const Op& convolution) { return InterleavedConvolution{{convolution}, lanes}; };
  const KernelCheck checks[] = {
      {op(Conv2d{options}), {pictures(x_type), weights}},
      {op(Conv2dInputGradient{options, x_type.shape}), {pictures(y_type), weights}},
      {op(Conv2dWeightGradient{options, Shape::of(w)}), {pictures(x_type), pictures(y_type)}},
  };
  for (const KernelCheck& check : checks) {
    ASSERT_EQ(check.choice().name, "interleaved_conv");
    check.expect_correct(kLaneTolerance, kLaneTolerance);
  }
}

TEST(LaneKernels, ConvolveInterleavedPictures) {
  TensorSource source("lane convolutions");
  for (int round = 0; round < 12; ++round) {
    SCOPED_TRACE(testing::Message() << "round " << round << "; " << replay());
    const Conv2dOptions options{
        .stride = {1 + source.below(3), 1 + source.below(2)},
        .padding = {source.below(4), source.below(3), source.below(3), source.below(4)},
        .dilation = source.coin() ? Size2d(1) : Size2d(1 + source.below(3), 1 + source.below(2)),
        .groups = source.coin() ? 1 : 1 + source.below(3)};
    const std::int64_t channels = 1 + source.below(6);
    const std::int64_t filters = 1 + source.below(8);
    const Sizes kernel = source.sizes(2, 3);
    const std::int64_t height = (kernel[0] - 1) * options.dilation.height + 1 + source.below(5);
    const std::int64_t width = (kernel[1] - 1) * options.dilation.width + 1 + source.below(10);
    expect_interleaved(source, options, {0, channels * options.groups, height, width},
                       {filters * options.groups, channels, kernel[0], kernel[1]}, 1 + source.below(2));
    if (testing::Test::HasFailure()) return;
  }
}

TEST(LaneKernels, AddGradientsOfFiltersOverManyRows) {
  TensorSource source("lane bands");
  // More positions than are added up in f32, and rows that are copied in several bands.
  expect_interleaved(source, {}, {0, 5, 92, 91}, {1, 5, 1, 2}, 1);
}

TEST(LaneKernels, PoolPixelsOfManyChannels) {
  TensorSource source("pixel pooling");
  for (int round = 0; round < 40; ++round) {
    SCOPED_TRACE(testing::Message() << "round " << round << "; " << replay());
    Pool2dOptions options{.window = {1 + source.below(3), 1 + source.below(3)},
                          .stride = {1 + source.below(3), 1 + source.below(3)}};
    if (source.coin()) options.padding = Padding2d(0, source.below(options.window.height), 0, 0);
    options.ceil_mode = source.coin();
    const Sizes sizes{1 + source.below(3), 3 + source.below(6), 3 + source.below(6), 1 + source.below(40)};
    Tensor x = source.uniform(sizes, -1.0, 1.0, f32);
    if (source.coin())
      x.mutable_values<float>()[static_cast<std::size_t>(source.below(x.elements()))] = kNotANumber;
    const KernelCheck largest(ChannelsLastPooling{{MaxPool2d{options}}}, {x});
    EXPECT_EQ(largest.choice().name, "pixel_pool");
    largest.expect_correct(0.0);
    const auto pooled = evaluate(Op(ChannelsLastPooling{{MaxPool2d{options}}}), {{x}});
    const Tensor dy = source.uniform(pooled[0].type().shape.sizes(), -1.0, 1.0, f32);
    KernelCheck(ChannelsLastMaxPoolGradient{options, x.type().shape}, {dy, pooled[1]}).expect_correct(0.0);
    for (const bool counts : {false, true}) {
      KernelCheck(ChannelsLastPooling{{AvgPool2d{options, counts}}}, {x}).expect_correct(1e-6);
      const AvgPool2dGradient gradient{options, counts, channels_first(x.type()).shape};
      KernelCheck(ChannelsLastPooling{{gradient}}, {dy}).expect_correct(1e-6);
    }
    if (testing::Test::HasFailure()) return;
  }
}

TEST(LaneKernels, MeansOfLargeNumbersAreFinite) {
  const Tensor x = Tensor::of(std::vector<float>(2 * 2 * 3, 3e38F), {1, 2, 2, 3});
  const KernelCheck mean(ChannelsLastPooling{{AvgPool2d{{.window = 2}}}}, {x});
  mean.expect_correct(1e-6);
  EXPECT_EQ(mean.run(1)[0].values<float>()[0], 3e38F);
}

class LaneFunctionsOf : public testing::TestWithParam<const LaneFunctions*> {};

TEST_P(LaneFunctionsOf, AddWindowsOfAnyNumberOfFilters) {
  const LaneFunctions& functions = *GetParam();
  TensorSource source("windows");
  const std::int64_t channels = 3;
  const auto lanes = static_cast<std::size_t>(functions.lanes);
  const Tensor pictures = source.uniform({5, channels, functions.lanes}, -1.0, 1.0, f32);
  const auto x = pictures.values<float>();
  for (std::int64_t filters = 1; filters <= functions.most_filters; ++filters) {
    const auto n = static_cast<std::size_t>(filters);
    const Tensor weights = source.uniform({2, channels, filters}, -1.0, 1.0, f32);
    const auto w = weights.values<float>();
    const WindowTap taps[] = {{static_cast<std::int32_t>(channels * functions.lanes), 0},
                              {static_cast<std::int32_t>(4 * channels * functions.lanes),
                               static_cast<std::int32_t>(channels * filters)}};
    const std::vector<float> bias(n, 0.25F);
    std::vector<float> result(n * lanes, kNotANumber);
    const std::int64_t kept = std::max<std::int64_t>(filters - 1, 1);
    functions.add_windows[n]({.source = x.data(),
                              .taps = taps,
                              .channels = channels,
                              .weights = w.data(),
                              .result = result.data(),
                              .kept = kept,
                              .bias = bias.data(),
                              .rectified = true});
    for (std::size_t f = 0; f < n; ++f) {
      for (std::size_t lane = 0; lane < lanes; ++lane) {
        double sum = 0.25;
        for (std::size_t tap = 0; tap < 2; ++tap) {
          for (std::size_t c = 0; c < 3; ++c)
            sum += static_cast<double>(x[((tap == 0 ? 1 : 4) * 3 + c) * lanes + lane]) *
                   static_cast<double>(w[(tap * 3 + c) * n + f]);
        }
        const float at = result[f * lanes + lane];
        if (static_cast<std::int64_t>(f) < kept) {
          EXPECT_NEAR(at, std::max(sum, 0.0), 1e-5) << "filter " << f << " of " << n << ", lane " << lane;
        } else {
          EXPECT_TRUE(std::isnan(at)) << "a filter that is not kept";
        }
      }
    }
  }
}

TEST_P(LaneFunctionsOf, AddPositionsOfAnyNumbersOfFiltersAndChannels) {
  const LaneFunctions& functions = *GetParam();
  TensorSource source("positions");
  const auto lanes = static_cast<std::size_t>(functions.lanes);
  for (std::size_t channels = 1; channels <= kMostLaneChannels; ++channels) {
    for (std::size_t filters = 1; filters <= static_cast<std::size_t>(functions.most_rows[channels]);
         ++filters) {
      const Tensor a =
          source.uniform({4, static_cast<std::int64_t>(filters), functions.lanes}, -1.0, 1.0, f32);
      const Tensor b =
          source.uniform({7, static_cast<std::int64_t>(channels), functions.lanes}, -1.0, 1.0, f32);
      const TapRun runs[] = {{.a = 1, .b = 0, .count = 3, .tap = 1}, {.a = 0, .b = 2, .count = 2, .tap = 1}};
      std::vector<float> sums(2 * filters * channels * lanes / 2, 0.0F);
      functions.add_positions[channels][filters]({.a = a.values<float>().data(),
                                                  .a_pixel = static_cast<std::int64_t>(filters * lanes),
                                                  .b = b.values<float>().data(),
                                                  .b_pixel = static_cast<std::int64_t>(channels * lanes),
                                                  .b_stride = 2,
                                                  .runs = runs,
                                                  .sums = sums.data()});
      std::vector<double> totals(2 * filters * channels, 0.5);
      functions.take_lanes(sums.data(), static_cast<std::int64_t>(totals.size()), totals.data());
      for (std::size_t f = 0; f < filters; ++f) {
        for (std::size_t c = 0; c < channels; ++c) {
          double expected = 0.5;
          for (const TapRun& run : runs) {
            for (std::int32_t i = 0; i < run.count; ++i) {
              for (std::size_t lane = 0; lane < lanes; ++lane) {
                const std::size_t at = (static_cast<std::size_t>(run.a + i) * filters + f) * lanes + lane;
                const std::size_t other =
                    (static_cast<std::size_t>(run.b + 2 * i) * channels + c) * lanes + lane;
                expected += static_cast<double>(a.values<float>()[at]) *
                            static_cast<double>(b.values<float>()[other]);
              }
            }
          }
          EXPECT_NEAR(totals[(filters + f) * channels + c], expected, 1e-4) << filters << " x " << channels;
          EXPECT_EQ(totals[f * channels + c], 0.5) << "the other tap";
        }
      }
      EXPECT_EQ(std::ranges::count(sums, 0.0F), std::ssize(sums)) << "the lanes were taken";
    }
  }
}

TEST_P(LaneFunctionsOf, TakeTheLargerOrTheFirstNaN) {
  const LaneFunctions& functions = *GetParam();
  const std::vector<float> x{1.0F, -1.0F, kNotANumber, 2.0F, 5.0F, -kEndless, 0.0F};
  for (std::size_t n = 1; n < 70; ++n) {
    std::vector<float> here(n);
    std::vector<float> y(n);
    std::vector<std::int32_t> index(n, 3);
    for (std::size_t i = 0; i < n; ++i) {
      here[i] = x[i % x.size()];
      y[i] = i % 3 == 0 ? 0.5F : i % 3 == 1 ? kNotANumber : -3.0F;
    }
    const std::vector<float> before = y;
    functions.take_larger(here.data(), 9, y.data(), index.data(), static_cast<std::int64_t>(n));
    for (std::size_t i = 0; i < n; ++i) {
      const bool takes = !std::isnan(before[i]) && !(here[i] <= before[i]);
      EXPECT_EQ(index[i], takes ? 9 : 3) << i << " of " << n;
      const float expected = takes ? here[i] : before[i];
      EXPECT_TRUE(y[i] == expected || (std::isnan(y[i]) && std::isnan(expected))) << i << " of " << n;
    }
    std::vector<float> sums(n, 1.0F);
    functions.add_where(here.data(), index.data(), 9, sums.data(), static_cast<std::int64_t>(n));
    for (std::size_t i = 0; i < n; ++i) {
      const float expected = index[i] == 9 ? 1.0F + here[i] : 1.0F;
      EXPECT_TRUE(sums[i] == expected || (std::isnan(sums[i]) && std::isnan(expected))) << i << " of " << n;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, LaneFunctionsOf,
                         testing::ValuesIn(usable_lane_functions().begin(), usable_lane_functions().end()),
                         [](const auto& made) { return std::string(made.param->instruction_set); });

}  // namespace
}  // namespace weft
