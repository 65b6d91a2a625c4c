#pragma once
// Holds f32 results against definitions that were evaluated in long double.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace weft::testing_support {

inline constexpr double kOfDenormals = 1e-43;  // a hundred times their distance: what a factor makes of it

/// |actual - expected| <= bound * |expected|, or `absolute` where a function crosses 0.
inline testing::AssertionResult near(float actual, long double expected, double bound,
                                     double absolute = kOfDenormals) {
  const auto rounded = static_cast<float>(expected);
  if (actual == rounded || (std::isnan(actual) && std::isnan(rounded))) return testing::AssertionSuccess();
  const long double size =
      std::max(std::abs(expected), static_cast<long double>(std::numeric_limits<float>::min()));
  const long double most =
      std::max(static_cast<long double>(bound) * size, static_cast<long double>(absolute));
  if (std::abs(static_cast<long double>(actual) - expected) <= most) return testing::AssertionSuccess();
  return testing::AssertionFailure() << actual << " for " << static_cast<double>(expected);
}

}  // namespace weft::testing_support
