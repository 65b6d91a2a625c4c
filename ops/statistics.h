#pragma once
// What describes many numbers by a few. Of floats, made of several ops each, with their gradients.

#include <utility>

#include "weft/ops/reduce.h"

namespace weft {

/// max(x) - min(x). (NumPy's ptp.)
Value peak_to_peak(const Operand& x, const Axes& axes = {}, bool keep_dims = false);

/// Below which a share `q` in [0, 1] of the numbers along an axis lies, between two of them by a straight
/// line (NumPy's method "linear"); NaN where one of them is. The axis goes and must have a size and an
/// element; another q is an Error(invalid_argument).
Value quantile(const Operand& x, double q, std::int64_t axis = -1);
Value median(const Operand& x, std::int64_t axis = -1);

/// Of x [variables, samples]: the covariances [variables, variables], divided by samples - correction.
/// (NumPy's cov.)
Value covariance(const Operand& x, double correction = 1.0);
/// The covariances over the roots of both variances, between -1 and 1; NaN for a variable that does not vary.
Value correlation(const Operand& x);

/// How many elements lie in each of `bins` equal parts of [low, high], i64 [bins]. A part has its lower end,
/// the last one both; what lies outside, and NaN, is not counted. Errors: invalid_argument unless bins >= 1
/// and low < high.
Value histogram(const Operand& x, std::int64_t bins, double low, double high);

/// sum and mean of what is not NaN; the mean of nothing is NaN. (NumPy's nansum, nanmean.)
Value nan_sum(const Operand& x, const Axes& axes = {}, bool keep_dims = false);
Value nan_mean(const Operand& x, const Axes& axes = {}, bool keep_dims = false);

}  // namespace weft
