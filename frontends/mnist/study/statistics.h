#pragma once
// What few runs say: means and how far they can be trusted, medians and ranges. Pure functions.

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

/// The part of an estimate's 95% interval that is possible: no share of images is above 1.
struct Interval {
  double low = 0.0;
  double high = 0.0;
};
Interval interval_within(const Estimate& estimate, double least, double most);

/// Median and range, for times: they are skewed by whatever else the machine does.
struct Spread {
  double median = 0.0;
  double low = 0.0;
  double high = 0.0;
  std::size_t runs = 0;
};
/// None: all 0. Values that are not finite are left out.
Spread spread_of(std::span<const double> values);

/// Student's quantile that leaves 2.5% above, for n - 1 >= 1 degrees of freedom.
double student_quantile(std::size_t degrees);

/// The mean with Student's 95% interval. None: all 0.
Estimate estimate(std::span<const double> values);

/// Of the difference of two means of independent runs (Welch 1947).
Estimate difference(std::span<const double> a, std::span<const double> b);

}  // namespace weft::mnist
