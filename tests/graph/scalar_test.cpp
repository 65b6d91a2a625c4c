#include "weft/graph/scalar.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::expect_error;

constexpr std::int64_t kBeyondDouble = 9007199254740993;  // 2^53 + 1
constexpr std::int64_t kLargestI64 = std::numeric_limits<std::int64_t>::max();

TEST(Scalar, KeepsTheValueOfAnInteger) {
  EXPECT_EQ(Scalar(kBeyondDouble).to<std::int64_t>(), kBeyondDouble);
  EXPECT_EQ(Scalar(kLargestI64).to<std::int64_t>(), kLargestI64);
  EXPECT_EQ(Scalar(std::numeric_limits<std::int64_t>::lowest()).to<std::int64_t>(), -kLargestI64 - 1);
  EXPECT_EQ(Scalar(static_cast<std::uint64_t>(kLargestI64)).to<std::int64_t>(), kLargestI64);
  EXPECT_EQ(to_string(Scalar(kBeyondDouble)), "9007199254740993");
  EXPECT_EQ(to_string(Scalar(~std::uint64_t{0})), "18446744073709551615");
}

TEST(Scalar, BecomesTheNearestFloat) {
  EXPECT_EQ(Scalar(0.1).to<float>(), 0.1F);
  EXPECT_EQ(Scalar(kBeyondDouble).to<double>(), 9007199254740992.0);
  // Rounded once: by way of a double, 2^24 + 1 + 2^-30 or this would be a tie and go the other way.
  EXPECT_EQ(Scalar((std::int64_t{1} << 60) + (std::int64_t{1} << 36) + 1).to<float>(), 0x1.000002p60F);
  EXPECT_TRUE(std::isnan(Scalar(std::nan("")).to<float>()));
  EXPECT_TRUE(std::signbit(Scalar(-0.0).to<double>()));
}

TEST(Scalar, RefusesWhatAnIntegerCannotHold) {
  const auto refuses = [](auto number, std::string_view text, auto to) {
    expect_error(ErrorCode::dtype_mismatch, {"cannot hold the number", text},
                 [&] { return Scalar(number).template to<decltype(to)>(); });
  };
  refuses(std::uint64_t{1} << 63, "i64 cannot hold the number 9223372036854775808", std::int64_t{});
  refuses(kLargestI64, "i32", std::int32_t{});
  refuses(256, "u8 cannot hold the number 256", std::uint8_t{});
  refuses(-1, "u8", std::uint8_t{});
  refuses(128, "i8 cannot hold the number 128", std::int8_t{});
  refuses(-1, "u64 cannot hold the number -1", std::uint64_t{});
  refuses(65536, "u16", std::uint16_t{});
  refuses(2, "bool", bool{});
  refuses(0x1p63, "i64", std::int64_t{});
  refuses(0.5, "i64 cannot hold the number 0.5", std::int64_t{});
  refuses(std::nan(""), "i32", std::int32_t{});
  EXPECT_EQ(Scalar(255.0).to<std::uint8_t>(), 255);
  EXPECT_TRUE(Scalar(true).to<bool>());
}

}  // namespace
}  // namespace weft
