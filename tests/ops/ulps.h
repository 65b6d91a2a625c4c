#pragma once
// How far an f32 number is from a wider one.

#include <cmath>
#include <limits>
#include <vector>

namespace weft::accuracy_tests {

using Wide = long double;
using Floats = std::vector<float>;

/// |actual - expected| in units in the last place of the expected f32 number; 0 for two NaNs.
inline double ulps(float actual, Wide expected) {
  const auto rounded = static_cast<float>(expected);
  if (actual == rounded || (std::isnan(actual) && std::isnan(rounded))) return 0.0;
  if (!std::isfinite(actual) || !std::isfinite(rounded)) return HUGE_VAL;
  const Wide unit =
      static_cast<Wide>(std::nextafter(std::abs(rounded), std::numeric_limits<float>::infinity())) -
      std::abs(static_cast<Wide>(rounded));
  return static_cast<double>(std::abs(static_cast<Wide>(actual) - expected) / unit);
}

}  // namespace weft::accuracy_tests
