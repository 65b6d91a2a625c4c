#include "weft/frontends/data/handwriting.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace weft::data {
namespace {

// How much handwriting varies. Lengths are in glyph units (a digit is 100 high), angles in radians.
constexpr float kKnotJitter = 6.5F;
constexpr float kRotation = 0.36F;
constexpr float kSlant = 0.56F;         // shear to the right ...
constexpr float kMeanSlant = 0.18F;     // ... around the slant that most people have
constexpr float kWidth = 0.5F;          // width over height, relative to the glyph's own
constexpr float kBend = 15.0F;          // the strongest displacement of one elastic wave
constexpr float kShortestWave = 90.0F;  // and its length
constexpr float kLongestWave = 240.0F;
constexpr float kThinnestPen = 7.0F;  // radius
constexpr float kThickestPen = 13.5F;
constexpr float kPressure = 0.18F;  // relative change of the radius along a stroke
constexpr float kSoftEdge = 0.5F;   // pixels that antialiasing adds around the ink

float between(PhiloxSequence& random, float low, float high) { return low + (high - low) * random.uniform(); }

/// Triangular in (-1, 1): mostly small and never large, so that a digit stays readable.
float stray(PhiloxSequence& random) {
  const float plus =
      random.uniform();  // on lines of their own: compilers differ in which operand comes first
  const float minus = random.uniform();
  return plus - minus;
}

Point operator+(Point a, Point b) { return {a.x + b.x, a.y + b.y}; }
Point operator-(Point a, Point b) { return {a.x - b.x, a.y - b.y}; }
Point operator*(float scale, Point a) { return {scale * a.x, scale * a.y}; }

const Glyph& choose_glyph(int digit, PhiloxSequence& random) {
  const auto glyphs = glyphs_of(digit);
  unsigned total = 0;
  for (const Glyph& glyph : glyphs) total += glyph.share;
  unsigned ticket = random.below(total);
  std::size_t chosen = 0;
  while (ticket >= glyphs[chosen].share) ticket -= glyphs[chosen++].share;
  return glyphs[chosen];
}

/// A linear map around the middle of the glyph.
struct Affine {
  float xx, xy, yx, yy;
  float width;  // the horizontal stretch in it

  Point operator()(Point p) const { return {xx * p.x + xy * p.y, yx * p.x + yy * p.y}; }
};

Affine draw_affine(PhiloxSequence& random) {
  const float angle = kRotation * stray(random);
  const float slant = kMeanSlant + kSlant * stray(random);
  const float width = std::exp(kWidth * stray(random));
  const float cosine = std::cos(angle);
  const float sine = std::sin(angle);
  // rotation * [1 -slant; 0 1] * diag(width, 1): y goes down, so a right slant is a negative shear.
  return {.xx = cosine * width,
          .xy = -cosine * slant - sine,
          .yx = sine * width,
          .yy = -sine * slant + cosine,
          .width = width};
}

/// A smooth displacement of the paper: a few long sine waves in random directions.
class Bend {
 public:
  Bend(float strength, PhiloxSequence& random) {
    for (Wave& wave : waves_) {
      const float direction = between(random, 0, 2 * std::numbers::pi_v<float>);
      const float number = 2 * std::numbers::pi_v<float> / between(random, kShortestWave, kLongestWave);
      wave = {.number = {number * std::cos(direction), number * std::sin(direction)},
              .phase = between(random, 0, 2 * std::numbers::pi_v<float>),
              .shift = {strength * stray(random), strength * stray(random)}};
    }
  }

  Point operator()(Point p) const {
    Point bent = p;
    for (const Wave& wave : waves_) {
      const float height = std::sin(wave.number.x * p.x + wave.number.y * p.y + wave.phase);
      bent = bent + height * wave.shift;
    }
    return bent;
  }

 private:
  struct Wave {
    Point number;
    float phase = 0;
    Point shift;
  };
  std::array<Wave, 3> waves_;
};

/// The thickness of the line along a stroke.
struct Pen {
  float radius;
  float pressure;
  float phase;

