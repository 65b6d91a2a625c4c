#pragma once
// The sizes of the processor's caches, by which memory is laid out.

#include <concepts>
#include <cstddef>

namespace weft {

inline constexpr std::size_t kCacheLine = 64;

/// The size of the cache nearest to a core, in bytes: 32 KiB, or more if the system says so.
std::size_t nearest_cache();

/// `bytes` rounded up to whole cache lines, so that what follows begins with one.
template <std::integral T>
constexpr T whole_lines(T bytes) {
  constexpr auto line = static_cast<T>(kCacheLine);
  return (bytes + line - 1) / line * line;
}

}  // namespace weft
