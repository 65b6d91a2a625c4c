#pragma once
// Sizes of the processor's caches that memory is laid out by.

#include <concepts>
#include <cstddef>

namespace weft {

inline constexpr std::size_t kCacheLine = 64;

/// What stays in the cache nearest to a core, in bytes: 32 KiB or what the system tells beyond that.
std::size_t nearest_cache();

/// So many bytes and what is missing to a whole line, so that what follows begins with one.
template <std::integral T>
constexpr T whole_lines(T bytes) {
  constexpr auto line = static_cast<T>(kCacheLine);
  return (bytes + line - 1) / line * line;
}

}  // namespace weft
