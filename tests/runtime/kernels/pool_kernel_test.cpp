#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "weft/ops/pool.h"
#include "weft/tests/runtime/kernels/kernel_check.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::expect_error;
using testing_support::KernelCheck;
using testing_support::replay;
using testing_support::Sizes;
using testing_support::TensorSource;

constexpr double kPoolTolerance = 1e-5;

struct Pooling {
  Pool2dOptions options;
  Sizes x, y;
};

Pooling random_pooling(TensorSource& source) {
  const bool halves = source.below(4) == 0;  // the window that has a loop of its own
  const std::int64_t height = halves ? 2 : 1 + source.below(5);
  const std::int64_t width = halves ? 2 : 1 + source.below(5);
  Pool2dOptions options{
      .window = {height, width},
      .stride = {source.below(4), source.below(4)},
      .padding = {source.below(height), source.below(height), source.below(width), source.below(width)}};
  if (source.coin()) options.dilation = {1 + source.below(3), 1 + source.below(3)};
  if (halves) options = {.window = 2};
  options.ceil_mode = source.coin();
  const Sizes planes = source.sizes(2, 4);
  const Size2d dilation = options.dilation;
  const Sizes x{planes[0], planes[1],
                std::max((height - 1) * dilation.height + 1, dilation.height) + source.below(7),
                std::max((width - 1) * dilation.width + 1, dilation.width) + source.below(40)};
  return {options, x, MaxPool2d{options}.infer({f32, Shape::of(x)})[0].shape.sizes()};
}

TEST(PoolKernels, ComputeWhatTheReferencesDo) {
  TensorSource source("pool kernels");
  for (int round = 0; round < 200; ++round) {
    SCOPED_TRACE(testing::Message() << "round " << round << "; " << replay());
    const Pooling in = random_pooling(source);
    const Tensor x = source.uniform(in.x, -1.0, 1.0, f32);
    const Tensor dy = source.uniform(in.y, -1.0, 1.0, f32);
    const Tensor index = source.whole(in.y, in.x[2] * in.x[3], i32);
    const bool include = source.coin();
    const auto check = [](std::string_view name, const KernelCheck& kernel, double tolerance) {
      EXPECT_EQ(kernel.choice().name, name);
      kernel.expect_correct(tolerance);
    };
    check("max_pool", {MaxPool2d{in.options}, {x}}, 0.0);
    check("plane_scatter", {PlaneScatterAdd{Shape::of(in.x)}, {dy, index}}, kPoolTolerance);
    check("reference", {PlaneGather{}, {x, index}}, 0.0);
    check("avg_pool", {AvgPool2d{in.options, include}, {x}}, kPoolTolerance);
    check("avg_pool_gradient", {AvgPool2dGradient{in.options, include, Shape::of(in.x)}, {dy}},
          kPoolTolerance);
    if (testing::Test::HasFailure()) return;
  }
}

TEST(PoolKernels, RunInF64ByTheirReferences) {
  TensorSource source("pool kernels f64");
  for (int round = 0; round < 20; ++round) {
    SCOPED_TRACE(testing::Message() << "round " << round << "; " << replay());
    const Pooling in = random_pooling(source);
    const Tensor x = source.uniform(in.x);
    const Tensor dy = source.uniform(in.y);
    const Tensor index = source.whole(in.y, in.x[2] * in.x[3], i32);
    KernelCheck(MaxPool2d{in.options}, {x}).expect_correct(0.0);
    KernelCheck(PlaneScatterAdd{Shape::of(in.x)}, {dy, index}).expect_correct(0.0);
    KernelCheck(AvgPool2d{in.options, false}, {x}).expect_correct(0.0);
    KernelCheck(AvgPool2dGradient{in.options, false, Shape::of(in.x)}, {dy}).expect_correct(0.0);
  }
}

TEST(PoolKernels, TreatNaNsInfinitiesAndEqualsAsTheReferenceDoes) {
  TensorSource source("pool kernels with few values");
  const float values[] = {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity(),
                          std::numeric_limits<float>::infinity(), 0.0F, 1.0F};
  for (int round = 0; round < 100; ++round) {
    SCOPED_TRACE(testing::Message() << "round " << round << "; " << replay());
    const Pooling in = random_pooling(source);
    Tensor x = Tensor::zeros(f32, in.x);
    for (float& element : x.mutable_values<float>()) element = values[source.below(std::size(values))];
    KernelCheck(MaxPool2d{in.options}, {x}).expect_correct(0.0);
    KernelCheck(AvgPool2d{in.options, true}, {x}).expect_correct(kPoolTolerance);
    if (testing::Test::HasFailure()) return;
  }
}

TEST(PoolKernels, TakeMeansOfNumbersWhoseSumOverflows) {
  TensorSource source("pool kernels of the largest numbers");
  const float values[] = {3e38F, 2e38F, 1e30F};
  for (int round = 0; round < 50; ++round) {
    SCOPED_TRACE(testing::Message() << "round " << round << "; " << replay());
    const Pooling in = random_pooling(source);
    Tensor x = Tensor::zeros(f32, in.x);
    for (float& element : x.mutable_values<float>()) element = values[source.below(std::size(values))];
    for (const bool include : {false, true})
      KernelCheck(AvgPool2d{in.options, include}, {x}).expect_correct(kPoolTolerance);
    if (testing::Test::HasFailure()) return;
  }
}

TEST(PoolKernels, TakeEmptyBatches) {
  const Tensor x = Tensor::zeros(f32, Sizes{0, 2, 4, 4});
  const Tensor dy = Tensor::zeros(f32, Sizes{0, 2, 2, 2});
  const Tensor index = Tensor::zeros(i32, Sizes{0, 2, 2, 2});
  KernelCheck(MaxPool2d{{.window = 2}}, {x}).expect_correct(0.0);
  KernelCheck(PlaneScatterAdd{{0, 2, 4, 4}}, {dy, index}).expect_correct(0.0);
  KernelCheck(AvgPool2d{{.window = 2}}, {x}).expect_correct(0.0);
  KernelCheck(AvgPool2dGradient{{.window = 2}, true, {0, 2, 4, 4}}, {dy}).expect_correct(0.0);
}

TEST(PoolKernels, CheckEveryIndexOfTheirPart) {
  for (const DType dtype : {f32, f64}) {
    for (std::size_t bad = 0; bad < 8; ++bad) {
      for (const std::int32_t index : {-1, 6, std::numeric_limits<std::int32_t>::max()}) {
        Tensor indices = Tensor::zeros(i32, Sizes{4, 1, 1, 2});
        indices.mutable_values<std::int32_t>()[bad] = index;
        for (const int shards : {1, 2, 4}) {
          expect_error(ErrorCode::out_of_range, {std::to_string(index), "[0, 6)"}, [&] {
            KernelCheck(PlaneScatterAdd{{4, 1, 2, 3}}, {Tensor::zeros(dtype, Sizes{4, 1, 1, 2}), indices})
                .run(shards);
          });
        }
      }
    }
  }
}

}  // namespace
}  // namespace weft
