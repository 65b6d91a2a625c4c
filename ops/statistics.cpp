#include "weft/ops/statistics.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "weft/graph/located.h"
#include "weft/ops/bits.h"
#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/folds.h"
#include "weft/ops/indexing.h"
#include "weft/ops/layout.h"
#include "weft/ops/matmul.h"
#include "weft/ops/series.h"
#include "weft/ops/sorting.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"

namespace weft {
namespace {

void expect_matrix(const Value& x) {
  if (x.shape().rank() == 2) return;
  throw Error(ErrorCode::shape_mismatch, "it takes a matrix with a row for each variable",
              {.expected = "[variables, samples]", .actual = to_string(x.type())});
}

}  // namespace

Value peak_to_peak(const Operand& x, const Axes& axes, bool keep_dims) {
  const Scope origin(x.value("peak_to_peak").graph(), "peak_to_peak", x.where());
  return max(x, axes, keep_dims) - min(x, axes, keep_dims);
}

Value quantile(const Operand& x, double q, std::int64_t axis) {
  return located("quantile", x.where(), [&] {
    const Value value = x.value("quantile");
    const std::size_t along = normalize_axis(axis, value.shape().rank());
    const Dim& size = value.shape()[along];
    if (!(q >= 0.0 && q <= 1.0))
      throw Error(ErrorCode::invalid_argument, "a quantile is a share",
                  {.expected = "0 <= q <= 1", .actual = fmt::format("{}", q)});
    if (!size.is_number() || size.is(0))
      throw Error(ErrorCode::shape_mismatch, "the axis must have a size and an element",
                  {.actual = to_string(value.type())});
    const Scope origin(value.graph(), "quantile", x.where());
    const auto at_axis = static_cast<std::int64_t>(along);
    const Value sorted = sort(value, at_axis);
    const auto element = [&](std::int64_t i) { return squeeze(slice(sorted, at_axis, i, i + 1), at_axis); };
    const double place = q * static_cast<double>(size.size() - 1);
    const auto below = static_cast<std::int64_t>(std::floor(place));
    const double rest = place - std::floor(place);
    const Value last = element(size.size() - 1);  // NaN if there is one
    const Value low = element(below);
    const Value between = rest > 0.0 ? low + (element(below + 1) - low) * rest : low;
    return where(isnan(last), last, between);
  });
}

Value median(const Operand& x, std::int64_t axis) { return quantile(x, 0.5, axis); }

Value covariance(const Operand& x, double correction) {
  return located("covariance", x.where(), [&] {
    const Value value = x.value("covariance");
    expect_matrix(value);
    const Scope origin(value.graph(), "covariance", x.where());
    const Value away = value - mean(value, {1}, true);
    const Value samples = apply(Count{{1}, value.dtype()}, value);
    return matmul(away, away, false, true) / (samples - correction);
  });
}

Value correlation(const Operand& x) {
  return located("correlation", x.where(), [&] {
    const Value value = x.value("correlation");
    expect_matrix(value);
    const Scope origin(value.graph(), "correlation", x.where());
    const Value away = value - mean(value, {1}, true);
    const Value unit = away / sqrt(sum(square(away), {1}, true));
    return clip(matmul(unit, unit, false, true), -1.0, 1.0);
  });
}

Value histogram(const Operand& x, std::int64_t bins, double low, double high) {
  return located("histogram", x.where(), [&] {
    if (bins < 1 || !(low < high))
      throw Error(ErrorCode::invalid_argument, "a histogram has parts of a range",
                  {.expected = "bins >= 1 and low < high",
                   .actual = fmt::format("{} bins of [{}, {}]", bins, low, high)});
    const Value value = reshape(x, {x.value("histogram").shape().count()});
    const Scope origin(value.graph(), "histogram", x.where());
    const Value ends = linspace(value.graph(), low, high, bins + 1, value.dtype());
    const Value part = searchsorted(ends, value, true) - constant(value.graph(), 1, i64);
    const Value in_range = logical_and(value >= low, value < high);
    const Value at_end =
        where(equal(value, high), constant(value.graph(), bins - 1, i64), constant(value.graph(), bins, i64));
    return slice(bincount(where(in_range, part, at_end), bins + 1), 0, 0, bins);
  });
}

Value nan_sum(const Operand& x, const Axes& axes, bool keep_dims) {
  const Scope origin(x.value("nan_sum").graph(), "nan_sum", x.where());
  return sum(where(isnan(x), 0.0, x), axes, keep_dims);
}

Value nan_mean(const Operand& x, const Axes& axes, bool keep_dims) {
  const Value value = x.value("nan_mean");
  const Scope origin(value.graph(), "nan_mean", x.where());
  const Value one = broadcast_like(constant(value.graph(), 1.0, value.dtype()), value);
  const Value there = where(isnan(value), 0.0, one);
  return nan_sum(value, axes, keep_dims) / sum(there, axes, keep_dims);
}

}  // namespace weft
