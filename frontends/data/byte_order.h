#pragma once
// Big-endian numbers in files, whatever the byte order of the machine. Pure functions.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace weft::data {

/// The number that four bytes hold, most significant first.
constexpr std::uint32_t big_endian_u32(std::span<const std::byte, 4> bytes) {
  std::uint32_t value = 0;
  for (const std::byte byte : bytes) value = (value << 8) | std::to_integer<std::uint32_t>(byte);
  return value;
}

/// Turns an array of elements of `width` bytes from big-endian into the machine's order, or back, in place.
/// The number of bytes is a multiple of `width`.
constexpr void swap_big_endian(std::span<std::byte> bytes, std::size_t width) {
  if (width == 1 || std::endian::native == std::endian::big) return;
  for (std::size_t at = 0; at < bytes.size(); at += width) std::ranges::reverse(bytes.subspan(at, width));
}

}  // namespace weft::data
