#include "weft/runtime/ranks/combine.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>

#include "weft/runtime/machine/streaming.h"

namespace weft {
namespace {

template <typename T>
const T* elements_of(const std::byte* data) {
  return reinterpret_cast<const T*>(data);  // NOLINT(cppcoreguidelines-pro-type-reinterpret-cast)
}

template <typename T>
T added(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    return a + b;
  } else {
    using Wide = std::make_unsigned_t<T>;  // sums of integers wrap
    return static_cast<T>(static_cast<Wide>(a) + static_cast<Wide>(b));
  }
}

/// A NaN of either side stays, as in the ops `minimum` and `maximum`.
template <typename T>
T smaller(T a, T b) {
  return a < b || a != a ? a : b;
}
template <typename T>
T larger(T a, T b) {
  return a > b || a != a ? a : b;
}

/// A line of what `f` and then `last` make of the terms.
template <typename T, typename F, typename Last>
void fold_line(std::span<const std::byte* const> terms, std::size_t begin, std::size_t elements, T* line, F f,
               Last last) {
  const T* const first = elements_of<T>(terms[0] + begin);
  for (std::size_t i = 0; i < elements; ++i) line[i] = first[i];
  for (const std::byte* const one : terms.subspan(1)) {
    const T* const term = elements_of<T>(one + begin);
    for (std::size_t i = 0; i < elements; ++i) line[i] = f(line[i], term[i]);
  }
  for (std::size_t i = 0; i < elements; ++i) line[i] = last(line[i]);
}

/// One line of memory after the other, which is read from all terms before it is written.
template <typename T, typename F, typename Last>
void fold(std::span<const std::byte* const> terms, std::byte* out, std::int64_t count, std::byte* streamed,
          F f, Last last) {
  constexpr std::size_t kElements = kStreamedLine / sizeof(T);
  constexpr std::size_t kAhead = 16 * kStreamedLine;
  const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(T);
  const std::size_t whole = bytes / kStreamedLine * kStreamedLine;
  std::array<T, kElements> line{};
  const auto* const made = reinterpret_cast<const std::byte*>(line.data());
  for (std::size_t begin = 0; begin < whole; begin += kStreamedLine) {
    // Two terms are what most jobs add; so they stay in registers.
    if (terms.size() == 2) {
      const T* const first = elements_of<T>(terms[0] + begin);
      const T* const second = elements_of<T>(terms[1] + begin);
      __builtin_prefetch(terms[0] + begin + kAhead);
      __builtin_prefetch(terms[1] + begin + kAhead);
      for (std::size_t i = 0; i < kElements; ++i) line[i] = last(f(first[i], second[i]));
    } else {
      fold_line(terms, begin, kElements, line.data(), f, last);
    }
    std::memcpy(out + begin, made, kStreamedLine);
    if (streamed != nullptr) stream_line(made, streamed + begin);
  }
  if (whole < bytes) {
    fold_line(terms, whole, (bytes - whole) / sizeof(T), line.data(), f, last);
    std::memcpy(out + whole, made, bytes - whole);
    if (streamed != nullptr) std::memcpy(streamed + whole, made, bytes - whole);
  }
  if (streamed != nullptr) end_of_stream();
}

template <typename T>
void combine_numbers(RankReduction reduction, std::span<const std::byte* const> terms, std::byte* out,
                     std::int64_t count, std::byte* streamed) {
  const auto same = [](T a) { return a; };
  switch (reduction) {
    case RankReduction::sum:
      return fold<T>(terms, out, count, streamed, [](T a, T b) { return added(a, b); }, same);
    case RankReduction::min:
      return fold<T>(terms, out, count, streamed, [](T a, T b) { return smaller(a, b); }, same);
    case RankReduction::max:
      return fold<T>(terms, out, count, streamed, [](T a, T b) { return larger(a, b); }, same);
    case RankReduction::mean:
      return fold<T>(
          terms, out, count, streamed, [](T a, T b) { return added(a, b); },
          [ranks = static_cast<T>(terms.size())](T a) { return static_cast<T>(a / ranks); });
  }
}

}  // namespace

bool can_reduce(DType dtype, RankReduction reduction) {
  if (reduction == RankReduction::mean) return is_float(dtype);
  return is_float(dtype) || is_integer(dtype);
}

void combine(DType dtype, RankReduction reduction, std::span<const std::byte* const> terms, std::byte* out,
             std::int64_t count, std::byte* streamed) {
  if (!can_reduce(dtype, reduction)) {
    throw Error(ErrorCode::unsupported,
                fmt::format("ranks do not reduce {} to a {}", name_of(dtype), name_of(reduction)),
                {.expected = "numbers, and f32 or f64 for a mean", .actual = std::string(name_of(dtype))});
  }
  visit_number(dtype, [&]<typename T>(T) { combine_numbers<T>(reduction, terms, out, count, streamed); });
}

}  // namespace weft
