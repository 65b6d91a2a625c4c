#include "weft/graph/tensor.h"

#include <gtest/gtest.h>

#include <array>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>

#include "weft/frontends/verify/guarded_buffer.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::expect_error;
using testing_support::numbers;
using testing_support::sizes_of;
using verify::GuardedBuffer;
using Sizes = std::vector<std::int64_t>;

TEST(Tensor, HoldsTheValuesItWasMadeOf) {
  const Tensor tensor = Tensor::of<float>({1, 2, 3, 4, 5, 6}, {2, 3});
  EXPECT_EQ(tensor.dtype(), f32);
  EXPECT_EQ(sizes_of(tensor), (Sizes{2, 3}));
  EXPECT_EQ(tensor.rank(), 2U);
  EXPECT_EQ(tensor.elements(), 6);
  EXPECT_EQ(tensor.bytes(), 24U);
  EXPECT_EQ(tensor.type(), (TensorType{f32, {2, 3}}));
  EXPECT_EQ(tensor.values<float>()[4], 5.0F);
  EXPECT_EQ(Tensor::scalar(2.5).item<double>(), 2.5);
  EXPECT_EQ(Tensor::scalar(true).rank(), 0U);
  EXPECT_EQ(sizes_of(Tensor::of<std::int64_t>({7, 8})), Sizes{2});
}

TEST(Tensor, StartsAtA64ByteBoundary) {
  for (const std::int64_t size : {0, 1, 3, 1000}) {
    for (const DType dtype : {f32, f64, u8, boolean}) {
      const Tensor tensor = Tensor::zeros(dtype, {size});
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.data()) % 64, 0U);
    }
  }
}

/// Whether large pages were asked for where an address lies; empty where the kernel does not tell.
std::optional<bool> asked_for_large_pages(const void* address) {
  std::ifstream maps("/proc/self/smaps");
  bool inside = false;
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &begin, &end) == 2) {
      const auto at = reinterpret_cast<std::uintptr_t>(address);
      inside = begin <= at && at < end;
    } else if (inside && line.starts_with("VmFlags:")) {
      return line.find(" hg") != std::string::npos;
    }
  }
  return std::nullopt;
}

TEST(Tensor, AsksForLargePagesWhereItFillsThem) {
  constexpr std::int64_t kPage = std::int64_t{2} * 1024 * 1024;
  const Tensor large = Tensor::uninitialized(DType::u8, {2 * kPage + 1});
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(large.data()) % kPage, 0);
  const auto asked = asked_for_large_pages(large.data());
  if (!asked || !std::filesystem::exists("/sys/kernel/mm/transparent_hugepage")) {
    GTEST_SKIP() << "this kernel has no large pages, or does not tell where they were asked for";
  }
  EXPECT_TRUE(*asked);
  const Tensor small = Tensor::uninitialized(DType::u8, {kPage});
  EXPECT_FALSE(asked_for_large_pages(small.data()).value_or(false));
}

TEST(Tensor, IsZeroWhenAskedFor) {
  for (const DType dtype : {f32, f64, i32, i64, u8, boolean}) {
    EXPECT_EQ(numbers(Tensor::zeros(dtype, {5})), std::vector<double>(5, 0.0));
  }
}

TEST(Tensor, SharesMemoryWhenCopiedAndNotWhenCloned) {
  Tensor tensor = Tensor::of<double>({1, 2});
  const Tensor copy = tensor;  // NOLINT(performance-unnecessary-copy-initialization): the copy is the point
  const Tensor clone = tensor.clone();
  tensor.mutable_values<double>()[0] = 5.0;
  EXPECT_EQ(copy.values<double>()[0], 5.0);
  EXPECT_EQ(clone.values<double>()[0], 1.0);
  EXPECT_EQ(copy.data(), tensor.data());
  EXPECT_EQ(tensor.use_count(), 2);
  EXPECT_EQ(clone.use_count(), 1);
}

TEST(Tensor, BorrowsMemoryReadOnly) {
  const std::vector<float> owner{1, 2, 3, 4};
  Tensor tensor = Tensor::borrow(owner.data(), f32, Sizes{2, 2});
  EXPECT_EQ(tensor.data(), owner.data());
  EXPECT_EQ(tensor.values<float>()[3], 4.0F);
  expect_error(ErrorCode::invalid_argument, {"read-only"}, [&] { tensor.mutable_data(); });
  expect_error(ErrorCode::invalid_argument, {"read-only"}, [&] { tensor.rows(0, 1).mutable_data(); });
  expect_error(ErrorCode::invalid_argument, {"read-only"}, [&] { tensor.reshaped(Sizes{4}).mutable_data(); });
  EXPECT_NO_THROW(tensor.clone().mutable_data());
}

