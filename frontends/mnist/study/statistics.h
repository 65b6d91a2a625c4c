#pragma once
// Statistics of few runs: means with intervals, medians with ranges. Pure functions.

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

/// An estimate's 95% interval, limited to possible shares: no share of images is above 1.
struct Interval {
  double low = 0.0;
  double high = 0.0;
};
Interval interval_within(const Estimate& estimate, double least, double most);

/// Median and range, for times, which are skewed by other work of the machine.
struct Spread {
  double median = 0.0;
  double low = 0.0;
  double high = 0.0;
  std::size_t runs = 0;
};
/// All 0 without values. Values that are not finite are left out.
Spread spread_of(std::span<const double> values);

/// The 97.5% quantile of Student's distribution for `degrees` >= 1 degrees of freedom.
double student_quantile(std::size_t degrees);

/// The mean with Student's 95% interval. All 0 without values.
Estimate estimate(std::span<const double> values);

/// The difference of two means of independent runs with its interval (Welch 1947).
Estimate difference(std::span<const double> a, std::span<const double> b);

}  // namespace weft::mnist
