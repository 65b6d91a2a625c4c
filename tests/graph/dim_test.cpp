#include "weft/graph/dim.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "weft/graph/shape.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::expect_error;

const Dim b("b");
const Dim c("c");
const Dim h("h");

std::string text(const Dim& dim) { return to_string(dim); }

TEST(ComputedDim, IsPrintedAsAPolynomial) {
  EXPECT_EQ(text(b * 64), "b*64");
  EXPECT_EQ(text(64 * b), "b*64");
  EXPECT_EQ(text(c * b), "b*c");
  EXPECT_EQ(text(c + b + 3), "b + c + 3");
  EXPECT_EQ(text(h * h * 2 - h - 1), "h^2*2 - h - 1");
  EXPECT_EQ(text(c - b), "c - b");
  EXPECT_EQ(text(floor_div(h - 1, 2) + 1), "(h + 1)//2");
  EXPECT_EQ(text(floor_div(h, 2) * 3 + b), "b + (h//2)*3");
  EXPECT_EQ(text(floor_div(h, b + 1)), "h//(b + 1)");
}

TEST(ComputedDim, IsANumberWhereSymbolsCancel) {
  EXPECT_TRUE((b - b).is(0));
  EXPECT_TRUE((b + 3 - b).is(3));
  EXPECT_TRUE((b * 0).is(0));
  EXPECT_TRUE((Dim(6) * Dim(7)).is(42));
  EXPECT_TRUE(floor_div(7, 2).is(3));
  EXPECT_FALSE((b * 2).is_symbol());
  EXPECT_TRUE((b * 2 - b).is_symbol());
  EXPECT_EQ((b * 2 - b).symbol(), "b");
  EXPECT_EQ((b * 2).symbol(), "");
  EXPECT_EQ((b * c + floor_div(h, 2)).symbols(), (std::vector<std::string>{"b", "c", "h"}));
}

TEST(ComputedDim, IsEqualByItsNormalForm) {
  EXPECT_EQ((b + 1) * (b - 1), b * b - 1);
  EXPECT_EQ(b * c, c * b);
  EXPECT_NE(b * c, b + c);
  EXPECT_NE(b, Dim(2));
  EXPECT_EQ(floor_div(b * 4 + 6, 4), b + 1);
  EXPECT_EQ(floor_div(b * 2 + 1, 4), floor_div(b, 2));
  EXPECT_EQ(floor_div(h * 3, 2), h + floor_div(h, 2));
  EXPECT_EQ(floor_div(b * c * 3, c), b * 3);
  EXPECT_EQ(floor_div(floor_div(h, 2), 2), floor_div(h, 4));
  EXPECT_EQ(floor_div(floor_div(h - 1, 2) + 3, 3), floor_div(h + 5, 6));
  EXPECT_NE(floor_div(h, 2) * 2, h);
}

TEST(ComputedDim, DividesExactlyWhereNoRemainderIsLeft) {
  EXPECT_EQ(exact_div(b * c * 6, c * 2), b * 3);
  EXPECT_EQ(exact_div((b + 1) * (c + 2), c + 2), b + 1);
  EXPECT_EQ(exact_div(12, 4), Dim(3));
  EXPECT_FALSE(exact_div(b * 3, 2));
  EXPECT_FALSE(exact_div(b + 1, b));
  EXPECT_FALSE(exact_div(12, 5));
  EXPECT_FALSE(exact_div(b, 0));
}

TEST(ComputedDim, IsComparedWhereSignsDecide) {
  EXPECT_EQ(at_most(3, 4), true);
  EXPECT_EQ(at_most(5, 4), false);
  EXPECT_EQ(at_most(b, b + c), true);
  EXPECT_EQ(at_most(b + 1, b), false);
  EXPECT_EQ(at_most(b + c + 1, b), false);
  EXPECT_EQ(at_most(b - 3, b), true);
  EXPECT_EQ(at_most(5, b), std::nullopt);
  EXPECT_EQ(at_most(b, c), std::nullopt);
  EXPECT_EQ(at_most(b, b + floor_div(h, 2)), true);
  EXPECT_EQ(at_most(b, b + floor_div(h - 5, 2)), std::nullopt);
}

TEST(ComputedDim, MayBeEqualWhereOnlyRoundingTellsThemApart) {
  EXPECT_TRUE(may_be_equal(b * c, c * b));
  EXPECT_TRUE(may_be_equal(floor_div(h, 2) * 2, h));
  EXPECT_FALSE(may_be_equal(b, c));
  EXPECT_FALSE(may_be_equal(b, 5));
  EXPECT_FALSE(may_be_equal(4, 5));
}

TEST(ComputedDim, IsBoundOneSymbolAfterTheOther) {
  const Dim size = b * c + floor_div(h - 3, 2);
  EXPECT_EQ(text(size.bind({{"b", 4}})), "(h + 1)//2 + c*4 - 2");
  EXPECT_TRUE(size.bind({{"b", 4}, {"c", 5}, {"h", 8}, {"other", 1}}).is(22));
  EXPECT_TRUE(floor_div(h - 5, 2).bind({{"h", 5}}).is(0));
  expect_error(ErrorCode::shape_mismatch, {"negative", "expected b - 3 >= 0", "got -1"},
               [] { return (b - 3).bind({{"b", 2}}); });
  expect_error(ErrorCode::shape_mismatch, {"'b*2' is not known"}, [] { return (b * 2).size(); });
}

TEST(ComputedDim, RejectsWhatIsNoSize) {
  const std::int64_t most = std::numeric_limits<std::int64_t>::max();
  expect_error(ErrorCode::invalid_argument, {"negative", "got -1"}, [] { return Dim(2) - Dim(3); });
  expect_error(ErrorCode::invalid_argument, {"63 bits"}, [&] { return Dim(most) + 1; });
  expect_error(ErrorCode::invalid_argument, {"63 bits"}, [&] { return b * most * 2; });
  expect_error(ErrorCode::invalid_argument, {"63 bits"},
               [&] { return (b * c).bind({{"b", most}, {"c", 2}}); });
  expect_error(ErrorCode::invalid_argument, {"divisor >= 1", "got 0"}, [] { return floor_div(b, 0); });
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
    std::vector<Sample> samples{{b, 5}, {c, 3}, {h, 11}, {2, 2}, {7, 7}};
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
  EXPECT_EQ((Shape{b * 2, "b"}), (Shape{Dim("b") + Dim("b"), b}));
}

}  // namespace
}  // namespace weft
