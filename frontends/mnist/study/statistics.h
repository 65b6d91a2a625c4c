#pragma once
// Means of few runs, and how far they can be trusted. Pure functions.

#include <cstddef>
#include <span>

namespace weft::mnist {

struct Estimate {
  double mean = 0.0;
  double half = 0.0;  // the 95% interval is mean +- half; 0 where `runs` is below 2
  std::size_t runs = 0;

  double low() const { return mean - half; }
  double high() const { return mean + half; }
};

/// Student's quantile that leaves 2.5% above, for n - 1 >= 1 degrees of freedom.
double student_quantile(std::size_t degrees);

/// The mean with Student's 95% interval. None: all 0.
Estimate estimate(std::span<const double> values);

/// Of the difference of two means of independent runs (Welch 1947).
Estimate difference(std::span<const double> a, std::span<const double> b);

}  // namespace weft::mnist
