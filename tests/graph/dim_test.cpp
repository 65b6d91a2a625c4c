#include "weft/graph/dim.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "weft/graph/shape.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::expect_error;

const Dim kB("b");
const Dim kC("c");
const Dim kH("h");

std::string text(const Dim& dim) { return to_string(dim); }

TEST(ComputedDim, IsPrintedAsAPolynomial) {
  EXPECT_EQ(text(kB * 64), "b*64");
  EXPECT_EQ(text(64 * kB), "b*64");
  EXPECT_EQ(text(kC * kB), "b*c");
  EXPECT_EQ(text(kC + kB + 3), "b + c + 3");
  EXPECT_EQ(text(kH * kH * 2 - kH - 1), "h^2*2 - h - 1");
  EXPECT_EQ(text(kC - kB), "c - b");
  EXPECT_EQ(text(floor_div(kH - 1, 2) + 1), "(h + 1)//2");
  EXPECT_EQ(text(floor_div(kH, 2) * 3 + kB), "b + (h//2)*3");
  EXPECT_EQ(text(floor_div(kH, kB + 1)), "h//(b + 1)");
}

TEST(ComputedDim, IsANumberWhereSymbolsCancel) {
  EXPECT_TRUE((kB - kB).is(0));
  EXPECT_TRUE((kB + 3 - kB).is(3));
  EXPECT_TRUE((kB * 0).is(0));
  EXPECT_TRUE((Dim(6) * Dim(7)).is(42));
  EXPECT_TRUE(floor_div(7, 2).is(3));
  EXPECT_FALSE((kB * 2).is_symbol());
  EXPECT_TRUE((kB * 2 - kB).is_symbol());
  EXPECT_EQ((kB * 2 - kB).symbol(), "b");
  EXPECT_EQ((kB * 2).symbol(), "");
  EXPECT_EQ((kB * kC + floor_div(kH, 2)).symbols(), (std::vector<std::string>{"b", "c", "h"}));
}

TEST(ComputedDim, IsEqualByItsNormalForm) {
  EXPECT_EQ((kB + 1) * (kB - 1), kB * kB - 1);
  EXPECT_EQ(kB * kC, kC * kB);
  EXPECT_NE(kB * kC, kB + kC);
  EXPECT_NE(kB, Dim(2));
  EXPECT_EQ(floor_div(kB * 4 + 6, 4), kB + 1);
  EXPECT_EQ(floor_div(kB * 2 + 1, 4), floor_div(kB, 2));
  EXPECT_EQ(floor_div(kH * 3, 2), kH + floor_div(kH, 2));
  EXPECT_EQ(floor_div(kB * kC * 3, kC), kB * 3);
  EXPECT_EQ(floor_div(floor_div(kH, 2), 2), floor_div(kH, 4));
  EXPECT_EQ(floor_div(floor_div(kH - 1, 2) + 3, 3), floor_div(kH + 5, 6));
  EXPECT_NE(floor_div(kH, 2) * 2, kH);
}

TEST(ComputedDim, DividesExactlyWhereNoRemainderIsLeft) {
  EXPECT_EQ(exact_div(kB * kC * 6, kC * 2), kB * 3);
  EXPECT_EQ(exact_div((kB + 1) * (kC + 2), kC + 2), kB + 1);
  EXPECT_EQ(exact_div(12, 4), Dim(3));
  EXPECT_FALSE(exact_div(kB * 3, 2));
  EXPECT_FALSE(exact_div(kB + 1, kB));
  EXPECT_FALSE(exact_div(12, 5));
  EXPECT_FALSE(exact_div(kB, 0));
}

TEST(ComputedDim, IsComparedWhereSignsDecide) {
  EXPECT_EQ(at_most(3, 4), true);
  EXPECT_EQ(at_most(5, 4), false);
  EXPECT_EQ(at_most(kB, kB + kC), true);
  EXPECT_EQ(at_most(kB + 1, kB), false);
  EXPECT_EQ(at_most(kB + kC + 1, kB), false);
  EXPECT_EQ(at_most(kB - 3, kB), true);
  EXPECT_EQ(at_most(5, kB), std::nullopt);
  EXPECT_EQ(at_most(kB, kC), std::nullopt);
  EXPECT_EQ(at_most(kB, kB + floor_div(kH, 2)), true);
  EXPECT_EQ(at_most(kB, kB + floor_div(kH - 5, 2)), std::nullopt);
}

