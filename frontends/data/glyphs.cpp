#include "weft/frontends/data/glyphs.h"

#include "weft/graph/error.h"

namespace weft::data {
namespace {

constexpr Knot down(float x, float y) { return {{x, y}, Pass::down}; }
constexpr Knot via(float x, float y) { return {{x, y}, Pass::smooth}; }
constexpr Knot corner(float x, float y) { return {{x, y}, Pass::corner}; }

constexpr Glyph kZero[] = {
    {5,
     1,
     {down(36, 1), via(13, 16), via(3, 50), via(12, 84), via(34, 99), via(56, 85), via(66, 50), via(56, 15),
      via(35, 1)}},
    {3,
     1,
     {down(48, 8), via(28, 1), via(9, 20), via(2, 55), via(14, 90), via(36, 98), via(58, 80), via(65, 45),
      via(54, 14), via(34, 4)}},
    {2,
     1,
     {down(30, 4), via(8, 24), via(3, 60), via(18, 95), via(42, 97), via(62, 72), via(63, 34), via(48, 8),
      via(26, 8)}},
};

constexpr Glyph kOne[] = {
    {6, 0.6F, {down(51, 0), via(50, 50), via(50, 100)}},
    {3, 0.6F, {down(36, 19), via(44, 11), corner(51, 0), via(50, 50), via(50, 100)}},
    {1,
     0.6F,
     {down(32, 20), corner(50, 0), via(50, 50), via(50, 98), down(24, 99), via(50, 98), via(76, 99)}},
};

constexpr Glyph kTwo[] = {
    {4,
     1,
     {down(6, 22), via(18, 4), via(40, 0), via(59, 13), via(58, 36), via(38, 64), corner(6, 97), via(34, 96),
      via(68, 97)}},
    {4,
     1,
     {down(6, 20), via(22, 3), via(46, 3), via(58, 22), via(48, 52), via(26, 84), via(10, 96), via(1, 88),
      via(12, 78), via(36, 89), via(68, 98)}},
    {2,
     1,
     {down(4, 12), via(28, 0), via(54, 8), via(56, 28), via(34, 60), corner(2, 96), via(36, 92),
      via(74, 90)}},
};

constexpr Glyph kThree[] = {
    {5,
     1,
     {down(8, 12), via(30, 0), via(54, 8), via(54, 30), corner(26, 46), via(54, 54), via(64, 74), via(44, 98),
      via(16, 97), via(2, 86)}},
    {2,
     1,
     {down(8, 2), via(32, 3), corner(58, 2), corner(28, 42), via(54, 50), via(62, 74), via(42, 98),
      via(16, 97), via(4, 88)}},
    {3,
     1,
     {down(10, 8), via(36, 0), via(56, 14), via(46, 36), via(26, 45), via(28, 50), via(54, 56), via(60, 80),
      via(34, 99), via(4, 92)}},
};

constexpr Glyph kFour[] = {
    {4,
     1,
     {down(12, 2), via(8, 26), corner(4, 52), via(34, 52), via(70, 48), down(56, 6), via(52, 50),
      via(48, 100)}},
    {3,
     1,
     {down(46, 0), via(24, 32), corner(2, 64), via(34, 63), via(70, 62), down(48, 2), via(47, 50),
      via(46, 100)}},
    {4,
     1,
     {down(8, 4), via(4, 30), via(12, 50), via(34, 50), via(58, 38), down(60, 2), via(54, 50), via(48, 100)}},
};

constexpr Glyph kFive[] = {
    {4,
     1,
     {down(18, 4), via(15, 22), corner(12, 42), via(36, 38), via(58, 54), via(56, 82), via(32, 99),
      via(4, 90), down(16, 4), via(40, 3), via(68, 0)}},
    {3,
     1,
     {down(64, 1), via(40, 3), corner(19, 5), corner(12, 42), via(38, 38), via(60, 56), via(56, 84),
      via(30, 99), via(2, 90)}},
    {2,
     1,
     {down(60, 3), via(34, 2), via(16, 14), via(20, 36), via(46, 50), via(58, 72), via(42, 95), via(20, 98),
      via(3, 90)}},
};

constexpr Glyph kSix[] = {
    {5,
     1,
     {down(50, 1), via(26, 20), via(8, 52), via(8, 84), via(30, 99), via(54, 87), via(56, 66), via(36, 55),
      via(16, 66), via(8, 82)}},
    {4,
     1,
     {down(38, 0), via(18, 32), via(5, 68), via(14, 94), via(36, 97), via(52, 78), via(40, 58), via(18, 68),
      via(10, 86)}},
};

constexpr Glyph kSeven[] = {
    {6, 0.8F, {down(2, 9), via(32, 6), corner(62, 3), via(44, 40), via(28, 100)}},
    {2,
     0.8F,
     {down(2, 8), via(32, 6), corner(62, 3), via(44, 42), via(26, 100), down(18, 52), via(38, 49),
      via(62, 46)}},
    {2, 0.8F, {down(2, 26), corner(5, 6), via(34, 5), corner(64, 2), via(36, 46), via(22, 100)}},
};

constexpr Glyph kEight[] = {
    {5,
     1,
     {down(56, 14), via(34, 0), via(10, 14), via(20, 38), via(46, 56), via(58, 80), via(34, 100), via(8, 84),
      via(18, 58), via(44, 38), via(57, 18), via(48, 4)}},
    {3,
     1,
     {down(34, 46), via(12, 34), via(14, 10), via(36, 0), via(56, 12), via(54, 34), via(34, 46), via(8, 66),
      via(10, 92), via(34, 100), via(58, 90), via(60, 66), via(36, 46)}},
};

constexpr Glyph kNine[] = {
    {4,
     1,
     {down(56, 12), via(34, 1), via(8, 16), via(6, 40), via(26, 49), via(48, 36), corner(57, 10), via(54, 50),
      via(48, 100)}},
    {3,
     1,
     {down(54, 14), via(34, 1), via(10, 14), via(6, 38), via(28, 48), via(50, 34), corner(57, 12),
      via(60, 56), via(46, 90), via(22, 99), via(6, 90)}},
    {3,
     1,
     {down(56, 22), via(44, 2), via(20, 4), via(6, 28), via(18, 46), via(42, 40), via(56, 18), via(50, 54),
      via(36, 100)}},
};

}  // namespace

std::span<const Glyph> glyphs_of(int digit) {
  switch (digit) {
    case 0:
      return kZero;
    case 1:
      return kOne;
    case 2:
      return kTwo;
    case 3:
      return kThree;
    case 4:
      return kFour;
    case 5:
      return kFive;
    case 6:
      return kSix;
    case 7:
      return kSeven;
    case 8:
      return kEight;
    case 9:
      return kNine;
    default:
      throw Error(ErrorCode::internal, "a digit outside 0..9");
  }
}

}  // namespace weft::data
