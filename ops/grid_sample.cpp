#include "weft/ops/grid_sample.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <utility>

#include "weft/graph/located.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/matmul.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"
#include "weft/ops/window.h"

namespace weft {
namespace {

constexpr std::string_view kGrid = "[batch, rows, columns, 2]";

/// Checks pictures beside points, and that there are elements to sample.
void expect_grid(const TensorType& pictures, const TensorType& grid) {
  if (!is_float(pictures.dtype) || grid.dtype != pictures.dtype) {
    throw Error(ErrorCode::dtype_mismatch, "pictures and points are of one floating dtype",
                {.expected = "f32 or f64, twice",
                 .actual = fmt::format("{} and {}", name_of(pictures.dtype), name_of(grid.dtype))});
  }
  expect_axes(4, pictures, kPictures);
  expect_axes(4, grid, kGrid);
  expect_size(pictures.shape[2], "height");
  expect_size(pictures.shape[3], "width");
  if (grid.shape[0] == pictures.shape[0] && grid.shape[3].is(2)) return;
  throw Error(ErrorCode::shape_mismatch, "the points do not fit the pictures",
              {.expected = fmt::format("[{}, rows, columns, 2]", to_string(pictures.shape[0])),
               .actual = to_string(grid.shape)});
}

/// A point along one axis: where it lies among the elements, and how that moves with its coordinate.
struct Place {
  double at = 0.0;
  double slope = 0.0;
};

/// The point in a picture that a mirror at `low` and one at `high` repeat.
Place reflected(Place place, double low, double high) {
  const double span = high - low;
  if (span <= 0.0) return {};
  const double from = std::abs(place.at - low);
  const double sign = place.at < low ? -1.0 : 1.0;
  const double beyond = std::fmod(from, span);
  const bool is_back = std::fmod(std::floor(from / span), 2.0) == 1.0;
  return is_back ? Place{high - beyond, -sign * place.slope} : Place{low + beyond, sign * place.slope};
}

Place held_within(const Place& place, double last) {
  if (place.at > 0.0 && place.at < last) return place;
  return {place.at >= last ? last : 0.0, 0.0};  // a NaN is held at 0
}

Place place_of(const GridSampleOptions& options, double coordinate, std::int64_t size) {
  const auto elements = static_cast<double>(size);
  const double last = elements - 1.0;
  const Place place = options.align_corners
                          ? Place{(coordinate + 1.0) / 2.0 * last, last / 2.0}
                          : Place{((coordinate + 1.0) * elements - 1.0) / 2.0, elements / 2.0};
  switch (options.border) {
    case SampleBorder::zeros:
      return place;
    case SampleBorder::border:
      return held_within(place, last);
    case SampleBorder::reflection:
      if (!std::isfinite(place.at)) return place;
      return held_within(
          options.align_corners ? reflected(place, 0.0, last) : reflected(place, -0.5, last + 0.5), last);
  }
  return place;
}

/// Elements along one axis and their weights.
struct AxisElements {
  std::array<std::int64_t, 2> at{};
  std::array<double, 2> weights{};
  std::size_t count = 0;

