#include <algorithm>
#include <array>
#include <cmath>

#include "weft/frontends/onnx/operators.h"
#include "weft/frontends/onnx/resize_taps.h"
#include "weft/frontends/onnx/rule_support.h"
#include "weft/graph/error.h"
#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/gather.h"
#include "weft/ops/grid_sample.h"
#include "weft/ops/indexing.h"
#include "weft/ops/layout.h"
#include "weft/ops/matmul.h"
#include "weft/ops/rounding.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"

namespace weft::onnx {
namespace {

/// How one axis is resized.
struct ResizedAxis {
  std::int64_t axis = 0;
  std::int64_t from = 0;
  std::int64_t to = 0;
  double scale = 1.0;
  double roi_start = 0.0;
  double roi_end = 1.0;
};

TapOptions tap_options(const NodeView& node) {
  TapOptions options;
  const bool is_upsample = node.proto().op_type == "Upsample";
  const bool is_first = is_upsample || node.version() < 11;  // without coordinates of their own
  options.mode = node.text("mode", "nearest");
  if (options.mode == "bilinear" || options.mode == "trilinear") options.mode = "linear";
  options.coordinates = node.text("coordinate_transformation_mode", is_first ? "asymmetric" : "half_pixel");
  options.rounding = node.text("nearest_mode", is_first ? "floor" : "round_prefer_floor");
  options.cubic = node.number("cubic_coeff_a", -0.75);
  options.excludes_outside = node.integer("exclude_outside", 0) != 0;
  options.antialias = node.integer("antialias", 0) != 0;
  return options;
}

/// The sizes that keep the ratio of a picture, as keep_aspect_ratio_policy says.
void keep_ratio(const NodeView& node, std::vector<ResizedAxis>& axes) {
  const std::string policy = node.text("keep_aspect_ratio_policy", "stretch");
  if (policy == "stretch" || axes.empty()) return;
  const auto less_scale = [](const ResizedAxis& a, const ResizedAxis& b) { return a.scale < b.scale; };
  const double scale = policy == "not_larger" ? std::ranges::min_element(axes, less_scale)->scale
                                              : std::ranges::max_element(axes, less_scale)->scale;
  for (ResizedAxis& axis : axes) {
    axis.scale = scale;
    axis.to = static_cast<std::int64_t>(std::round(scale * static_cast<double>(axis.from)));
  }
}

std::vector<double> scales_of(const NodeView& node, std::size_t i) {
  if (node.has_attribute("scales")) return node.numbers("scales");
  if (node.has_attribute("height_scale"))
    return {1, 1, node.number("height_scale", 1), node.number("width_scale", 1)};
  return node.has(i) ? node.numbers(i, "the scales") : std::vector<double>();
}

std::vector<ResizedAxis> resized_axes(const NodeView& node, const Value& x) {
  const bool is_first = node.proto().op_type == "Upsample" || node.version() < 11;
  const auto scales = scales_of(node, is_first ? 1 : 2);
  const auto sizes = !is_first && node.has(3) ? node.wholes(3, "the sizes").numbers : std::vector<Whole>();
  std::vector<std::int64_t> axes = node.integers("axes");
  if (axes.empty()) {
    for (std::size_t i = 0; i < x.shape().rank(); ++i) axes.push_back(static_cast<std::int64_t>(i));
  }
  const bool has_roi = node.text("coordinate_transformation_mode", "") == "tf_crop_and_resize";
  const auto roi = has_roi && node.has(1) ? node.numbers(1, "the region") : std::vector<double>();
  if ((sizes.empty() ? scales.size() : sizes.size()) != axes.size() ||
      (has_roi && roi.size() != 2 * axes.size()))
    throw Error(ErrorCode::shape_mismatch, "it has other numbers of scales, sizes and axes");
  std::vector<ResizedAxis> made;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    ResizedAxis one{.axis = positive_axis(axes[i], x.shape().rank())};
    if (has_roi) one.roi_start = roi[i];
    if (has_roi) one.roi_end = roi[axes.size() + i];
    const Dim& size = x.shape()[static_cast<std::size_t>(one.axis)];
    if (!size.is_number() || (!sizes.empty() && !sizes[i].is_number())) {
      const bool stays = sizes.empty() ? scales[i] == 1.0 : !sizes[i].is_number() && sizes[i].dim() == size;
      if (!stays)
        node.refuse("the sizes of the axes that it changes must be known when the model is imported");
      continue;
    }
    one.from = size.size();
    const auto from = static_cast<double>(one.from);
    const auto is_small = [](double number) { return std::abs(number) <= 1e9; };  // a NaN is not
    if ((sizes.empty() && !is_small(from * scales[i])) || !is_small(one.roi_start) || !is_small(one.roi_end))
      throw Error(ErrorCode::invalid_argument, "its scales or its region are out of bounds");
    one.to = sizes.empty() ? static_cast<std::int64_t>(std::floor(from * scales[i])) : sizes[i].number();
    one.scale = sizes.empty() ? scales[i] : static_cast<double>(one.to) / from;
    made.push_back(one);
  }
  if (!sizes.empty()) keep_ratio(node, made);
  for (const ResizedAxis& one : made) {
    constexpr std::int64_t kMostWeights = std::int64_t{1} << 26U;
    if (one.from < 1 || one.to < 1 || !(one.scale > 0.0) || one.to > kMostWeights / one.from)
      throw Error(ErrorCode::shape_mismatch, "it makes an axis of no or too many elements");
  }
  return made;
}

/// A sum over one axis with weights [to, from].
Value mixed(const NodeView& node, const Value& x, const ResizedAxis& along,
            const std::vector<double>& weights) {
  const Tensor wide = Tensor::of(weights, {along.to, along.from});
  const Value matrix = cast(node.constant_of(wide), x.dtype());
  // A vector is a matrix of one row for the product.
  const bool is_vector = x.shape().rank() == 1;
  const Value rows = is_vector ? expand_dims(x, 0) : move_axis(x, along.axis, -1);
  const Value made = matmul(rows, matrix, false, true);
  return is_vector ? squeeze(made, 0) : move_axis(made, -1, along.axis);
}

Items resize_rule(const NodeView& node) {
  const Value x = node.value(0);
  const TapOptions options = tap_options(node);
  const double beyond = node.number("extrapolation_value", 0.0);
  Value y = is_float(x.dtype()) || options.mode == "nearest" ? x : cast(x, f64);
  for (const ResizedAxis& along : resized_axes(node, x)) {
    const Taps taps = taps_of(options, {along.from, along.to, along.scale, along.roi_start, along.roi_end});
    if (taps.is_identity) continue;
    y = options.mode == "nearest" ? take(y, node.constant_of(Tensor::of(taps.nearest)), along.axis)
                                  : mixed(node, y, along, taps.weights);
    if (std::ranges::find(taps.outside, true) == taps.outside.end()) continue;
    const Value here = along_axis(node.constant_of(Tensor::of(taps.outside)), along.axis, x.shape().rank());
    y = where(here, scalar_like(y, beyond), y);
  }
  return y.dtype() == x.dtype() ? y : cast(y, x.dtype());
}

/// The weights of the elements -1, 0, 1 and 2 beyond the one at or before a point, which lies `t` after it
/// (Keys, IEEE Transactions on Acoustics 29, 1981).
std::array<Value, 4> cubic_weights(const Value& t) {
  constexpr double kA = -0.75;
  const auto near = [](const Value& d) { return (d * (kA + 2.0) - (kA + 3.0)) * d * d + 1.0; };
  const auto far = [](const Value& d) { return ((d * kA - 5.0 * kA) * d + 8.0 * kA) * d - 4.0 * kA; };
  return {far(t + 1.0), near(t), near(neg(t) + 1.0), far(neg(t) + 2.0)};
}

/// Coordinates of a grid along one axis as places among its elements, and back.
struct GridAxis {
  double size = 1.0;
  bool corners = false;

