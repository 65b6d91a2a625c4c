#pragma once
// Pictures sampled at points: a spatial transformer (Jaderberg and others, NeurIPS 2015). Sampling is a sum
// over a few elements with weights that depend on the point; its adjoint adds to those elements. Both can be
// taken by derivatives of the weights, so that the gradients of the two are made of the two.

#include "weft/graph/graph.h"

namespace weft {

/// An element at a point: of the four around it by straight lines, or the nearest one.
enum class SampleMode : std::uint8_t { bilinear, nearest };
/// What lies beyond the ends of a picture: zeros; its last elements; the picture in a mirror, again and
/// again.
enum class SampleBorder : std::uint8_t { zeros, border, reflection };
std::string attribute_text(SampleMode mode);
std::string attribute_text(SampleBorder border);

struct GridSampleOptions {
  SampleMode mode = SampleMode::bilinear;
  SampleBorder border = SampleBorder::zeros;
  bool align_corners = false;  // whether -1 and 1 are the middles of the first and the last elements, or
                               // their outer ends

  const GridSampleOptions& options() const { return *this; }  // the options alone, of an op that has them
};

struct GridSample : GridSampleOptions {  // y[n,c,i,j] = sum of weight(grid[n,i,j], k, l) x[n,c,k,l] over k, l
  static constexpr std::string_view name = "grid_sample";
  static constexpr Traits traits{.row_wise = true};
  std::int64_t column_order = 0;
  std::int64_t row_order = 0;
  static constexpr auto attributes =
      weft::attributes(&GridSample::mode, &GridSample::border, &GridSample::align_corners,
                       &GridSample::column_order, &GridSample::row_order);
  TensorType infer(const TensorType& x, const TensorType& grid) const;
  template <std::floating_point T>
  void forward(View<const T> x, View<const T> grid, View<T> y) const;
  std::array<Value, 2> gradient(Value x, Value grid, Value y, Value dy) const;
};

struct GridSampleInputGradient : GridSampleOptions {  // dx of `shape` from dy and the grid
  static constexpr std::string_view name = "grid_sample_input_gradient";
  static constexpr Traits traits{.row_wise = true};
  std::int64_t column_order = 0;
  std::int64_t row_order = 0;
  Shape shape;
  static constexpr auto attributes =
      weft::attributes(&GridSampleInputGradient::mode, &GridSampleInputGradient::border,
                       &GridSampleInputGradient::align_corners, &GridSampleInputGradient::column_order,
                       &GridSampleInputGradient::row_order, &GridSampleInputGradient::shape);
  TensorType infer(const TensorType& dy, const TensorType& grid) const;
  template <std::floating_point T>
  void forward(View<const T> dy, View<const T> grid, View<T> dx) const;
  std::array<Value, 2> gradient(Value dy, Value grid, Value dx, Value ddx) const;
  std::vector<Value> batch(const BatchArgs& args) const;
};

/// Pictures x [n, c, h, w] at the points of grid [n, rows, columns, 2], which are pairs of a column and a row
/// from -1 at one end of the picture to 1 at the other: [n, c, rows, columns], f32 or f64 like both. A point
/// with a coordinate that is not finite lies beyond the ends; in a mirror there is nothing there. Sizes may
/// depend on symbols. The gradient with respect to a point is that on its right side where its elements
/// change, and 0 for mode nearest and where a border holds it. Accuracy in f32: one rounding of a sum in f64.
/// Errors: shape_mismatch, dtype_mismatch. (PyTorch's grid_sample, ONNX's GridSample.)
Value grid_sample(const Operand& x, const Operand& grid, const GridSampleOptions& options = {});

/// The points of a picture of `height` x `width` under affine maps theta [n, 2, 3] of (column, row, 1): [n,
/// height, width, 2] for grid_sample(). Errors: shape_mismatch, dtype_mismatch, invalid_argument.
Value affine_grid(const Operand& theta, std::int64_t height, std::int64_t width, bool align_corners = false);

/// The elements of one plane at one point, and their weights.
struct SampledElements {
  std::array<std::int64_t, 4> at{};
  std::array<double, 4> weights{};
  std::size_t count = 0;
};
SampledElements sampled_elements(const GridSampleOptions& options, double column, double row,
                                 std::int64_t width, std::int64_t height, std::int64_t column_order,
                                 std::int64_t row_order);

namespace detail {

/// Calls `visit(plane index, point index, elements)` for each point in each plane of `planes` [n, c, h, w];
/// both indices are those of first elements of a plane, to which offsets are added.
template <typename T, typename O, typename Visit>
void for_each_sampled(const O& op, std::span<const std::int64_t> planes, View<const T> grid,
                      const Visit& visit) {
  const std::int64_t points = grid.sizes[1] * grid.sizes[2];
  const std::int64_t plane = planes[2] * planes[3];
  std::vector<SampledElements> all(static_cast<std::size_t>(points));
  for (std::int64_t n = 0; n < planes[0]; ++n) {
    for (std::size_t p = 0; p < all.size(); ++p) {
      const T* const point = grid.data.data() + 2 * (static_cast<std::size_t>(n * points) + p);
      all[p] = sampled_elements(op, static_cast<double>(point[0]), static_cast<double>(point[1]), planes[3],
                                planes[2], op.column_order, op.row_order);
    }
    for (std::int64_t c = n * planes[1]; c < (n + 1) * planes[1]; ++c) {
      for (std::size_t p = 0; p < all.size(); ++p)
        visit(c * plane, static_cast<std::size_t>(c * points) + p, all[p]);
    }
  }
}

}  // namespace detail

template <std::floating_point T>
void GridSample::forward(View<const T> x, View<const T> grid, View<T> y) const {
  detail::for_each_sampled(*this, x.sizes, grid,
                           [&](std::int64_t plane, std::size_t to, const SampledElements& elements) {
                             double sum = 0.0;
                             for (std::size_t i = 0; i < elements.count; ++i) {
                               const auto from = static_cast<std::size_t>(plane + elements.at[i]);
                               sum += elements.weights[i] * static_cast<double>(x[from]);
                             }
                             y[to] = static_cast<T>(sum);
                           });
}

template <std::floating_point T>
void GridSampleInputGradient::forward(View<const T> dy, View<const T> grid, View<T> dx) const {
  std::vector<double> sums(dx.data.size(), 0.0);
  detail::for_each_sampled(*this, dx.sizes, grid,
                           [&](std::int64_t plane, std::size_t from, const SampledElements& elements) {
                             for (std::size_t i = 0; i < elements.count; ++i) {
                               sums[static_cast<std::size_t>(plane + elements.at[i])] +=
                                   elements.weights[i] * static_cast<double>(dy[from]);
                             }
                           });
  for (std::size_t i = 0; i < sums.size(); ++i) dx[i] = static_cast<T>(sums[i]);
}

// Compiled once, in grid_sample.cpp.
extern template detail::Model detail::model_of(GridSample);
extern template detail::Model detail::model_of(GridSampleInputGradient);

}  // namespace weft