  void add(double element, double weight, std::int64_t size) {
    if (weight == 0.0 || element < 0.0 || element >= static_cast<double>(size)) return;
    at[count] = static_cast<std::int64_t>(element);
    weights[count++] = weight;
  }
};

AxisElements along_axis(const GridSampleOptions& options, double coordinate, std::int64_t size,
                        std::int64_t order) {
  AxisElements elements;
  const Place place = place_of(options, coordinate, size);
  const bool is_near = place.at > -1.0 && place.at < static_cast<double>(size);
  const bool is_nearest = options.mode == SampleMode::nearest;
  if (!is_near || order > 1 || (is_nearest && order > 0)) return elements;
  if (is_nearest) {
    elements.add(std::nearbyint(place.at), 1.0, size);
    return elements;
  }
  const double below = std::floor(place.at);
  const double part = place.at - below;
  elements.add(below, order == 0 ? 1.0 - part : -place.slope, size);
  elements.add(below + 1.0, order == 0 ? part : place.slope, size);
  return elements;
}

/// The gradient of sum(dy * sample(x, grid)) with respect to the grid, where `sample` is differentiated.
template <typename Op>
Value gradient_of_points(const Op& op, const Value& x, const Value& grid, const Value& dy) {
  const Shape points{grid.shape()[0], grid.shape()[1], grid.shape()[2]};
  const auto along = [&](std::int64_t column, std::int64_t row) {
    const GridSample slope{op.options(), op.column_order + column, op.row_order + row};
    const bool is_flat = op.mode == SampleMode::nearest || slope.column_order > 1 || slope.row_order > 1;
    if (is_flat) return broadcast_to(constant(dy.graph(), 0.0, dy.dtype()), points);
    return sum(dy * apply(slope, x, grid), {1});
  };
  return stack({along(1, 0), along(0, 1)}, -1);
}

/// -1 to 1 in `size` steps, as the middles of elements or with the ends.
std::vector<double> unit_points(std::int64_t size, bool align_corners) {
  std::vector<double> points;
  for (std::int64_t i = 0; i < size; ++i) {
    const auto [at, n] = std::pair{static_cast<double>(i), static_cast<double>(size)};
    if (align_corners) points.push_back(size == 1 ? 0.0 : 2.0 * at / (n - 1.0) - 1.0);
    if (!align_corners) points.push_back((2.0 * at + 1.0) / n - 1.0);
  }
  return points;
}

}  // namespace

std::string attribute_text(SampleMode mode) { return mode == SampleMode::nearest ? "nearest" : "bilinear"; }
std::string attribute_text(SampleBorder border) {
  constexpr std::array<const char*, 3> kNames{"zeros", "border", "reflection"};
  return kNames[static_cast<std::size_t>(border)];
}

SampledElements sampled_elements(const GridSampleOptions& options, double column, double row,
                                 std::int64_t width, std::int64_t height, std::int64_t column_order,
                                 std::int64_t row_order) {
  const AxisElements columns = along_axis(options, column, width, column_order);
  const AxisElements rows = along_axis(options, row, height, row_order);
  SampledElements elements;
  for (std::size_t i = 0; i < rows.count; ++i) {
    for (std::size_t j = 0; j < columns.count; ++j) {
      elements.at[elements.count] = rows.at[i] * width + columns.at[j];
      elements.weights[elements.count++] = rows.weights[i] * columns.weights[j];
    }
  }
  return elements;
}

TensorType GridSample::infer(const TensorType& x, const TensorType& grid) const {
  expect_grid(x, grid);
  return {x.dtype, {x.shape[0], x.shape[1], grid.shape[1], grid.shape[2]}};
}
std::array<Value, 2> GridSample::gradient(Value x, Value grid, Value, Value dy) const {
  return {apply(GridSampleInputGradient{options(), column_order, row_order, x.shape()}, dy, grid),
          gradient_of_points(*this, x, grid, dy)};
}

TensorType GridSampleInputGradient::infer(const TensorType& dy, const TensorType& grid) const {
  TensorType x{dy.dtype, shape};
  const TensorType y = GridSample{options(), column_order, row_order}.infer(x, grid);
  if (y == dy) return x;
  throw Error(ErrorCode::shape_mismatch, "the gradient does not fit the sampled shape",
              {.expected = to_string(y), .actual = to_string(dy)});
}
std::array<Value, 2> GridSampleInputGradient::gradient(Value dy, Value grid, Value, Value ddx) const {
  return {apply(GridSample{options(), column_order, row_order}, ddx, grid),
          gradient_of_points(*this, ddx, grid, dy)};
}

Value grid_sample(const Operand& x, const Operand& grid, const GridSampleOptions& options) {
  return apply(GridSample{options}, x, grid);
}

Value affine_grid(const Operand& theta, std::int64_t height, std::int64_t width, bool align_corners) {
  return located("affine_grid", theta.where(), [&] {
    const Value maps = theta.value("affine_grid");
    const Scope origin(maps.graph(), "affine_grid", theta.where());
    const Shape& shape = maps.shape();
    if (shape.rank() != 3 || !shape[1].is(2) || !shape[2].is(3)) {
      throw Error(ErrorCode::shape_mismatch, "an affine map of points has two rows and three columns",
                  {.expected = "[batch, 2, 3]", .actual = to_string(shape)});
    }
    expect_size(height, "height");
    expect_size(width, "width");
    expect_size(Dim(height) * width, "points");
    Tensor points = Tensor::zeros(f64, {height * width, 3});
    auto* point = points.mutable_values<double>().data();
    const std::vector<double> columns = unit_points(width, align_corners);
    for (const double row : unit_points(height, align_corners)) {
      for (const double column : columns) {
        *point++ = column;
        *point++ = row;
        *point++ = 1.0;
      }
    }
    const Value base = cast(constant(maps.graph(), points), maps.dtype());
    const Value moved = matmul(broadcast_to(base, {shape[0], height * width, 3}), transpose(maps, {0, 2, 1}));
    return reshape(moved, Shape{shape[0], height, width, 2});
  });
}

template detail::Model detail::model_of(GridSample);
template detail::Model detail::model_of(GridSampleInputGradient);

}  // namespace weft
