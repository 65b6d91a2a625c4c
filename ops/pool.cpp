#include "weft/ops/pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "weft/graph/located.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/gather.h"
#include "weft/ops/layout.h"
#include "weft/ops/resize.h"

namespace weft {
namespace {

Size2d stride_of(const Pool2dOptions& options) {
  return {options.stride.height == 0 ? options.window.height : options.stride.height,
          options.stride.width == 0 ? options.window.width : options.stride.width};
}

/// How the window moves along one axis.
struct PoolAxes {
  WindowAxis rows;
  WindowAxis columns;
};
PoolAxes axes_of(const Pool2dOptions& options) {
  const Size2d stride = stride_of(options);
  return {.rows = {.window = options.window.height,
                   .stride = stride.height,
                   .dilation = options.dilation.height,
                   .before = options.padding.top,
                   .after = options.padding.bottom,
                   .partial = options.ceil_mode},
          .columns = {.window = options.window.width,
                      .stride = stride.width,
                      .dilation = options.dilation.width,
                      .before = options.padding.left,
                      .after = options.padding.right,
                      .partial = options.ceil_mode}};
}

/// Checks that every window holds an element.
void expect_elements(const WindowAxis& axis, const Dim& size, std::string_view what) {
  if (std::max(axis.before, axis.after) >= axis.reach()) {
    throw Error(ErrorCode::invalid_argument,
                "a padding must be smaller than the window, as far as it reaches",
                {.expected = fmt::format("less than {}", axis.reach()),
                 .actual = fmt::format("{} and {}", axis.before, axis.after)});
  }
  if (axis.before > 0 && size.is_number() && axis.dilation > size.size()) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("a padded window would step over the whole {}", what),
                {.expected = fmt::format("a dilation of at most {}", size.size()),
                 .actual = std::to_string(axis.dilation)});
  }
}

void expect_float(const TensorType& type) {
  if (is_float(type.dtype)) return;
  throw Error(ErrorCode::dtype_mismatch, "it takes floating-point pictures",
              {.expected = "f32 or f64", .actual = to_string(type)});
}

/// The type of one number for each window.
TensorType pooled_type(const Pool2dOptions& options, const TensorType& x) {
  expect_float(x);
  expect_axes(4, x, kPictures);
  const auto [rows, columns] = axes_of(options);
  const Dim height = window_positions(rows, x.shape[2], "height");
  const Dim width = window_positions(columns, x.shape[3], "width");
  expect_elements(rows, x.shape[2], "height");
  expect_elements(columns, x.shape[3], "width");
  return {x.dtype, {x.shape[0], x.shape[1], height, width}};
}

/// Checks that an i32 can count the elements of one plane; a run checks sizes that depend on symbols.
void expect_countable_planes(const Shape& shape) {
  const Dim elements = shape[2] * shape[3];
  if (!elements.is_number() || elements.size() <= std::numeric_limits<std::int32_t>::max()) return;
  throw Error(ErrorCode::shape_mismatch, "a plane has more elements than an i32 can count",
              {.expected = "fewer than 2^31", .actual = to_string(elements)});
}

void expect_indices_of_planes(const TensorType& planes, const TensorType& index) {
  expect_float(planes);
  expect_axes(4, planes, kPictures);
  expect_axes(4, index, kPictures);
  expect_countable_planes(planes.shape);
  const Shape expected{planes.shape[0], planes.shape[1], index.shape[2], index.shape[3]};
  if (index.dtype == DType::i32 && index.shape == expected) return;
  throw Error(index.dtype == DType::i32 ? ErrorCode::shape_mismatch : ErrorCode::dtype_mismatch,
              "the indices do not fit the planes",
              {.expected = to_string(TensorType{DType::i32, expected}), .actual = to_string(index)});
}

std::vector<Value> gradient_of_largest(const GradientArgs& args) {
  const Value& dy = args.output_gradients[0];
  if (!dy.has_value()) return {Value()};
  return {plane_scatter_add(dy, args.outputs[1], args.inputs[0].shape())};
}

}  // namespace

