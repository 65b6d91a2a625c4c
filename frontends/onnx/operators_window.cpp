#include <array>

#include "weft/frontends/onnx/operators.h"
#include "weft/frontends/onnx/rule_support.h"
#include "weft/frontends/onnx/windows.h"
#include "weft/graph/error.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/indexing.h"
#include "weft/ops/layout.h"
#include "weft/ops/norm.h"
#include "weft/ops/pool.h"
#include "weft/ops/reduce.h"
#include "weft/ops/rounding.h"
#include "weft/ops/series.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"

namespace weft::onnx {
namespace {

Windows pool_windows(const NodeView& node, const Value& x) {
  return resolved(node, windows_of(node, x, node.integers("kernel_shape")), x);
}

template <typename Options, std::size_t Axes>
Options pool_options(const NodeView& node, const Windows& windows) {
  return {.window = window_size<Axes>(windows.window),
          .stride = window_size<Axes>(windows.stride),
          .padding = window_padding<Axes>(windows),
          .dilation = window_size<Axes>(windows.dilation),
          .ceil_mode = node.integer("ceil_mode", 0) != 0};
}

/// Calls `pool(options)` with those of as many axes.
template <typename F>
Value pooled(const NodeView& node, const Windows& windows, const F& pool) {
  switch (windows.axes()) {
    case 1:
      return pool(pool_options<Pool1dOptions, 1>(node, windows));
    case 2:
      return pool(pool_options<Pool2dOptions, 2>(node, windows));
    case 3:
      return pool(pool_options<Pool3dOptions, 3>(node, windows));
    default:
      node.refuse("windows have one to three axes");
  }
}

Value max_pool_of(const Value& x, const Pool1dOptions& options) { return max_pool1d(x, options); }
Value max_pool_of(const Value& x, const Pool2dOptions& options) { return max_pool2d(x, options); }
Value max_pool_of(const Value& x, const Pool3dOptions& options) { return max_pool3d(x, options); }
Value avg_pool_of(const Value& x, const Pool1dOptions& o, bool padding) { return avg_pool1d(x, o, padding); }
Value avg_pool_of(const Value& x, const Pool2dOptions& o, bool padding) { return avg_pool2d(x, o, padding); }
Value avg_pool_of(const Value& x, const Pool3dOptions& o, bool padding) { return avg_pool3d(x, o, padding); }
Value lp_pool_of(const Value& x, double p, const Pool1dOptions& options) { return lp_pool1d(x, p, options); }
Value lp_pool_of(const Value& x, double p, const Pool2dOptions& options) { return lp_pool2d(x, p, options); }
Value lp_pool_of(const Value& x, double p, const Pool3dOptions& options) { return lp_pool3d(x, p, options); }

/// The largest elements and where they stand in the whole of x, row by row or, in each plane, column by
/// column.
Items max_pool_with_places(const NodeView& node, const Value& x, const Windows& windows) {
  const bool is_line = windows.axes() == 1;
  if (windows.axes() > 2) node.refuse("the places of the largest elements of volumes are not made here");
  Windows flat = windows;
  if (is_line) {
    for (auto* numbers : {&flat.window, &flat.stride, &flat.dilation}) numbers->insert(numbers->begin(), 1);
    for (auto* numbers : {&flat.before, &flat.after}) numbers->insert(numbers->begin(), 0);
  }
  const Value pictures = is_line ? expand_dims(x, 2) : x;
  MaxPool2d op{};
  static_cast<Pool2dOptions&>(op) = pool_options<Pool2dOptions, 2>(node, flat);
  const std::vector<Value> made = apply_all(op, {pictures});
  const Dim& height = pictures.shape()[2];
  const Dim& width = pictures.shape()[3];
  Value place = cast(made[1], i64);
  if (node.integer("storage_order", 0) != 0) {
    const Value columns = node.size_of(width);
    place = mod(place, columns) * node.size_of(height) + integer_divide(place, columns);
  }
  const Value channels = along_axis(positions(pictures, 1), 1, 4);
  const Value samples = along_axis(positions(pictures, 0), 0, 4);
  const Value plane = samples * node.size_of(pictures.shape()[1]) + channels;
  place = place + plane * node.size_of(height * width);
  if (!is_line) return std::vector<Value>{made[0], place};
  return std::vector<Value>{squeeze(made[0], 2), squeeze(place, 2)};
}

Items max_pool_rule(const NodeView& node) {
  const Value x = node.value(0);
  const Windows windows = pool_windows(node, x);
  node.ignore({"ceil_mode", "storage_order"});
  if (node.wants(1)) return max_pool_with_places(node, x, windows);
  return pooled(node, windows, [&](const auto& options) {
    return in_floats(x, [&](const Value& u) { return max_pool_of(u, options); });
  });
}

Items average_pool_rule(const NodeView& node) {
  const Value x = node.value(0);
  const bool padding = node.integer("count_include_pad", 0) != 0;
  return pooled(node, pool_windows(node, x),
                [&](const auto& options) { return avg_pool_of(x, options, padding); });
}

Items lp_pool_rule(const NodeView& node) {
  const Value x = node.value(0);
  const double p = node.version() < 2 ? node.number("p", 2.0) : static_cast<double>(node.integer("p", 2));
  return pooled(node, pool_windows(node, x), [&](const auto& options) { return lp_pool_of(x, p, options); });
}

Axes spatial_axes(const Value& x) {
  Axes axes;
  for (std::size_t i = 2; i < x.shape().rank(); ++i) axes.push_back(static_cast<std::int64_t>(i));
  if (axes.empty())
    throw Error(ErrorCode::shape_mismatch, "its input has no axes besides batch and channels");
  return axes;
}

Items global_average_pool_rule(const NodeView& node) {
  const Value x = node.value(0);
  return mean(x, spatial_axes(x), true);
}

Items global_max_pool_rule(const NodeView& node) {
  const Value x = node.value(0);
  return max(x, spatial_axes(x), true);
}

Items global_lp_pool_rule(const NodeView& node) {
  const Value x = node.value(0);
  const auto p = static_cast<double>(node.integer("p", 2));
  if (p == 2.0) return norm(x, spatial_axes(x), true);
  return pow(sum(pow(abs(x), p), spatial_axes(x), true), 1.0 / p);
}

/// Each element at its place in zeros of the shape that was pooled; with another shape, that with zeros
/// behind it.
Items max_unpool_rule(const NodeView& node) {
  const Value x = node.value(0);
  const Value places = node.value(1);
  const Windows windows = windows_of(node, x, node.integers("kernel_shape"));
  std::vector<Dim> dims{x.shape()[0], x.shape()[1]};
  for (std::size_t i = 0; i < windows.axes(); ++i) {
    const Dim spread = (x.shape()[i + 2] - 1) * windows.stride[i] + windows.window[i];
    dims.push_back(spread - Dim(windows.before[i] + windows.after[i]));
  }
  const Shape natural(dims);
  const Value zeros = full(node.graph(), Shape{natural.count()}, 0, x.dtype());
  const Shape flat{x.shape().count()};
  Value y = reshape(scatter(zeros, reshape(places, flat), reshape(x, flat), 0), natural);
  if (!node.has(2)) return y;
  const auto sizes = node.integers(2, "the shape of the result");
  if (sizes.size() != natural.rank())
    throw Error(ErrorCode::shape_mismatch, "the shape of the result has other axes");
  PadWidths widths;
  for (std::size_t i = 0; i < sizes.size(); ++i) widths.emplace_back(0, sizes[i] - natural[i].size());
  return pad(y, widths);
}

constexpr std::array kWindows{
    RuleEntry{"AveragePool", average_pool_rule},
    RuleEntry{"GlobalAveragePool", global_average_pool_rule},
    RuleEntry{"GlobalLpPool", global_lp_pool_rule},
    RuleEntry{"GlobalMaxPool", global_max_pool_rule},
    RuleEntry{"LpPool", lp_pool_rule},
    RuleEntry{"MaxPool", max_pool_rule},
    RuleEntry{"MaxUnpool", max_unpool_rule},
};

}  // namespace

std::span<const RuleEntry> window_rules() { return kWindows; }

}  // namespace weft::onnx