TEST(ComputedDim, MayBeEqualWhereOnlyRoundingTellsThemApart) {
  EXPECT_TRUE(may_be_equal(kB * kC, kC * kB));
  EXPECT_TRUE(may_be_equal(floor_div(kH, 2) * 2, kH));
  EXPECT_FALSE(may_be_equal(kB, kC));
  EXPECT_FALSE(may_be_equal(kB, 5));
  EXPECT_FALSE(may_be_equal(4, 5));
}

TEST(ComputedDim, IsBoundOneSymbolAfterTheOther) {
  const Dim size = kB * kC + floor_div(kH - 3, 2);
  EXPECT_EQ(text(size.bind({{"b", 4}})), "(h + 1)//2 + c*4 - 2");
  EXPECT_TRUE(size.bind({{"b", 4}, {"c", 5}, {"h", 8}, {"other", 1}}).is(22));
  EXPECT_TRUE(floor_div(kH - 5, 2).bind({{"h", 5}}).is(0));
  expect_error(ErrorCode::shape_mismatch, {"negative", "expected b - 3 >= 0", "got -1"},
               [] { return (kB - 3).bind({{"b", 2}}); });
  expect_error(ErrorCode::shape_mismatch, {"'b*2' is not known"}, [] { return (kB * 2).size(); });
}

TEST(ComputedDim, RejectsWhatIsNoSize) {
  const std::int64_t most = std::numeric_limits<std::int64_t>::max();
  expect_error(ErrorCode::invalid_argument, {"negative", "got -1"}, [] { return Dim(2) - Dim(3); });
  expect_error(ErrorCode::invalid_argument, {"63 bits"}, [&] { return Dim(most) + 1; });
  expect_error(ErrorCode::invalid_argument, {"63 bits"}, [&] { return kB * most * 2; });
  expect_error(ErrorCode::invalid_argument, {"63 bits"},
               [&] { return (kB * kC).bind({{"b", most}, {"c", 2}}); });
  expect_error(ErrorCode::invalid_argument, {"divisor >= 1", "got 0"}, [] { return floor_div(kB, 0); });
  for (const char* name : {"", "b*c", "b + c", "3b", "h//2", "(b)", "b,c"}) {
    expect_error(ErrorCode::invalid_argument, {"needs a name"}, [&] { return Dim(name); });
  }
}

/// A tree of operations, as a Dim and as a number for some sizes of the symbols.
struct Sample {
  Dim dim = 0;
  std::int64_t number = 0;
};

TEST(ComputedDim, EvaluatesToWhatItsOperationsDo) {
  const Bindings sizes{{"b", 5}, {"c", 3}, {"h", 11}};
  const unsigned seed = 20261130;
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (int trial = 0; trial < 300; ++trial) {
    std::vector<Sample> samples{{kB, 5}, {kC, 3}, {kH, 11}, {2, 2}, {7, 7}};
    for (int step = 0; step < 6; ++step) {
      const Sample& x = samples[random() % samples.size()];
      const Sample& y = samples[random() % samples.size()];
      switch (random() % 4) {
        case 0:
          samples.push_back({x.dim + y.dim, x.number + y.number});
          break;
        case 1:
          samples.push_back({x.dim * y.dim, x.number * y.number});
          break;
        case 2:
          if (y.number > 0 && !y.dim.is(0)) samples.push_back({floor_div(x.dim, y.dim), x.number / y.number});
          break;
        default:
          if (x.number >= y.number && !at_most(x.dim, y.dim).value_or(false))
            samples.push_back({x.dim - y.dim, x.number - y.number});
      }
      const Sample& last = samples.back();
      ASSERT_TRUE(last.dim.bind(sizes).is(last.number))
          << to_string(last.dim) << " = " << to_string(last.dim.bind(sizes)) << ", expected " << last.number;
      ASSERT_EQ(last.dim.bind({{"b", 5}}).bind({{"h", 11}}).bind({{"c", 3}}), Dim(last.number)) << trial;
    }
  }
}

TEST(Shape, CountsElementsThatDependOnSymbols) {
  EXPECT_EQ(text(Shape{"b", 8, "h", 2}.count()), "b*h*16");
  EXPECT_TRUE((Shape{}).count().is(1));
  EXPECT_TRUE((Shape{0, "b"}).count().is(0));
}

TEST(Shape, TakesIntegersOfEveryType) {
  EXPECT_EQ((Shape{1LL << 40, 2U, std::size_t{3}, std::int8_t{4}}), (Shape{std::int64_t{1} << 40, 2, 3, 4}));
  EXPECT_EQ((Shape{kB * 2, "b"}), (Shape{Dim("b") + Dim("b"), kB}));
}

}  // namespace
}  // namespace weft
