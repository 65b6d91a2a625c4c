#include "weft/frontends/mnist/study/statistics.h"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <iterator>
#include <numeric>
#include <vector>

namespace weft::mnist {
namespace {

constexpr double kTail = 0.975;

double quantile_of(double degrees) { return boost::math::quantile(boost::math::students_t(degrees), kTail); }

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// The variance of the mean.
double mean_variance(std::span<const double> values, double mean) {
  double squares = 0.0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  const double n = static_cast<double>(values.size());
  return squares / (n - 1.0) / n;
}

}  // namespace

Interval interval_within(const Estimate& estimate, double least, double most) {
  return {.low = std::clamp(estimate.low(), least, most), .high = std::clamp(estimate.high(), least, most)};
}

Spread spread_of(std::span<const double> values) {
  std::vector<double> sorted;
  std::ranges::copy_if(values, std::back_inserter(sorted), [](double value) { return std::isfinite(value); });
  if (sorted.empty()) return {};
  std::ranges::sort(sorted);
  const std::size_t middle = sorted.size() / 2;
  const double median = sorted.size() % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2.0;
  return {.median = median, .low = sorted.front(), .high = sorted.back(), .runs = sorted.size()};
}

double student_quantile(std::size_t degrees) { return quantile_of(static_cast<double>(degrees)); }

Estimate estimate(std::span<const double> values) {
  if (values.empty()) return {};
  const double mean = mean_of(values);
  if (values.size() < 2) return {.mean = mean, .half = 0.0, .runs = values.size()};
  const double half = student_quantile(values.size() - 1) * std::sqrt(mean_variance(values, mean));
  return {.mean = mean, .half = half, .runs = values.size()};
}

Estimate difference(std::span<const double> a, std::span<const double> b) {
  if (a.empty() || b.empty()) return {};
  const double mean_a = mean_of(a);
  const double mean_b = mean_of(b);
  Estimate result{.mean = mean_a - mean_b, .half = 0.0, .runs = std::min(a.size(), b.size())};
  if (result.runs < 2) return result;
  const double va = mean_variance(a, mean_a);
  const double vb = mean_variance(b, mean_b);
  if (va + vb <= 0.0) return result;
  const double na = static_cast<double>(a.size() - 1);
  const double nb = static_cast<double>(b.size() - 1);
  const double degrees = (va + vb) * (va + vb) / (va * va / na + vb * vb / nb);
  result.half = quantile_of(degrees) * std::sqrt(va + vb);
  return result;
}

}  // namespace weft::mnist
