#pragma once
// The skeletons of the ten digits: for each digit the usual ways to write it, as knots that a pen passes.
// Constant tables; x goes right, y goes down, and a digit is 100 units high before anything bends it.

#include <array>
#include <cstddef>
#include <initializer_list>
#include <span>

namespace weft::data {

struct Point {
  float x = 0;
  float y = 0;
};

/// How the pen passes a knot: it is put down there, or goes through it in a smooth curve, or turns sharply.
enum class Pass : unsigned char { down, smooth, corner };

struct Knot {
  Point at;
  Pass pass = Pass::smooth;
};

inline constexpr std::size_t kMaxKnots = 20;

/// One way to write a digit. `share` is how often people do, relative to the digit's other glyphs; `freedom`
/// is how far its form may vary, relative to most glyphs: less where it is easily taken for another digit.
struct Glyph {
  constexpr Glyph(unsigned how_often, float how_free, std::initializer_list<Knot> list)
      : share(how_often), freedom(how_free), size(list.size()) {
    std::size_t i = 0;
    for (const Knot& knot : list) storage[i++] = knot;
  }
  constexpr std::span<const Knot> knots() const { return {storage.data(), size}; }

  unsigned share;
  float freedom;
  std::size_t size;
  std::array<Knot, kMaxKnots> storage{};
};

/// All glyphs of one digit, 0..9.
std::span<const Glyph> glyphs_of(int digit);

}  // namespace weft::data