std::array<TensorType, 2> MaxPool2d::infer(const TensorType& x) const {
  const TensorType y = pooled_type(*this, x);
  expect_countable_planes(x.shape);
  return {y, {DType::i32, y.shape}};
}
std::vector<Value> MaxPool2d::gradient(const GradientArgs& args) const { return gradient_of_largest(args); }

std::array<TensorType, 2> AdaptiveMaxPool2d::infer(const TensorType& x) const {
  expect_float(x);
  expect_axes(4, x, kPictures);
  expect_countable_planes(x.shape);
  expect_size(x.shape[2], "height");
  expect_size(x.shape[3], "width");
  expect_size(height, "height of the result");
  expect_size(width, "width of the result");
  const Shape y{x.shape[0], x.shape[1], height, width};
  return {TensorType{x.dtype, y}, {DType::i32, y}};
}
std::vector<Value> AdaptiveMaxPool2d::gradient(const GradientArgs& args) const {
  return gradient_of_largest(args);
}

TensorType PlaneGather::infer(const TensorType& x, const TensorType& index) const {
  expect_indices_of_planes(x, index);
  return {x.dtype, index.shape};
}
std::array<Value, 2> PlaneGather::gradient(Value x, Value index, Value, Value dy) const {
  return {plane_scatter_add(dy, index, x.shape()), Value()};
}

TensorType PlaneScatterAdd::infer(const TensorType& x, const TensorType& index) const {
  TensorType y{x.dtype, shape};
  expect_indices_of_planes(y, index);
  if (x.shape != index.shape) {
    throw Error(ErrorCode::shape_mismatch, "there must be one index for each element",
                {.expected = to_string(x.shape), .actual = to_string(index.shape)});
  }
  return y;
}
std::array<Value, 2> PlaneScatterAdd::gradient(Value, Value index, Value, Value dy) const {
  return {plane_gather(dy, index), Value()};
}

TensorType AvgPool2d::infer(const TensorType& x) const { return pooled_type(*this, x); }
Value AvgPool2d::gradient(Value x, Value, Value dy) const {
  return apply(AvgPool2dGradient{options(), count_include_pad, x.shape()}, dy);
}

TensorType AvgPool2dGradient::infer(const TensorType& dy) const {
  TensorType x{dy.dtype, shape};
  const TensorType y = pooled_type(*this, x);
  if (y != dy) {
    throw Error(ErrorCode::shape_mismatch, "the gradient does not fit the pooled shape",
                {.expected = to_string(y), .actual = to_string(dy)});
  }
  return x;
}
Value AvgPool2dGradient::gradient(Value, Value, Value ddx) const {
  return avg_pool2d(ddx, *this, count_include_pad);
}

