#include "weft/frontends/onnx/resize_taps.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "weft/graph/error.h"
#include "weft/graph/text.h"

namespace weft::onnx {
namespace {

[[noreturn]] void refuse(std::string_view what, const std::string& name) {
  throw Error(ErrorCode::unsupported, fmt::format("no {} '{}' is known here", what, printable(name)));
}

/// Where element i of the result lies among those of x.
double coordinate(const TapOptions& options, const TapAxis& axis, double i) {
  const auto from = static_cast<double>(axis.from);
  const double to = axis.scale * from;  // which need not be whole
  const std::string& name = options.coordinates;
  if (name == "half_pixel") return (i + 0.5) / axis.scale - 0.5;
  if (name == "half_pixel_symmetric") {
    const double adjustment = static_cast<double>(axis.to) / to;
    return from / 2.0 * (1.0 - adjustment) + (i + 0.5) / axis.scale - 0.5;
  }
  if (name == "pytorch_half_pixel") return to > 1.0 ? (i + 0.5) / axis.scale - 0.5 : 0.0;
  if (name == "align_corners") return to > 1.0 ? i * (from - 1.0) / (to - 1.0) : 0.0;
  if (name == "asymmetric") return i / axis.scale;
  if (name == "tf_half_pixel_for_nn") return (i + 0.5) / axis.scale;
  if (name == "tf_crop_and_resize") {
    if (to <= 1.0) return 0.5 * (axis.roi_start + axis.roi_end) * (from - 1.0);
    return axis.roi_start * (from - 1.0) + i * (axis.roi_end - axis.roi_start) * (from - 1.0) / (to - 1.0);
  }
  refuse("coordinate_transformation_mode", name);
}

double rounded(const std::string& rounding, double at) {
  if (rounding == "round_prefer_floor") return std::ceil(at - 0.5);
  if (rounding == "round_prefer_ceil") return std::floor(at + 0.5);
  if (rounding == "floor") return std::floor(at);
  if (rounding == "ceil") return std::ceil(at);
  refuse("nearest_mode", rounding);
}

/// Keys's cubic with coefficient a (IEEE Transactions on Acoustics 29, 1981), and the hat of linear
/// interpolation.
double kernel(const TapOptions& options, double distance) {
  const double d = std::abs(distance);
  if (options.mode == "linear") return std::max(0.0, 1.0 - d);
  const double a = options.cubic;
  if (d <= 1.0) return ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0;
  if (d < 2.0) return ((a * d - 5.0 * a) * d + 8.0 * a) * d - 4.0 * a;
  return 0.0;
}

/// Adds the weights of the elements around `at` to a row. Where a picture becomes smaller, antialiasing makes
/// the kernel as much wider.
void add_taps(const TapOptions& options, double at, double scale, std::span<double> row) {
  const auto last = static_cast<std::int64_t>(row.size()) - 1;
  const double width = options.antialias ? std::max(1.0, 1.0 / scale) : 1.0;
  const double reach = (options.mode == "linear" ? 1.0 : 2.0) * width;
  const auto first = static_cast<std::int64_t>(std::floor(at - reach)) + 1;
  const auto end = static_cast<std::int64_t>(std::ceil(at + reach));
  double total = 0.0;
  for (std::int64_t k = first; k < end; ++k) {
    const double weight = kernel(options, (static_cast<double>(k) - at) / width);
    const bool is_outside = k < 0 || k > last;
    if (is_outside && (options.excludes_outside || options.antialias)) continue;
    row[static_cast<std::size_t>(std::clamp<std::int64_t>(k, 0, last))] += weight;
    total += weight;
  }
  if (total == 0.0) return;
  for (double& weight : row) weight /= total;
}

}  // namespace

Taps taps_of(const TapOptions& options, const TapAxis& axis) {
  const bool is_crop = options.coordinates == "tf_crop_and_resize";
  if (options.mode != "nearest" && options.mode != "linear" && options.mode != "cubic")
    refuse("mode", options.mode);
  Taps taps;
  if (axis.from == axis.to && axis.scale == 1.0 && !is_crop) {
    taps.is_identity = true;
    return taps;
  }
  const auto columns = static_cast<std::size_t>(axis.from);
  if (options.mode != "nearest") taps.weights.resize(static_cast<std::size_t>(axis.to) * columns);
  for (std::int64_t i = 0; i < axis.to; ++i) {
    const double at = coordinate(options, axis, static_cast<double>(i));
    const auto last = static_cast<double>(axis.from - 1);
    taps.outside.push_back(is_crop && (at < 0.0 || at > last));
    if (options.mode == "nearest") {
      taps.nearest.push_back(static_cast<std::int64_t>(std::clamp(rounded(options.rounding, at), 0.0, last)));
    } else {
      add_taps(options, at, axis.scale,
               std::span(taps.weights).subspan(static_cast<std::size_t>(i) * columns, columns));
    }
  }
  return taps;
}

}  // namespace weft::onnx
