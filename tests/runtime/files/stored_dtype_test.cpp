#include "weft/runtime/files/stored_dtype.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "weft/graph/tensor.h"

namespace weft {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

template <typename From>
std::optional<ConversionProblem> convert(std::string_view stored, const std::vector<From>& from, Tensor& to) {
  return convert_numbers(*stored_dtype_named(stored), std::as_bytes(std::span(from)), to.dtype(),
                         {static_cast<std::byte*>(to.mutable_data()), to.bytes()});
}

/// What `stored` holds under each of its patterns of bits, beside the definition of the format.
void expect_format(std::string_view stored, int exponent_bits, int mantissa_bits, int bias,
                   bool has_infinity) {
  const int bits = 1 + exponent_bits + mantissa_bits;
  const int count = 1 << bits;
  Tensor numbers = Tensor::zeros(f64, {count});
  if (bits == 8) {
    std::vector<std::uint8_t> all(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) all[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(i);
    EXPECT_FALSE(convert(stored, all, numbers));
  } else {
    std::vector<std::uint16_t> all(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) all[static_cast<std::size_t>(i)] = static_cast<std::uint16_t>(i);
    EXPECT_FALSE(convert(stored, all, numbers));
  }
  for (int i = 0; i < count; ++i) {
    const int exponent = (i >> mantissa_bits) & ((1 << exponent_bits) - 1);
    const int mantissa = i & ((1 << mantissa_bits) - 1);
    const bool is_last = exponent == (1 << exponent_bits) - 1;
    double expected = exponent == 0
                          ? std::ldexp(mantissa, 1 - bias - mantissa_bits)
                          : std::ldexp((1 << mantissa_bits) + mantissa, exponent - bias - mantissa_bits);
    if (is_last && has_infinity) expected = mantissa == 0 ? kInfinity : std::nan("");
    if (is_last && !has_infinity && mantissa == (1 << mantissa_bits) - 1) expected = std::nan("");
    if ((i >> (bits - 1)) != 0) expected = -expected;
    const double number = numbers.values<double>()[static_cast<std::size_t>(i)];
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(number)) << stored << " " << i;
    } else {
      EXPECT_EQ(number, expected) << stored << " " << i;
      EXPECT_EQ(std::signbit(number), std::signbit(expected)) << stored << " " << i;
    }
  }
}

TEST(StoredDType, DecodesEveryShortFloat) {
  expect_format("F16", 5, 10, 15, true);
  expect_format("BF16", 8, 7, 127, true);
  expect_format("F8_E5M2", 5, 2, 15, true);
  expect_format("F8_E4M3", 4, 3, 7, false);
}

TEST(StoredDType, RoundsFloatsAndKeepsThemFinite) {
  Tensor to = Tensor::zeros(f32, {3});
  EXPECT_FALSE(convert<double>("F64", {0.1, kInfinity, -0.0}, to));
  EXPECT_TRUE(identical(to, Tensor::of({0.1F, std::numeric_limits<float>::infinity(), -0.0F})));
  const auto problem = convert<double>("F64", {1.0, 1e300, 2.0}, to);
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->element, 1U);
  EXPECT_EQ(problem->value, 1e300);
  EXPECT_FALSE(convert<std::int64_t>("I64", {std::int64_t{1} << 60, -3, 16'777'217}, to));
  EXPECT_TRUE(identical(to, Tensor::of({0x1p60F, -3.0F, 16'777'216.0F})));
}

TEST(StoredDType, ConvertsToIntegersOnlyWhatTheyHold) {
  Tensor to = Tensor::zeros(i32, {1});
  EXPECT_FALSE(convert<double>("F64", {-2147483648.0}, to));
  EXPECT_EQ(to.item<std::int32_t>(), std::numeric_limits<std::int32_t>::min());
  for (const double number : {2147483648.0, -2147483649.0, 0.5, kInfinity, std::nan("")})
    EXPECT_TRUE(convert<double>("F64", {number}, to)) << number;
  EXPECT_TRUE(convert<float>("F32", {0x1p31F}, to));
  EXPECT_TRUE(convert<std::uint32_t>("U32", {0x80000000U}, to));
  Tensor wide = Tensor::zeros(i64, {1});
  EXPECT_TRUE(convert<double>("F64", {0x1p63}, wide));
  EXPECT_FALSE(convert<double>("F64", {-0x1p63}, wide));
  EXPECT_TRUE(convert<std::uint64_t>("U64", {std::uint64_t{1} << 63U}, wide));
  Tensor truth = Tensor::zeros(boolean, {1});
  EXPECT_FALSE(convert<std::int32_t>("I32", {1}, truth));
  EXPECT_TRUE(truth.item<bool>());
  EXPECT_TRUE(convert<std::int32_t>("I32", {2}, truth));
  Tensor bytes = Tensor::zeros(u8, {1});
  EXPECT_TRUE(convert<std::int8_t>("I8", {-1}, bytes));
  EXPECT_TRUE(convert<float>("F32", {256.0F}, bytes));
  Tensor halves = Tensor::zeros(f16, {1});
  EXPECT_FALSE(convert<float>("F32", {0.1F}, halves));
  EXPECT_EQ(halves.item<Float16>(), Float16(0.1F));
  EXPECT_TRUE(convert<float>("F32", {65520.0F}, halves)) << "it would be an infinity";
}

TEST(StoredDType, HasANameForEveryDType) {
  for (const DType dtype : kDTypes) {
    const StoredDType& stored = stored_dtype_of(dtype);
    EXPECT_EQ(stored.natural, dtype);
    EXPECT_EQ(stored.bits, 8 * size_of(dtype));
    EXPECT_EQ(stored_dtype_named(stored.name), &stored);
  }
  EXPECT_EQ(stored_dtype_named("F17"), nullptr);
  EXPECT_EQ(stored_dtype_named(""), nullptr);
}

}  // namespace
}  // namespace weft
