#pragma once
// Writes one digit by hand: takes a glyph, moves every knot a little, turns, slants and stretches the whole,
// and bends the paper. A pure function of the random numbers that it draws; it allocates nothing.

#include <array>
#include <cstddef>
#include <span>

#include "weft/frontends/data/glyphs.h"
#include "weft/graph/philox.h"

namespace weft::data {

/// A straight piece of a stroke, drawn with a round pen whose radius changes from one end to the other.
struct Segment {
  Point from;
  Point to;
  float from_radius = 0;
  float to_radius = 0;
};

inline constexpr std::size_t kSegmentsPerSpan = 6;

/// The strokes of one digit, in pixels. Their ink fits a box of kDigitBox pixels; the centre of its mass is
/// at the origin.
class Drawing {
 public:
  std::span<const Segment> segments() const { return {segments_.data(), size_}; }
  std::span<Segment> segments() { return {segments_.data(), size_}; }
  void add(const Segment& segment) { segments_.at(size_++) = segment; }

 private:
  std::array<Segment, kMaxKnots * kSegmentsPerSpan> segments_;
  std::size_t size_ = 0;
};

/// The side of the box that the ink fills, as in MNIST (LeCun et al., 1998).
inline constexpr float kDigitBox = 20.0F;

/// Writes `digit`, 0..9.
Drawing write_digit(int digit, PhiloxSequence& random);

}  // namespace weft::data
