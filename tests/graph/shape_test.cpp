#include "weft/graph/shape.h"

#include <gtest/gtest.h>

#include <limits>

#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::expect_error;

constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();

TEST(Dim, IsANumberOrASymbol) {
  EXPECT_EQ(Dim(3).size(), 3);
  EXPECT_EQ(Dim(std::size_t{4}), Dim(4));
  EXPECT_FALSE(Dim(3).is_symbol());
  EXPECT_TRUE(Dim("batch").is_symbol());
  EXPECT_EQ(Dim("batch").symbol(), "batch");
  EXPECT_EQ(Dim("batch"), Dim(std::string("batch")));
  EXPECT_NE(Dim("batch"), Dim("classes"));
  EXPECT_EQ(to_string(Dim("batch")), "batch");
  EXPECT_EQ(to_string(Dim(0)), "0");
}

TEST(Dim, EqualsNoNumberWhenItIsASymbol) {
  for (const std::int64_t size : {-1, 0, 1}) EXPECT_FALSE(Dim("batch").is(size)) << size;
  EXPECT_TRUE(Dim(1).is(1));
  EXPECT_FALSE(Dim(1).is(2));
}

TEST(Dim, RejectsWhatIsNoSize) {
  expect_error(ErrorCode::invalid_argument, {"negative", "got -2"}, [] { Dim{-2}; });
  expect_error(ErrorCode::invalid_argument, {"63 bits"},
               [] { Dim{std::numeric_limits<std::size_t>::max()}; });
  expect_error(ErrorCode::invalid_argument, {"needs a name"}, [] { Dim{""}; });
  expect_error(ErrorCode::shape_mismatch, {"'batch' is not known"}, [] { return Dim("batch").size(); });
}

TEST(Shape, CountsItsElements) {
  EXPECT_EQ(Shape{}.elements(), 1);
  EXPECT_TRUE(Shape{}.is_scalar());
  EXPECT_EQ((Shape{2, 3, 4}).elements(), 24);
  EXPECT_EQ((Shape{2, 0, 4}).elements(), 0);
  EXPECT_EQ((Shape{2, 3}).sizes(), (std::vector<std::int64_t>{2, 3}));
}

TEST(Shape, IsNotConcreteWhileASymbolIsLeft) {
  const Shape shape{"batch", 784};
  EXPECT_FALSE(shape.is_concrete());
  EXPECT_TRUE((Shape{1, 784}).is_concrete());
  expect_error(ErrorCode::shape_mismatch, {"batch"}, [&] { return shape.elements(); });
  expect_error(ErrorCode::shape_mismatch, {"batch"}, [&] { return shape.sizes(); });
}

TEST(Shape, BindsTheSymbolsThatAreKnown) {
  const Shape shape{"batch", 3, "classes", "batch"};
  EXPECT_EQ(shape.bind({{"batch", 64}}), (Shape{64, 3, "classes", 64}));
  EXPECT_EQ(shape.bind({{"batch", 64}, {"classes", 10}, {"other", 1}}), (Shape{64, 3, 10, 64}));
  EXPECT_EQ(shape.bind({}), shape);
  expect_error(ErrorCode::invalid_argument, {"negative"}, [&] { return shape.bind({{"batch", -1}}); });
}

TEST(Shape, PrintsAsAListOfDimensions) {
  EXPECT_EQ(to_string(Shape{}), "[]");
  EXPECT_EQ(to_string(Shape{"batch", 784}), "[batch, 784]");
  EXPECT_EQ(to_string(TensorType{f32, {"batch", 784}}), "f32[batch, 784]");
  EXPECT_EQ(to_string(TensorType{boolean, {}}), "bool[]");
}

TEST(CheckedElements, RejectsProductsThatOverflow) {
  const std::vector<std::vector<std::int64_t>> too_many = {
      {kHuge, 2}, {1LL << 32, 1LL << 31}, {1LL << 21, 1LL << 21, 1LL << 21}};
  for (const auto& sizes : too_many) {
    expect_error(ErrorCode::invalid_argument, {"does not fit 63 bits"},
                 [&] { return checked_elements(sizes); });
  }
  EXPECT_EQ(checked_elements(std::vector{kHuge, std::int64_t{1}}), kHuge);
}

TEST(CheckedElements, IsZeroWhereverAZeroStands) {
  EXPECT_EQ(checked_elements(std::vector<std::int64_t>{kHuge, kHuge, 0}), 0);
  EXPECT_EQ(checked_elements(std::vector<std::int64_t>{0, kHuge, kHuge}), 0);
}

