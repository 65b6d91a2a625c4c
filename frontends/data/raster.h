#pragma once
// Turns strokes into pixels. A pure function that allocates nothing.

#include <cstdint>
#include <span>

#include "weft/frontends/data/handwriting.h"

namespace weft::data {

/// Side of a digit's picture in pixels.
inline constexpr int kDigitSide = 28;
inline constexpr int kDigitPixels = kDigitSide * kDigitSide;

/// Draws with antialiasing: a pixel whose middle lies d from a segment's line, drawn with radius r, is
/// covered by clamp(r - d + 1/2, 0, 1), smoothed; where strokes cross, the darker one counts. `centre` is the
/// place of the drawing's origin, where (14, 14) is the middle of the picture; `ink` is the value of full
/// cover. Strokes outside the picture are cut off.
void rasterize(std::span<const Segment> segments, Point centre, float ink,
               std::span<std::uint8_t, kDigitPixels> pixels);

}  // namespace weft::data