  Value places(const Value& at) const {
    return corners ? (at + 1.0) * ((size - 1.0) / 2.0) : (at + 1.0) * (size / 2.0) - 0.5;
  }
  Value coordinates(const Value& places) const {
    return corners ? places * (2.0 / std::max(size - 1.0, 1.0)) - 1.0 : (places + 0.5) * (2.0 / size) - 1.0;
  }
};

/// Sixteen samples of nearest elements for each point; `options` have that mode.
Value sampled_by_cubics(const NodeView& node, const Value& x, const Value& grid,
                        const GridSampleOptions& options) {
  if (x.shape().rank() != 4 || grid.shape().rank() != 4)
    throw Error(ErrorCode::shape_mismatch, "it takes pictures and points of them");
  if (!x.shape()[2].is_number() || !x.shape()[3].is_number())
    node.refuse("the sizes of its pictures must be known when the model is imported");
  const GridAxis down{static_cast<double>(x.shape()[2].size()), options.align_corners};
  const GridAxis across{static_cast<double>(x.shape()[3].size()), options.align_corners};
  const std::vector<Value> points = unstack(grid, 3);
  const Value column = across.places(points.at(0));
  const Value row = down.places(points.at(1));
  const std::array<Value, 4> row_weights = cubic_weights(row - floor(row));
  const std::array<Value, 4> column_weights = cubic_weights(column - floor(column));
  Value y;
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t j = 0; j < 4; ++j) {
      const Value at = stack({across.coordinates(floor(column) + (static_cast<double>(j) - 1.0)),
                              down.coordinates(floor(row) + (static_cast<double>(i) - 1.0))},
                             -1);
      const Value weight = expand_dims(row_weights[i] * column_weights[j], 1);
      const Value term = grid_sample(x, at, options) * weight;
      y = y.has_value() ? y + term : term;
    }
  }
  return y;
}

Items grid_sample_rule(const NodeView& node) {
  const std::string mode = node.text("mode", "bilinear");
  const std::string border = node.text("padding_mode", "zeros");
  GridSampleOptions options{.align_corners = node.integer("align_corners", 0) != 0};
  const bool is_cubic = mode == "bicubic" || mode == "cubic";
  if (mode == "nearest" || is_cubic) {
    options.mode = SampleMode::nearest;
  } else if (mode != "bilinear" && mode != "linear") {
    node.refuse("its mode is none of nearest, linear and cubic");
  }
  if (border == "border") options.border = SampleBorder::border;
  if (border == "reflection") options.border = SampleBorder::reflection;
  if (is_cubic) return sampled_by_cubics(node, node.value(0), node.value(1), options);
  return grid_sample(node.value(0), node.value(1), options);
}

Items affine_grid_rule(const NodeView& node) {
  const auto sizes = node.integers(1, "the shape of the pictures");
  if (sizes.size() != 4) node.refuse("it makes points of pictures, with two axes, here");
  return affine_grid(node.value(0), sizes[2], sizes[3], node.integer("align_corners", 0) != 0);
}

constexpr std::array kImages{
    RuleEntry{"AffineGrid", affine_grid_rule},
    RuleEntry{"GridSample", grid_sample_rule},
    RuleEntry{"Resize", resize_rule},
    RuleEntry{"Upsample", resize_rule},
};

}  // namespace

std::span<const RuleEntry> image_rules() { return kImages; }

}  // namespace weft::onnx
