#pragma once
// Floats of 16 bits, which are stored and not computed with: Float16 is IEEE 754's binary16 (11 digits, up to
// 65504), BFloat16 the upper half of an f32 (8 digits, its range). Every one is exactly a float and converts
// to it by itself, so that comparisons are those of floats. Numbers become one of them by an explicit
// conversion, rounded once to nearest, ties to even: what is too large becomes an infinity, what is tiny a
// denormal number or a zero, a NaN stays one. Plain values; everything here is constexpr and thread-safe.

#include <bit>
#include <concepts>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace weft {
namespace detail {

/// `number` as a float that is odd in its last place where it is not exact, so that rounding it once more to
/// at most 22 digits is as if it had been rounded once (Boldo and Melquiond 2008).
constexpr float to_odd_float(double number) {
  constexpr double kLargest = std::numeric_limits<float>::max();
  if (number != number) return static_cast<float>(number);
  const double size = number < 0.0 ? -number : number;
  if (size > kLargest) {
    const float large = size > std::numeric_limits<double>::max() ? std::numeric_limits<float>::infinity()
                                                                  : std::numeric_limits<float>::max();
    return number < 0.0 ? -large : large;
  }
  const auto nearest = static_cast<float>(number);
  if (static_cast<double>(nearest) == number) return nearest;
  auto bits = std::bit_cast<std::uint32_t>(nearest);
  const double above = nearest < 0.0F ? -static_cast<double>(nearest) : static_cast<double>(nearest);
  if (above > size) --bits;
  return std::bit_cast<float>(bits | 1U | (number < 0.0 ? 0x80000000U : 0U));
}

/// The same of an integer.
constexpr float to_odd_float(std::uint64_t size, bool negative) {
  constexpr int kDigits = std::numeric_limits<float>::digits;
  float scale = 1.0F;
  for (; size >> kDigits != 0; size = (size >> 1U) | (size & 1U)) scale *= 2.0F;
  const float number = static_cast<float>(size) * scale;
  return negative ? -number : number;
}

template <typename T>
  requires std::is_arithmetic_v<T>
constexpr float to_odd_float(T number) {
  if constexpr (std::is_same_v<T, float>) return number;
  if constexpr (std::is_floating_point_v<T>) return to_odd_float(static_cast<double>(number));
  if constexpr (std::is_integral_v<T>) {
    const bool negative = number < T{0};
    const auto bits = static_cast<std::uint64_t>(number);
    return to_odd_float(negative ? std::uint64_t{0} - bits : bits, negative);
  }
}

constexpr std::uint16_t bfloat16_bits(float number) {
  const auto bits = std::bit_cast<std::uint32_t>(number);
  if (number != number) return static_cast<std::uint16_t>((bits >> 16U) | 0x40U);  // quiet
  return static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16U) & 1U)) >> 16U);
}

constexpr float bfloat16_value(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16U);
}

constexpr std::uint16_t float16_bits(float number) {
  constexpr std::uint32_t kFirstInfinite = 0x477FF000;  // 65520, halfway between 65504 and 2^16
  constexpr std::uint32_t kFirstNormal = 0x38800000;    // 2^-14
  const auto all = std::bit_cast<std::uint32_t>(number);
  const auto sign = static_cast<std::uint16_t>((all >> 16U) & 0x8000U);
  const std::uint32_t bits = all & 0x7FFFFFFFU;
  std::uint32_t rounded = 0;
  if (number != number) {
    rounded = 0x7E00U | ((bits >> 13U) & 0x3FFU);
  } else if (bits >= kFirstInfinite) {
    rounded = 0x7C00U;
  } else if (bits >= kFirstNormal) {
    rounded = (bits - 0x38000000U + 0xFFFU + ((bits >> 13U) & 1U)) >> 13U;
  } else {
    // The sum with 1/2, whose last place is that of a denormal number, rounds as it should.
    constexpr float kHalf = 0.5F;
    rounded = std::bit_cast<std::uint32_t>(std::bit_cast<float>(bits) + kHalf) -
              std::bit_cast<std::uint32_t>(kHalf);
  }
  return static_cast<std::uint16_t>(sign | rounded);
}

constexpr float float16_value(std::uint16_t bits) {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000U) << 16U;
  const std::uint32_t exponent = (bits >> 10U) & 0x1FU;
  const std::uint32_t mantissa = bits & 0x3FFU;
  if (exponent == 0) {
    const float small = static_cast<float>(mantissa) * 0x1p-24F;
    return sign == 0 ? small : -small;
  }
  const std::uint32_t wide = exponent == 0x1F ? 0xFFU : exponent + 112;
  return std::bit_cast<float>(sign | (wide << 23U) | (mantissa << 13U));
}

}  // namespace detail

struct Float16 {
  std::uint16_t bits = 0;

  Float16() = default;
  template <typename T>
    requires std::is_arithmetic_v<T>
  constexpr explicit Float16(T number) : bits(detail::float16_bits(detail::to_odd_float(number))) {}
  static constexpr Float16 of_bits(std::uint16_t bits) {
    Float16 number;
    number.bits = bits;
    return number;
  }
  constexpr operator float() const { return detail::float16_value(bits); }
};

struct BFloat16 {
  std::uint16_t bits = 0;

  BFloat16() = default;
  template <typename T>
    requires std::is_arithmetic_v<T>
  constexpr explicit BFloat16(T number) : bits(detail::bfloat16_bits(detail::to_odd_float(number))) {}
  static constexpr BFloat16 of_bits(std::uint16_t bits) {
    BFloat16 number;
    number.bits = bits;
    return number;
  }
  constexpr operator float() const { return detail::bfloat16_value(bits); }
};

template <typename T>
concept HalfFloat = std::same_as<T, Float16> || std::same_as<T, BFloat16>;

}  // namespace weft