TEST(Tensor, KeepsTheOwnerOfBorrowedMemoryAlive) {
  auto owner = std::make_shared<std::vector<float>>(4, 1.0F);
  const std::weak_ptr<std::vector<float>> alive = owner;
  Tensor rows;
  {
    const Tensor tensor = Tensor::borrow(owner->data(), f32, Sizes{2, 2}, owner);
    rows = tensor.rows(1, 1);
  }
  owner.reset();
  EXPECT_FALSE(alive.expired());
  rows = Tensor();
  EXPECT_TRUE(alive.expired());
}

TEST(Tensor, GivesRowsWithoutACopy) {
  const Tensor tensor = Tensor::of<float>({1, 2, 3, 4, 5, 6}, {3, 2});
  const Tensor rows = tensor.rows(1, 2);
  EXPECT_EQ(sizes_of(rows), (Sizes{2, 2}));
  EXPECT_EQ(numbers(rows), (std::vector<double>{3, 4, 5, 6}));
  EXPECT_EQ(rows.data(), tensor.values<float>().data() + 2);
  EXPECT_EQ(tensor.rows(3, 0).elements(), 0);
  EXPECT_EQ(Tensor::zeros(f32, {0, 3}).rows(0, 0).elements(), 0);
  EXPECT_EQ(numbers(tensor.rows(1, 2).rows(1, 1)), (std::vector<double>{5, 6}));
}

TEST(Tensor, RejectsRowsThatItDoesNotHave) {
  const Tensor tensor = Tensor::zeros(f32, {3, 2});
  constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();
  const std::vector<std::pair<std::int64_t, std::int64_t>> outside = {
      {0, 4}, {3, 1}, {-1, 1}, {1, -1}, {kLargest, 1}, {1, kLargest}, {4, 0}, {kLargest, kLargest}};
  for (const auto& [begin, count] : outside) {
    expect_error(ErrorCode::out_of_range, {"rows", "f32[3, 2]"}, [&] { return tensor.rows(begin, count); });
  }
  expect_error(ErrorCode::out_of_range, {"rows"}, [] { return Tensor::scalar(1.0F).rows(0, 1); });
}

TEST(Tensor, ReshapesWithoutACopy) {
  const Tensor tensor = Tensor::of<float>({1, 2, 3, 4, 5, 6}, {3, 2});
  const Tensor reshaped = tensor.reshaped(Sizes{2, 3});
  EXPECT_EQ(reshaped.data(), tensor.data());
  EXPECT_EQ(sizes_of(reshaped), (Sizes{2, 3}));
  expect_error(ErrorCode::shape_mismatch, {"[3, 2]", "[4]"}, [&] { return tensor.reshaped(Sizes{4}); });
}

TEST(Tensor, RejectsSizesThatOverflowOrAreNegative) {
  expect_error(ErrorCode::invalid_argument, {"63 bits"},
               [] { return Tensor::zeros(f32, {1LL << 40, 1LL << 40}); });
  expect_error(ErrorCode::invalid_argument, {"63 bits"}, [] { return Tensor::zeros(f64, {1LL << 61}); });
  expect_error(ErrorCode::invalid_argument, {"negative"}, [] { return Tensor::zeros(f32, {-1}); });
  expect_error(ErrorCode::invalid_argument, {"negative"}, [] { return Tensor::zeros(f32, {0, -1}); });
  expect_error(ErrorCode::invalid_argument, {"negative"},
               [] { return Tensor::borrow(nullptr, f32, Sizes{0, -1}); });
}

TEST(Tensor, RejectsAnotherNumberOfValuesThanItsSizesSay) {
  expect_error(ErrorCode::shape_mismatch, {"4 values for [2, 2]", "got 3"},
               [] { return Tensor::of<float>({1, 2, 3}, {2, 2}); });
}

TEST(Tensor, RejectsToBeReadAsAnotherDType) {
  Tensor tensor = Tensor::of<float>({1});
  expect_error(ErrorCode::dtype_mismatch, {"expected f64", "got f32"},
               [&] { return tensor.values<double>(); });
  expect_error(ErrorCode::dtype_mismatch, {"expected i32"},
               [&] { return tensor.mutable_values<std::int32_t>(); });
  expect_error(ErrorCode::dtype_mismatch, {"expected i64"}, [&] { return tensor.item<std::int64_t>(); });
  expect_error(ErrorCode::shape_mismatch, {"one element", "f32[2]"},
               [] { return Tensor::of<float>({1, 2}).item<float>(); });
}

TEST(Tensor, AnswersNoQuestionWhenItIsEmpty) {
  Tensor empty;
  EXPECT_TRUE(empty.empty());
  expect_error(ErrorCode::invalid_argument, {"empty tensor"}, [&] { return empty.dtype(); });
  expect_error(ErrorCode::invalid_argument, {"empty tensor"}, [&] { return empty.elements(); });
  expect_error(ErrorCode::invalid_argument, {"empty tensor"}, [&] { return empty.mutable_data(); });
  expect_error(ErrorCode::invalid_argument, {"empty tensor"}, [&] { return empty.clone(); });
  EXPECT_EQ(to_string(empty), "empty tensor");
}

