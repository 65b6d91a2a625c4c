#pragma once
// Text from outside (names, titles, files' contents) made safe to show on a terminal or in a file. Each
// language that text is written to escapes it once more by its own rules: Graphviz in graph/topology.cpp,
// JSON in runtime/files/json_text.h, HTML, CSV and gnuplot in frontends/report/. Pure functions.

#include <cmath>
#include <concepts>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <string_view>

#include "weft/graph/half.h"

namespace weft {

/// The text as one line of valid UTF-8. Control characters, bytes that are not UTF-8 and marks that reverse
/// the direction of text become escapes: "\n", "\t", "\x1b", "\u202e". All else, backslashes too, stays as it
/// is.
std::string printable(std::string_view text);

/// The number, but a NaN without its sign, which would show as "-nan".
template <std::floating_point T>
T printable(T number) {
  return std::isnan(number) ? std::numeric_limits<T>::quiet_NaN() : number;
}
template <std::integral T>
T printable(T number) {
  return number;
}
template <HalfFloat T>
float printable(T number) {
  return printable(static_cast<float>(number));
}

/// The same text, with at most `most` characters: "…" stands for the rest. `most` is at least 1.
std::string shortened(std::string_view text, std::size_t most);

/// How many characters a UTF-8 text has: bytes that do not continue one.
std::size_t characters_in(std::string_view text);

/// " (did you mean 'fuse_gather'?)", for an error about an unknown name: at most three of `names`, the most
/// similar first, or "" if none is similar. Names are similar if few edits make one of the other (letters
/// added, dropped, replaced, or swapped with the next); where there are none, if one is a part of the other.
std::string suggestion(std::string_view unknown, std::span<const std::string_view> names);

}  // namespace weft
