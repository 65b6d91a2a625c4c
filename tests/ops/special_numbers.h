#pragma once
// The numbers that are none.

#include <limits>

namespace weft::testing_support {

inline constexpr double kInf = std::numeric_limits<double>::infinity();
inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

}  // namespace weft::testing_support