TEST(CheckedElements, RejectsNegativeSizesEvenBesideAZero) {
  expect_error(ErrorCode::invalid_argument, {"negative", "-3"},
               [] { return checked_elements(std::vector<std::int64_t>{2, -3}); });
  expect_error(ErrorCode::invalid_argument, {"negative", "-3"},
               [] { return checked_elements(std::vector<std::int64_t>{0, -3}); });
  expect_error(ErrorCode::invalid_argument, {"negative"},
               [] { return checked_elements(std::vector<std::int64_t>{-3, -3}); });
}

TEST(CheckedBytes, RejectsMemoryThatOverflows) {
  EXPECT_EQ(checked_bytes(std::vector<std::int64_t>{2, 3}, f64), 48U);
  const std::vector<std::int64_t> sizes{kHuge / 4};
  EXPECT_NO_THROW(checked_bytes(sizes, f32));
  expect_error(ErrorCode::invalid_argument, {"bytes", "f64"}, [&] { return checked_bytes(sizes, f64); });
}

struct BroadcastRow {
  Shape a;
  Shape b;
  Shape result;
};

TEST(Broadcast, FollowsNumPy) {
  const std::vector<BroadcastRow> rows = {
      {{}, {}, {}},
      {{}, {3}, {3}},
      {{3}, {1}, {3}},
      {{2, 3}, {3}, {2, 3}},
      {{2, 1}, {1, 3}, {2, 3}},
      {{4, 1, 3}, {2, 1}, {4, 2, 3}},
      {{2, 3, 4, 5}, {}, {2, 3, 4, 5}},
      {{1, 1, 1, 1}, {7}, {1, 1, 1, 7}},
      {{0}, {1}, {0}},
      {{3, 0}, {3, 1}, {3, 0}},
      {{"batch", 3}, {3}, {"batch", 3}},
      {{"batch", 1}, {"batch", 3}, {"batch", 3}},
      {{"batch"}, {1}, {"batch"}},
  };
  for (const auto& [a, b, result] : rows) {
    EXPECT_EQ(broadcast(a, b), result) << to_string(a) << " and " << to_string(b);
    EXPECT_EQ(broadcast(b, a), result) << to_string(b) << " and " << to_string(a);
  }
}

TEST(Broadcast, RejectsDimensionsThatDiffer) {
  const std::vector<std::pair<Shape, Shape>> rows = {
      {{2}, {3}},        {{2, 3}, {2}},          {{0}, {2}},
      {{"batch"}, {64}}, {{"batch"}, {"other"}}, {{2, 3}, {3, 2, 1, 2}}};
  for (const auto& [a, b] : rows) {
    expect_error(ErrorCode::shape_mismatch, {"do not broadcast", to_string(a), to_string(b)},
                 [&] { return broadcast(a, b); });
  }
}

TEST(NormalizeAxis, CountsNegativeAxesFromTheEnd) {
  EXPECT_EQ(normalize_axis(0, 3), 0U);
  EXPECT_EQ(normalize_axis(2, 3), 2U);
  EXPECT_EQ(normalize_axis(-1, 3), 2U);
  EXPECT_EQ(normalize_axis(-3, 3), 0U);
}

TEST(NormalizeAxis, RejectsAxesOutside) {
  for (const std::int64_t axis : {std::int64_t{3}, std::int64_t{-4}, kHuge, -kHuge - 1}) {
    expect_error(ErrorCode::invalid_argument, {"axis", "[-3, 3)", std::to_string(axis)},
                 [axis] { return normalize_axis(axis, 3); });
  }
  expect_error(ErrorCode::invalid_argument, {"axis"}, [] { return normalize_axis(0, 0); });
}

TEST(NormalizeAxes, SortsThemAndTakesNoneForAll) {
  using Axes = std::vector<std::int64_t>;
  EXPECT_EQ(normalize_axes(Axes{-1, 0}, 3), (Axes{0, 2}));
  EXPECT_EQ(normalize_axes(Axes{}, 3), (Axes{0, 1, 2}));
  EXPECT_EQ(normalize_axes(Axes{}, 0), Axes{});
  expect_error(ErrorCode::invalid_argument, {"twice"}, [] { return normalize_axes(Axes{1, -2}, 3); });
}

}  // namespace
}  // namespace weft
