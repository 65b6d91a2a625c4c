#include <gtest/gtest.h>

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
constexpr double kVolumeTolerance = 1e-4;

/// Checks all three ops of one convolution of volumes.
void expect_correct_volumes(TensorSource& source, const Conv3dOptions& options, const Sizes& x_sizes,
                            const Sizes& w_sizes) {
  const Tensor x = source.uniform(x_sizes, -1.0, 1.0, f32);
  const Tensor w = source.uniform(w_sizes, -1.0, 1.0, f32);
  const Conv3d op{options};
  const Tensor dy = source.uniform(op.infer(x.type(), w.type()).shape.sizes(), -1.0, 1.0, f32);
  const KernelCheck checks[] = {
      {op, {x, w}},
      {Conv3dInputGradient{options, Shape::of(x_sizes)}, {dy, w}},
      {Conv3dWeightGradient{options, Shape::of(w_sizes)}, {x, dy}},
  };
  for (const KernelCheck& check : checks) {
    ASSERT_EQ(check.choice().name, "onednn_conv");
    check.expect_correct(kVolumeTolerance, kVolumeTolerance);
  }
}

TEST(VolumeKernel, ComputesWhatTheReferenceDoes) {
  TensorSource source("volume kernel");
  for (int round = 0; round < 30; ++round) {
    SCOPED_TRACE(testing::Message() << "round " << round << "; " << replay());
    const auto few = [&] { return 1 + source.below(2); };
    const auto edge = [&] { return source.below(3); };
    const Conv3dOptions options{.stride = {few(), few(), few()},
                                .padding = {edge(), edge(), edge(), edge(), edge(), edge()},
                                .dilation = {few(), few(), few()},
                                .groups = few()};
    const std::int64_t channels = 1 + source.below(18);
    Sizes x{1 + source.below(3), channels * options.groups};
    Sizes w{(1 + source.below(18)) * options.groups, channels};
    for (const std::int64_t dilation : options.dilation.values()) {
      w.push_back(1 + source.below(3));
      x.push_back((w.back() - 1) * dilation + 1 + source.below(5));
    }
    expect_correct_volumes(source, options, x, w);
    if (testing::Test::HasFailure()) return;
  }
}

TEST(VolumeKernel, ComputesTheShapesOfKnownNetworks) {
  TensorSource source("volume shapes");
  expect_correct_volumes(source, {.padding = 1}, {2, 3, 8, 14, 14}, {16, 3, 3, 3, 3});
  expect_correct_volumes(source, {.stride = {1, 2, 2}, .padding = {1, 3, 3}}, {1, 3, 6, 20, 20},
                         {8, 3, 3, 7, 7});
  expect_correct_volumes(source, {.stride = 2}, {2, 16, 4, 6, 6}, {32, 16, 1, 1, 1});
  expect_correct_volumes(source, {.padding = 1, .groups = 8}, {2, 8, 4, 6, 6}, {8, 1, 3, 3, 3});
}

}  // namespace
}  // namespace weft
