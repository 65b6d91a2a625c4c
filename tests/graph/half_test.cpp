#include "weft/graph/half.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>

#include "weft/graph/scalar.h"

namespace weft {
namespace {

constexpr double kHalfTestInfinity = std::numeric_limits<double>::infinity();

/// A format of 16 bits by its definition.
struct HalfFormat {
  int exponent_bits;
  int mantissa_bits;

  double value(unsigned bits) const {
    const int last = (1 << exponent_bits) - 1;
    const int bias = last / 2;
    const int exponent = static_cast<int>(bits >> mantissa_bits) & last;
    const auto mantissa = static_cast<double>(bits & ((1U << mantissa_bits) - 1U));
    const double unit = std::ldexp(1.0, -mantissa_bits);
    double size = exponent == 0 ? std::ldexp(mantissa * unit, 1 - bias)
                                : std::ldexp(1.0 + mantissa * unit, exponent - bias);
    if (exponent == last) size = mantissa == 0.0 ? kHalfTestInfinity : std::nan("");
    return (bits & 0x8000U) != 0 ? -size : size;
  }
  unsigned infinity() const { return ((1U << exponent_bits) - 1U) << mantissa_bits; }
};

template <typename T>
HalfFormat format_of() {
  return std::is_same_v<T, Float16> ? HalfFormat{5, 10} : HalfFormat{8, 7};
}

template <typename T>
class HalfTest : public testing::Test {};
using HalfTypes = testing::Types<Float16, BFloat16>;
TYPED_TEST_SUITE(HalfTest, HalfTypes);

TYPED_TEST(HalfTest, HoldsTheNumberOfEachPattern) {
  const HalfFormat format = format_of<TypeParam>();
  for (unsigned bits = 0; bits < 0x10000U; ++bits) {
    const auto number = TypeParam::of_bits(static_cast<std::uint16_t>(bits));
    const double expected = format.value(bits);
    const auto actual = static_cast<double>(number);
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(actual)) << bits;
      ASSERT_TRUE(std::isnan(static_cast<double>(TypeParam(static_cast<float>(number))))) << bits;
      continue;
    }
    ASSERT_EQ(actual, expected) << bits;
    ASSERT_EQ(std::signbit(actual), std::signbit(expected)) << bits;
    ASSERT_EQ(TypeParam(static_cast<float>(number)).bits, bits);
    ASSERT_EQ(TypeParam(actual).bits, bits);
  }
}

TYPED_TEST(HalfTest, RoundsToNearestAndTiesToEven) {
  const HalfFormat format = format_of<TypeParam>();
  for (unsigned bits = 0; bits < format.infinity(); ++bits) {
    const double low = format.value(bits);
    // What lies beyond the largest number is rounded as if its exponent went on.
    const double high =
        bits + 1 == format.infinity() ? 2.0 * low - format.value(bits - 1) : format.value(bits + 1);
    const double middle = low + (high - low) / 2.0;
    const unsigned even = (bits & 1U) == 0 ? bits : bits + 1;
    for (const double sign : {1.0, -1.0}) {
      const unsigned sign_bit = sign < 0.0 ? 0x8000U : 0U;
      ASSERT_EQ(TypeParam(sign * middle).bits, even | sign_bit) << bits;
      ASSERT_EQ(TypeParam(static_cast<float>(sign * middle)).bits, even | sign_bit) << bits;
      // A double next to the tie would fall on it as a float.
      ASSERT_EQ(TypeParam(sign * std::nextafter(middle, 0.0)).bits, bits | sign_bit);
      ASSERT_EQ(TypeParam(sign * std::nextafter(middle, kHalfTestInfinity)).bits, (bits + 1) | sign_bit);
      const auto single = static_cast<float>(middle);
      ASSERT_EQ(TypeParam(std::nextafter(single, 0.0F)).bits, bits);
      ASSERT_EQ(TypeParam(std::nextafter(single, HUGE_VALF)).bits, bits + 1);
    }
  }
}

TYPED_TEST(HalfTest, OverflowsToInfinityAndKeepsNaN) {
  const auto infinity = static_cast<std::uint16_t>(format_of<TypeParam>().infinity());
  for (const double number : {1e39, 1e300, kHalfTestInfinity}) {
    EXPECT_EQ(TypeParam(number).bits, infinity) << number;
    EXPECT_EQ(TypeParam(-number).bits, infinity | 0x8000U) << number;
  }
  EXPECT_TRUE(std::isnan(static_cast<float>(TypeParam(std::nan("")))));
  // A NaN whose payload lies in the bits that are cut off is no infinity.
  EXPECT_TRUE(std::isnan(static_cast<float>(TypeParam(std::bit_cast<float>(0x7F800001U)))));
  EXPECT_EQ(TypeParam(1e-300).bits, 0);
  EXPECT_EQ(TypeParam(-1e-300).bits, 0x8000U);
}

TEST(Half, RoundsIntegersOnce) {
  EXPECT_EQ(static_cast<float>(Float16(2049)), 2048.0F);
  EXPECT_EQ(static_cast<float>(Float16(2051)), 2052.0F);
  EXPECT_EQ(static_cast<float>(Float16(std::int8_t{-128})), -128.0F);
  EXPECT_EQ(static_cast<float>(Float16(65519)), 65504.0F);
  EXPECT_TRUE(std::isinf(static_cast<float>(Float16(65520))));
  // One more than a tie, which f64 cannot hold.
  constexpr std::int64_t kTie = (std::int64_t{1} << 62) + (std::int64_t{1} << 54);
  EXPECT_EQ(static_cast<float>(BFloat16(kTie)), 0x1p62F);
  EXPECT_EQ(static_cast<float>(BFloat16(kTie + 1)), 0x1.02p62F);
  EXPECT_EQ(static_cast<float>(BFloat16(-kTie - 1)), -0x1.02p62F);
  EXPECT_EQ(static_cast<float>(BFloat16(std::numeric_limits<std::uint64_t>::max())), 0x1p64F);
  EXPECT_EQ(Scalar(kTie + 1).to<BFloat16>().bits, BFloat16(0x1.02p62).bits);
}

TEST(Half, ComparesAsItsNumber) {
  EXPECT_TRUE(Float16(-0.0) == Float16(0.0));
  EXPECT_TRUE(BFloat16(-2.0) < BFloat16(1.0));
  EXPECT_FALSE(Float16(std::nan("")) == Float16(std::nan("")));
}

}  // namespace
}  // namespace weft