  float at(float knot) const { return radius * (1 + pressure * std::sin(0.9F * knot + phase)); }
};

Pen draw_pen(float width, PhiloxSequence& random) {
  // The square makes thin pens the usual ones. Narrow digits get no broad pen, which would fill their loops.
  const float u = random.uniform();
  const float thickest = kThickestPen * std::min(1.0F, std::sqrt(width));
  return {.radius = kThinnestPen + (thickest - kThinnestPen) * (0.6F * u + 0.4F * u * u),
          .pressure = kPressure * random.uniform(),
          .phase = between(random, 0, 2 * std::numbers::pi_v<float>)};
}

using Knots = std::array<Knot, kMaxKnots>;

/// The glyph's knots, each moved a little. Knots at the same place (where a stroke closes) are moved apart,
/// since handwritten loops do not close exactly.
Knots jittered(std::span<const Knot> knots, float jitter, PhiloxSequence& random) {
  Knots moved{};
  for (std::size_t i = 0; i < knots.size(); ++i) {
    const Point off{jitter * stray(random), jitter * stray(random)};
    moved[i] = {knots[i].at + off, knots[i].pass};
  }
  return moved;
}

/// Catmull-Rom between `b` and `c`, t in [0, 1].
Point spline(Point a, Point b, Point c, Point d, float t) {
  const Point slope_b = 0.5F * (c - a);
  const Point slope_c = 0.5F * (d - b);
  const Point cubic = 2.0F * (b - c) + slope_b + slope_c;
  const Point square = 3.0F * (c - b) - 2.0F * slope_b - slope_c;
  return b + t * (slope_b + t * (square + t * cubic));
}

/// The polyline through the knots. At an end and at a corner the curve does not depend on the knots beyond.
template <typename Map>
Drawing trace(std::span<const Knot> knots, const Pen& pen, const Map& map) {
  Drawing drawing;
  for (std::size_t i = 0; i + 1 < knots.size(); ++i) {
    if (knots[i + 1].pass == Pass::down) continue;
    const Point b = knots[i].at;
    const Point c = knots[i + 1].at;
    const bool ends = i + 2 >= knots.size() || knots[i + 2].pass == Pass::down;
    const Point a = knots[i].pass == Pass::smooth ? knots[i - 1].at : b;
    const Point d = ends || knots[i + 1].pass == Pass::corner ? c : knots[i + 2].at;
    Segment piece{.from = map(b), .to = {}, .from_radius = pen.at(static_cast<float>(i)), .to_radius = 0};
    for (std::size_t step = 1; step <= kSegmentsPerSpan; ++step) {
      const float t = static_cast<float>(step) / static_cast<float>(kSegmentsPerSpan);
      piece.to = map(spline(a, b, c, d, t));
      piece.to_radius = pen.at(static_cast<float>(i) + t);
      drawing.add(piece);
      piece.from = piece.to;
      piece.from_radius = piece.to_radius;
    }
  }
  return drawing;
}

struct Box {
  Point low{1e9F, 1e9F};
  Point high{-1e9F, -1e9F};

  void include(Point p) {
    low = {std::min(low.x, p.x), std::min(low.y, p.y)};
    high = {std::max(high.x, p.x), std::max(high.y, p.y)};
  }
  float side() const { return std::max(high.x - low.x, high.y - low.y); }
};

/// The centre of mass of the ink, where crossing strokes count twice.
Point centre_of_mass(std::span<const Segment> segments) {
  Point sum;
  float mass = 0;
  for (const Segment& piece : segments) {
    const Point along = piece.to - piece.from;
    const float ink = std::hypot(along.x, along.y) * (piece.from_radius + piece.to_radius);
    sum = sum + 0.5F * ink * (piece.from + piece.to);
    mass += ink;
  }
  return (1.0F / mass) * sum;
}

/// Converts glyph units to pixels: the larger side of the inked box becomes kDigitBox, and the mass is
/// centred.
void fit(Drawing& drawing, float radius) {
  Box box;
  for (const Segment& piece : drawing.segments()) {
    box.include(piece.from);
    box.include(piece.to);
  }
  const float margin = radius * (1 + kPressure);
  const float room = kDigitBox - 1 - 2 * kSoftEdge;  // 1: a pixel can be cut on both sides
  const float scale = room / (box.side() + 2 * margin);
  const Point centre = centre_of_mass(drawing.segments());
  for (Segment& piece : drawing.segments()) {
    piece.from = scale * (piece.from - centre);
    piece.to = scale * (piece.to - centre);
    piece.from_radius *= scale;
    piece.to_radius *= scale;
  }
}

}  // namespace

Drawing write_digit(int digit, PhiloxSequence& random) {
  const Glyph& glyph = choose_glyph(digit, random);
  const Knots knots = jittered(glyph.knots(), kKnotJitter * glyph.freedom, random);
  const Affine affine = draw_affine(random);
  const Bend bend(kBend * glyph.freedom, random);
  const Pen pen = draw_pen(affine.width, random);
  constexpr Point kMiddle{35, 50};
  Drawing drawing = trace(std::span(knots).first(glyph.knots().size()), pen,
                          [&](Point p) { return affine(bend(p) - kMiddle); });
  fit(drawing, pen.radius);
  return drawing;
}

}  // namespace weft::data
