#pragma once
// Stores past the caches, for memory that another processor reads next: a line that lies in its cache is
// fetched from there before it is written, which takes longer than to write memory.

#include <cstddef>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace weft {

/// Bytes that are stored at once; memory to be written so begins at a multiple of it.
inline constexpr std::size_t kStreamedLine = 64;

/// Copies one line.
inline void stream_line(const std::byte* from, std::byte* to) {
#if defined(__SSE2__)
  const auto* const source = reinterpret_cast<const __m128i*>(from);
  auto* const target = reinterpret_cast<__m128i*>(to);
  for (int i = 0; i < 4; ++i) _mm_stream_si128(target + i, _mm_loadu_si128(source + i));
#else
  std::memcpy(to, from, kStreamedLine);
#endif
}

/// To be called before another thread is told that what was streamed is there.
inline void end_of_stream() {
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

}  // namespace weft
