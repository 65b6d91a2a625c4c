#pragma once
// Mean and variance of numbers, for tests of what draws and of what normalizes.

#include <vector>

namespace weft::testing_support {

struct SampleMoments {
  double mean = 0.0;
  double variance = 0.0;  // biased
};

inline SampleMoments moments_of(const std::vector<double>& x) {
  const auto count = static_cast<double>(x.size());
  SampleMoments moments;
  for (const double value : x) moments.mean += value / count;
  for (const double value : x) moments.variance += (value - moments.mean) * (value - moments.mean) / count;
  return moments;
}

}  // namespace weft::testing_support
