#include "weft/frontends/data/raster.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace weft::data {
namespace {

constexpr float kReach = 0.5F;  // beyond its radius a line still touches pixels whose middle is this near

struct Range {
  int begin, end;
};

/// The pixels whose middles lie in [low, high], inside the picture.
Range pixels_between(float low, float high) {
  constexpr float kSide = kDigitSide;
  return {static_cast<int>(std::clamp(std::ceil(low - 0.5F), 0.0F, kSide)),
          static_cast<int>(std::clamp(std::floor(high - 0.5F) + 1, 0.0F, kSide))};
}

float cover(float distance, float radius) {
  const float t = std::clamp(radius - distance + kReach, 0.0F, 1.0F);
  return t * t * (3 - 2 * t);
}

void draw(const Segment& piece, Point centre, std::array<float, kDigitPixels>& covered) {
  const Point from{piece.from.x + centre.x, piece.from.y + centre.y};
  const Point along{piece.to.x - piece.from.x, piece.to.y - piece.from.y};
  const float length_squared = std::max(along.x * along.x + along.y * along.y, 1e-12F);
  const float reach = std::max(piece.from_radius, piece.to_radius) + kReach;
  const Range columns =
      pixels_between(from.x + std::min(along.x, 0.0F) - reach, from.x + std::max(along.x, 0.0F) + reach);
  const Range rows =
      pixels_between(from.y + std::min(along.y, 0.0F) - reach, from.y + std::max(along.y, 0.0F) + reach);
  for (int row = rows.begin; row < rows.end; ++row) {
    for (int column = columns.begin; column < columns.end; ++column) {
      const float x = static_cast<float>(column) + 0.5F - from.x;
      const float y = static_cast<float>(row) + 0.5F - from.y;
      const float t = std::clamp((x * along.x + y * along.y) / length_squared, 0.0F, 1.0F);
      const float dx = x - t * along.x;
      const float dy = y - t * along.y;
      const float radius = piece.from_radius + t * (piece.to_radius - piece.from_radius);
      float& pixel = covered[static_cast<std::size_t>(row * kDigitSide + column)];
      pixel = std::max(pixel, cover(std::sqrt(dx * dx + dy * dy), radius));
    }
  }
}

}  // namespace

void rasterize(std::span<const Segment> segments, Point centre, float ink,
               std::span<std::uint8_t, kDigitPixels> pixels) {
  std::array<float, kDigitPixels> covered{};
  for (const Segment& piece : segments) draw(piece, centre, covered);
  std::ranges::transform(covered, pixels.begin(),
                         [ink](float part) { return static_cast<std::uint8_t>(ink * part + 0.5F); });
}

}  // namespace weft::data
