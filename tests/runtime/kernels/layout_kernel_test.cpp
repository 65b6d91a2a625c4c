// The kernels of ops that only move elements give the reference's bits, whole and in parts.

#include <gtest/gtest.h>

#include <numeric>

#include "weft/ops/layout.h"
#include "weft/ops/structure.h"
#include "weft/tests/runtime/kernels/kernel_check.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::KernelCheck;
using testing_support::replay;
using testing_support::Sizes;
using testing_support::TensorSource;

constexpr DType kDTypes[] = {f32, f64, i32, i64, u8, boolean};

Tensor tensor_of(TensorSource& source, const Sizes& sizes, DType dtype) {
  return is_float(dtype) ? source.uniform(sizes, -2.0, 2.0, dtype)
                         : source.whole(sizes, dtype == boolean ? 2 : 100, dtype);
}

void expect_same_bits(const Op& op, const std::vector<Tensor>& inputs, std::string_view kernel) {
  const KernelCheck check(op, inputs);
  EXPECT_EQ(check.choice().name, kernel);
  check.expect_correct(0.0);
  ASSERT_FALSE(testing::Test::HasFailure()) << check.describe() << "; " << replay();
}

TEST(LayoutKernels, PermuteAxesOfEveryRank) {
  TensorSource source("permutations");
  for (const Sizes& sizes : std::vector<Sizes>{{},
                                               {7},
                                               {1, 5},
                                               {33, 18},
                                               {64, 64},
                                               {3, 20, 17},
                                               {1, 9, 1, 40},
                                               {2, 16, 4, 8},
                                               {5, 1, 19, 6},
                                               {2, 3, 4, 5, 6},
                                               {3, 0, 2}}) {
    std::vector<std::int64_t> order(sizes.size());
    std::iota(order.begin(), order.end(), 0);
    do {
      for (const DType dtype : kDTypes)
        expect_same_bits(Transpose{order}, {tensor_of(source, sizes, dtype)}, "transpose");
    } while (std::ranges::next_permutation(order).found);
  }
}

TEST(LayoutKernels, RepeatAlongAnyAxes) {
  TensorSource source("repetitions");
  const Sizes wide{3, 4, 1, 18, 5};
  for (std::size_t kept = 0; kept < 32; ++kept) {
    Sizes narrow = wide;
    for (std::size_t axis = 0; axis < wide.size(); ++axis) {
      if ((kept >> axis & 1U) == 0) narrow[axis] = 1;
    }
    const DType dtype = kDTypes[kept % std::size(kDTypes)];
    expect_same_bits(BroadcastTo{Shape::of(wide)}, {tensor_of(source, narrow, dtype)}, "broadcast");
  }
  expect_same_bits(BroadcastTo{{3, 4}}, {tensor_of(source, {4}, f32)}, "broadcast");
  expect_same_bits(BroadcastTo{{7}}, {tensor_of(source, {}, i64)}, "broadcast");
  expect_same_bits(BroadcastTo{{0, 4}}, {tensor_of(source, {4}, f32)}, "broadcast");
}

TEST(LayoutKernels, SliceAnyAxisByAnyStep) {
  TensorSource source("slices");
  const Sizes sizes{6, 1, 9, 20};
  for (std::int64_t axis = 0; axis < 4; ++axis) {
    const std::int64_t size = sizes[static_cast<std::size_t>(axis)];
    for (int round = 0; round < 12; ++round) {
      const std::int64_t start = source.below(size + 1);
      const std::int64_t stop = start + source.below(size - start + 1);
      const Slice slice{.axis = axis, .start = start, .stop = stop, .step = 1 + source.below(3)};
      const DType dtype = kDTypes[static_cast<std::size_t>(round) % std::size(kDTypes)];
      const Tensor x = tensor_of(source, sizes, dtype);
      expect_same_bits(slice, {x}, "slice");
      const auto part = slice.infer(x.type()).shape.sizes();
      expect_same_bits(Unslice{{slice}, Shape::of(sizes)}, {tensor_of(source, part, dtype)}, "unslice");
    }
  }
}

TEST(LayoutKernels, PutSeveralSlicesBackAtOnce) {
  TensorSource source("several slices");
  for (std::int64_t axis = 0; axis < 3; ++axis) {
    Sizes sizes{5, 4, 6};
    std::vector<Slice> slices;
    std::vector<Tensor> parts;
    std::int64_t end = 0;
    for (int i = 0; i < 7; ++i) {
      const std::int64_t start = end + source.below(3);
      const std::int64_t count = source.below(3);
      const std::int64_t step = count > 1 && axis == 1 ? 2 : 1;
      end = start + (count > 0 ? (count - 1) * step + 1 : 0);
      sizes[static_cast<std::size_t>(axis)] = count;
      slices.push_back({.axis = axis, .start = start, .stop = end, .step = step});
      parts.push_back(tensor_of(source, sizes, f32));
    }
    sizes[static_cast<std::size_t>(axis)] = end + 2;
    expect_same_bits(Unslice{slices, Shape::of(sizes)}, parts, "unslice");
  }
}

TEST(LayoutKernels, JoinAlongAnyAxis) {
  TensorSource source("concatenations");
  for (std::int64_t axis = 0; axis < 3; ++axis) {
    for (const DType dtype : kDTypes) {
      std::vector<Tensor> parts;
      for (const std::int64_t length : {3, 0, 1, 17}) {
        Sizes sizes{4, 5, 6};
        sizes[static_cast<std::size_t>(axis)] = length;
        parts.push_back(tensor_of(source, sizes, dtype));
      }
      expect_same_bits(Concat{axis}, parts, "concat");
    }
  }
}

TEST(LayoutKernels, PutElementsBeyondTheEnds) {
  TensorSource source("padding");
  for (const DType dtype : kDTypes) {
    const double value = dtype == u8 || dtype == boolean ? 1.0 : -1.0;
    expect_same_bits(Pad{{2, 0, 1}, {0, 3, 2}, value}, {tensor_of(source, {5, 1, 7}, dtype)}, "pad");
    expect_same_bits(Pad{{0, 2}, {4, 0}, value}, {tensor_of(source, {1, 6}, dtype)}, "pad");
    expect_same_bits(Pad{{2, 1}, {0, 3}, value}, {tensor_of(source, {3, 0}, dtype)}, "pad");
  }
}

TEST(LayoutKernels, ReverseAnyAxes) {
  TensorSource source("flips");
  for (const std::vector<std::int64_t>& axes :
       std::vector<std::vector<std::int64_t>>{{0}, {1}, {2}, {-1}, {0, 1}, {0, 2}, {1, 2}, {0, 1, 2}}) {
    for (const DType dtype : kDTypes)
      expect_same_bits(Flip{axes}, {tensor_of(source, {4, 5, 6}, dtype)}, "flip");
    expect_same_bits(Flip{axes}, {tensor_of(source, {1, 7, 1}, f32)}, "flip");
  }
}

TEST(LayoutKernels, CutAlongTheFirstAxisWithMoreThanOneElement) {
  TensorSource source("cuts");
  const KernelCheck check(Transpose{{0, 2, 1}}, {source.uniform({1, 30, 40}, -1.0, 1.0, f32)});
  EXPECT_EQ(check.choice().cut.extent, 40);
  const KernelCheck rows(Transpose{{0, 2, 1}}, {source.uniform({8, 3, 4}, -1.0, 1.0, f32)});
  EXPECT_EQ(rows.choice().cut.extent, 8);
  EXPECT_EQ(rows.choice().cut.inputs, std::vector<Portion>{Portion::rows});
}

}  // namespace
}  // namespace weft