namespace {

/// `pool` of a signal as of a picture of one row.
template <typename Pool>
Value along_a_row(const Value& x, const Pool1dOptions& options, const Pool& pool) {
  expect_axes(3, x.type(), kSignals);
  const Shape& shape = x.shape();
  const Value y = pool(reshape(x, Shape{shape[0], shape[1], 1, shape[2]}),
                       Pool2dOptions{.window = {1, options.window.width},
                                     .stride = {1, options.stride.width},
                                     .padding = {0, 0, options.padding.left, options.padding.right},
                                     .dilation = {1, options.dilation.width},
                                     .ceil_mode = options.ceil_mode});
  return reshape(y, Shape{shape[0], shape[1], y.shape()[3]});
}

/// `planes` of each plane of a volume, and `depth` along the depth of what that gives.
template <typename Planes, typename Depth>
Value along_a_volume(const Value& x, const Planes& planes, const Depth& depth) {
  expect_axes(5, x.type(), kVolumes);
  const Shape& shape = x.shape();
  const Value flat = planes(reshape(x, Shape{shape[0], shape[1] * shape[2], shape[3], shape[4]}));
  const Dim height = flat.shape()[2];
  const Dim width = flat.shape()[3];
  const Value y = depth(reshape(flat, Shape{shape[0], shape[1], shape[2], height * width}));
  return reshape(y, Shape{shape[0], shape[1], y.shape()[2], height, width});
}

template <typename Pool>
Value along_a_volume(const Value& x, const Pool3dOptions& options, const Pool& pool) {
  const auto& [window, stride, padding, dilation, ceil_mode] = options;
  const Pool2dOptions in_planes{.window = {window.height, window.width},
                                .stride = {stride.height, stride.width},
                                .padding = {padding.top, padding.bottom, padding.left, padding.right},
                                .dilation = {dilation.height, dilation.width},
                                .ceil_mode = ceil_mode};
  const Pool2dOptions along_depth{.window = {window.depth, 1},
                                  .stride = {stride.depth, 1},
                                  .padding = {padding.front, padding.back, 0, 0},
                                  .dilation = {dilation.depth, 1},
                                  .ceil_mode = ceil_mode};
  return along_a_volume(
      x, [&](const Value& planes) { return pool(planes, in_planes); },
      [&](const Value& depth) { return pool(depth, along_depth); });
}

/// What `build` makes of x, as the function `name` that a user called.
template <typename Build>
Value pooled_by(std::string_view name, const Operand& x, const Build& build) {
  return located(name, x.where(), [&] {
    const Value value = x.value(name);
    const Scope origin(value.graph(), name, x.where());
    return build(value);
  });
}

template <typename Pool>
Value lp_pooled(std::string_view name, const Operand& x, double p, double area, const Pool& mean) {
  return pooled_by(name, x, [&](const Value& value) {
    if (!(p >= 1.0)) {
      throw Error(ErrorCode::invalid_argument, "the exponent of a norm is at least 1",
                  {.expected = "p >= 1", .actual = fmt::format("{}", p)});
    }
    return pow(mean(Operand(pow(abs(value), p), x.where())) * area, 1.0 / p);
  });
}

}  // namespace

Value max_pool2d(const Operand& x, const Pool2dOptions& options) { return apply(MaxPool2d{options}, x); }
Value max_pool1d(const Operand& x, const Pool1dOptions& options) {
  return pooled_by("max_pool1d", x,
                   [&](const Value& value) { return along_a_row(value, options, max_pool2d); });
}
Value max_pool3d(const Operand& x, const Pool3dOptions& options) {
  return pooled_by("max_pool3d", x,
                   [&](const Value& value) { return along_a_volume(value, options, max_pool2d); });
}
Value avg_pool2d(const Operand& x, const Pool2dOptions& options, bool count_include_pad) {
  return apply(AvgPool2d{options, count_include_pad}, x);
}
Value avg_pool1d(const Operand& x, const Pool1dOptions& options, bool count_include_pad) {
  const auto pool = [&](const Value& row, const Pool2dOptions& of_row) {
    return avg_pool2d(row, of_row, count_include_pad);
  };
  return pooled_by("avg_pool1d", x, [&](const Value& value) { return along_a_row(value, options, pool); });
}
Value avg_pool3d(const Operand& x, const Pool3dOptions& options, bool count_include_pad) {
  const auto pool = [&](const Value& planes, const Pool2dOptions& of_planes) {
    return avg_pool2d(planes, of_planes, count_include_pad);
  };
  return pooled_by("avg_pool3d", x, [&](const Value& value) { return along_a_volume(value, options, pool); });
}
Value lp_pool1d(const Operand& x, double p, const Pool1dOptions& options) {
  return lp_pooled("lp_pool1d", x, p, static_cast<double>(options.window.width),
                   [&](const Operand& powers) { return avg_pool1d(powers, options); });
}
Value lp_pool2d(const Operand& x, double p, const Pool2dOptions& options) {
  return lp_pooled("lp_pool2d", x, p, static_cast<double>(options.window.height * options.window.width),
                   [&](const Operand& powers) { return avg_pool2d(powers, options); });
}
Value lp_pool3d(const Operand& x, double p, const Pool3dOptions& options) {
  const auto& window = options.window;
  return lp_pooled("lp_pool3d", x, p, static_cast<double>(window.depth * window.height * window.width),
                   [&](const Operand& powers) { return avg_pool3d(powers, options); });
}