TEST(Tensor, ComparesByBytes) {
  const Tensor tensor = Tensor::of<double>({1, std::nan("")});
  EXPECT_TRUE(identical(tensor, tensor.clone()));
  EXPECT_FALSE(identical(tensor, Tensor::of<double>({1, 2})));
  EXPECT_FALSE(identical(Tensor::scalar(0.0), Tensor::scalar(-0.0)));
  EXPECT_FALSE(identical(Tensor::zeros(f32, {2}), Tensor::zeros(i32, {2})));
  EXPECT_FALSE(identical(Tensor::zeros(f32, {2, 1}), Tensor::zeros(f32, {1, 2})));
  EXPECT_TRUE(identical(Tensor::zeros(f32, {0, 2}), Tensor::zeros(f32, {0, 2})));
  EXPECT_TRUE(identical(Tensor(), Tensor()));
  EXPECT_FALSE(identical(Tensor(), tensor));
}

TEST(Tensor, PrintsItsFirstElements) {
  EXPECT_EQ(to_string(Tensor::of<float>({1, 2.5})), "f32[2] {1, 2.5}");
  EXPECT_EQ(to_string(Tensor::of<std::uint8_t>({1, 2, 3, 4, 5, 6, 7, 8, 9})),
            "u8[9] {1, 2, 3, 4, 5, 6, 7, 8, ...}");
  EXPECT_EQ(to_string(Tensor::scalar(true)), "bool[] {true}");
}

TEST(GuardedBuffer, ShowsWritesOutsideAndElementsLeftOut) {
  GuardedBuffer buffer(f32, Sizes{3});
  EXPECT_TRUE(buffer.intact());
  EXPECT_TRUE(std::isnan(buffer.tensor().values<float>()[2]));
  auto* elements = static_cast<float*>(buffer.arg().data);
  elements[2] = 1.0F;
  EXPECT_TRUE(buffer.intact());
  elements[3] = 1.0F;
  EXPECT_FALSE(buffer.intact());
  GuardedBuffer other(f32, Sizes{3});
  static_cast<float*>(other.arg().data)[-1] = 1.0F;
  EXPECT_FALSE(other.intact());
}

TEST(Tensor, TakesValuesAndSizesAsTheyAreEverydayWritten) {
  const std::vector<float> values{1, 2, 3, 4, 5, 6};
  const std::size_t n = 3;
  const long rows = 2;
  const Tensor x = Tensor::of(values, {n, 2});
  EXPECT_TRUE(identical(x, Tensor::of<float>({1, 2, 3, 4, 5, 6}, {3, 2})));
  EXPECT_TRUE(identical(x, Tensor::of(std::span<const float>(values), Shape{3, 2})));
  EXPECT_TRUE(
      identical(x, Tensor::of(std::array{1.0F, 2.0F, 3.0F, 4.0F, 5.0F, 6.0F}, std::vector<int>{3, 2})));
  EXPECT_EQ(Tensor::of(values).type(), (TensorType{f32, {6}}));
  EXPECT_EQ(Tensor::of(std::vector<std::int64_t>{1, 2}, {1, 2}).type(), (TensorType{i64, {1, 2}}));
  EXPECT_TRUE(identical(Tensor::of(std::vector<bool>{true, false}), Tensor::of({true, false})));
  EXPECT_EQ(Tensor::zeros(f32, Shape{rows, 3}).type(), (TensorType{f32, {2, 3}}));
  EXPECT_EQ(Tensor::zeros(f64, {}).type(), (TensorType{f64, {}}));
  EXPECT_EQ(Tensor::borrow(values.data(), f32, {n, rows}).type(), (TensorType{f32, {3, 2}}));
  EXPECT_EQ(x.reshaped({rows, n}).type(), (TensorType{f32, {2, 3}}));
  expect_error(ErrorCode::shape_mismatch, {"4 values for [2, 2]", "got 6"},
               [&] { Tensor::of(values, {2, 2}); });
  expect_error(ErrorCode::shape_mismatch, {"'batch' is not known"},
               [] { Tensor::zeros(f32, Shape{"batch"}); });
  expect_error(ErrorCode::invalid_argument, {"63 bits"}, [] { Tensor::zeros(f32, {~std::size_t{0}}); });
  expect_error(ErrorCode::invalid_argument, {"negative"}, [] { Tensor::zeros(f32, {-1}); });
}

TEST(Tensor, LivesAsLongAsTheValuesOfATemporary) {
  const auto fresh = [] { return Tensor::of<double>({1, 2, 3}); };
  double sum = 0.0;
  for (const double x : fresh().values<double>()) sum += x;
  EXPECT_EQ(sum, 6.0);
  const auto kept = fresh().values<double>();
  EXPECT_EQ(kept[2], 3.0);
}

}  // namespace
}  // namespace weft