Value adaptive_max_pool(const Operand& x, const std::vector<Dim>& sizes) {
  return pooled_by("adaptive_max_pool", x, [&](const Value& value) {
    const auto pool = [](const Value& planes, const Dim& height, const Dim& width) {
      return apply(AdaptiveMaxPool2d{height, width}, planes);
    };
    const Shape& shape = value.shape();
    if (sizes.empty() || sizes.size() > 3 || shape.rank() != sizes.size() + 2) {
      throw Error(ErrorCode::shape_mismatch, "it takes one size for each axis after batch and channels",
                  {.expected = fmt::format("{} axes, one to three of them with a size", sizes.size() + 2),
                   .actual = to_string(shape)});
    }
    if (sizes.size() == 2) return pool(value, sizes[0], sizes[1]);
    if (sizes.size() == 1) {
      const Value y = pool(reshape(value, Shape{shape[0], shape[1], 1, shape[2]}), 1, sizes[0]);
      return reshape(y, Shape{shape[0], shape[1], sizes[0]});
    }
    return along_a_volume(
        value, [&](const Value& planes) { return pool(planes, sizes[1], sizes[2]); },
        [&](const Value& depth) { return pool(depth, sizes[0], depth.shape()[3]); });
  });
}
Value adaptive_avg_pool(const Operand& x, const std::vector<Dim>& sizes) {
  return pooled_by("adaptive_avg_pool", x, [&](const Value& value) {
    expect_axes(sizes.size() + 2, value.type(), spatial_form(sizes.size()));
    return resize(Operand(value, x.where()), sizes, {.mode = ResizeMode::area});
  });
}

Value plane_gather(const Operand& x, const Operand& index) { return apply(PlaneGather{}, x, index); }
Value plane_scatter_add(const Operand& x, const Operand& index, const Shape& shape) {
  return apply(PlaneScatterAdd{shape}, x, index);
}

Pool2dSizes pool2d_sizes(const Pool2dOptions& options, std::span<const std::int64_t> x,
                         std::span<const std::int64_t> y) {
  return {.planes = x[0] * x[1],
          .height = x[2],
          .width = x[3],
          .out_height = y[2],
          .out_width = y[3],
          .stride = stride_of(options)};
}

std::vector<double> avg_pool2d_divisors(const Pool2dOptions& options, bool count_include_pad,
                                        const Pool2dSizes& sizes) {
  const auto counts = [&](const WindowAxis& axis, std::int64_t size, std::int64_t positions) {
    const std::int64_t first = count_include_pad ? -axis.before : 0;
    const std::int64_t end = count_include_pad ? size + axis.after : size;
    std::vector<double> counted(static_cast<std::size_t>(positions), 0.0);
    for (std::int64_t i = 0; i < positions; ++i) {
      for (std::int64_t k = 0; k < axis.window; ++k) {
        const std::int64_t at = i * axis.stride + k * axis.dilation - axis.before;
        if (at >= first && at < end) counted[static_cast<std::size_t>(i)] += 1.0;
      }
    }
    return counted;
  };
  const auto [rows, columns] = axes_of(options);
  const std::vector<double> of_rows = counts(rows, sizes.height, sizes.out_height);
  const std::vector<double> of_columns = counts(columns, sizes.width, sizes.out_width);
  std::vector<double> divisors;
  divisors.reserve(of_rows.size() * of_columns.size());
  for (const double i : of_rows) {
    for (const double j : of_columns) divisors.push_back(i * j);
  }
  return divisors;
}

void check_plane_indices(std::span<const std::int32_t> index, std::span<const std::int64_t> sizes) {
  const ConstArg all{.dtype = DType::i32,
                     .sizes = {},
                     .data = index.data(),
                     .elements = static_cast<std::int64_t>(index.size())};
  check_indices(all, sizes[2] * sizes[3], "index");
}

template detail::Model detail::model_of(MaxPool2d);
template detail::Model detail::model_of(PlaneGather);
template detail::Model detail::model_of(PlaneScatterAdd);
template detail::Model detail::model_of(AvgPool2d);
template detail::Model detail::model_of(AvgPool2dGradient);
template detail::Model detail::model_of(AdaptiveMaxPool2d);

}  // namespace weft
