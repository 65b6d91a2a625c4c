#pragma once
// Pooling: one number for each window that slides over a picture [batch, channels, height, width], channel
// by channel. All sizes may depend on symbols. A padding is smaller than the window, so that every window
// holds at least one element. Pooling over whole pictures is `mean(x, {2, 3})` and `max(x, {2, 3})`.

#include "weft/graph/graph.h"
#include "weft/ops/window.h"

namespace weft {

struct Pool2dOptions {
  Size2d window = 1;
  Size2d stride = 0;  // 0: the window's, so that windows touch and do not overlap
  Padding2d padding = 0;

  const Pool2dOptions& options() const { return *this; }  // the options alone, of an op that has them
};

struct MaxPool2d : Pool2dOptions {  // the largest element and its index in its plane, [h * w]
  static constexpr std::string_view name = "max_pool2d";
  static constexpr Traits traits{.row_wise = true};
  static constexpr auto attributes =
      weft::attributes(&MaxPool2d::window, &MaxPool2d::stride, &MaxPool2d::padding);
  std::array<TensorType, 2> infer(const TensorType& x) const;
  template <std::floating_point T>
  void forward(View<const T> x, View<T> y, View<std::int32_t> index) const;
  std::vector<Value> gradient(const GradientArgs& args) const;
};

struct PlaneGather {  // y[n, c, i, j] = x[n, c, index[n, c, i, j]], which counts a plane's elements row by
                      // row
  static constexpr std::string_view name = "plane_gather";
  static constexpr Traits traits{.row_wise = true, .can_fail = true};
  TensorType infer(const TensorType& x, const TensorType& index) const;
  template <std::floating_point T>
  void forward(View<const T> x, View<const std::int32_t> index, View<T> y) const;
  std::array<Value, 2> gradient(Value x, Value index, Value y, Value dy) const;
};

struct PlaneScatterAdd {  // zeros of `shape`, plus x[n, c, i, j] at index[n, c, i, j] of plane n, c
  static constexpr std::string_view name = "plane_scatter_add";
  static constexpr Traits traits{.row_wise = true, .can_fail = true};
  Shape shape;
  static constexpr auto attributes = weft::attributes(&PlaneScatterAdd::shape);
  TensorType infer(const TensorType& x, const TensorType& index) const;
  template <std::floating_point T>
  void forward(View<const T> x, View<const std::int32_t> index, View<T> y) const;
  std::array<Value, 2> gradient(Value x, Value index, Value y, Value dy) const;
};

struct AvgPool2d : Pool2dOptions {  // the sum over a window, divided by the number of elements that count
  static constexpr std::string_view name = "avg_pool2d";
  static constexpr Traits traits{.row_wise = true};
  bool count_include_pad = true;
  static constexpr auto attributes = weft::attributes(&AvgPool2d::window, &AvgPool2d::stride,
                                                      &AvgPool2d::padding, &AvgPool2d::count_include_pad);
  TensorType infer(const TensorType& x) const;
  template <std::floating_point T>
  void forward(View<const T> x, View<T> y) const;
  Value gradient(Value x, Value y, Value dy) const;
};

struct AvgPool2dGradient : Pool2dOptions {  // dx of `shape`: each element of dy is divided among its window
  static constexpr std::string_view name = "avg_pool2d_gradient";
  static constexpr Traits traits{.row_wise = true};
  bool count_include_pad = true;
  Shape shape;
  static constexpr auto attributes =
      weft::attributes(&AvgPool2dGradient::window, &AvgPool2dGradient::stride, &AvgPool2dGradient::padding,
                       &AvgPool2dGradient::count_include_pad, &AvgPool2dGradient::shape);
  TensorType infer(const TensorType& dy) const;
  template <std::floating_point T>
  void forward(View<const T> dy, View<T> dx) const;
  Value gradient(Value dy, Value dx, Value ddx) const;
};

/// The largest element of each window; padding never counts, and a NaN is larger than any number. The
/// gradient goes to the first of equal elements, or to the first NaN. x is f32 or f64. Errors:
/// shape_mismatch, dtype_mismatch, invalid_argument.
Value max_pool2d(const Operand& x, const Pool2dOptions& options);
/// The mean of each window. `count_include_pad` divides by the window's area everywhere; without it, by the
/// number of elements that are not padding. Accuracy in f32: for windows of n <= 256 elements at most (n + 2)
/// * 2^-24 of the mean of the absolute values, and one rounding for larger ones; in the gradient n is the
/// number of windows that hold an element. Errors are as above.
Value avg_pool2d(const Operand& x, const Pool2dOptions& options, bool count_include_pad = true);
/// Elements of each plane of x [n, c, h, w] at i32 indices [n, c, ...] in [0, h * w). An index outside is an
/// Error(out_of_range).
Value plane_gather(const Operand& x, const Operand& index);
/// The reverse: zeros of `shape` [n, c, h, w], plus the elements of x at their indices.
Value plane_scatter_add(const Operand& x, const Operand& index, const Shape& shape);

/// The sizes of a pooling with concrete shapes, with the stride that the options stand for.
struct Pool2dSizes {
  std::int64_t planes = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t out_height = 0;
  std::int64_t out_width = 0;
  Size2d stride = 1;
};
Pool2dSizes pool2d_sizes(const Pool2dOptions& options, std::span<const std::int64_t> x,
                         std::span<const std::int64_t> y);

/// Calls `visit(y index, x index, index in the plane)` for every element of every window, row by row.
template <typename Visit>
void for_each_pooled(const Pool2dOptions& options, const Pool2dSizes& sizes, const Visit& visit) {
  const auto window = [&](std::int64_t plane, std::int64_t i, std::int64_t j) {
    const std::int64_t y = (plane * sizes.out_height + i) * sizes.out_width + j;
    for (std::int64_t k = 0; k < options.window.height; ++k) {
      for (std::int64_t l = 0; l < options.window.width; ++l) {
        const std::int64_t row = i * sizes.stride.height + k - options.padding.top;
        const std::int64_t column = j * sizes.stride.width + l - options.padding.left;
        if (row < 0 || row >= sizes.height || column < 0 || column >= sizes.width) continue;
        const std::int64_t at = row * sizes.width + column;
        visit(static_cast<std::size_t>(y), static_cast<std::size_t>(plane * sizes.height * sizes.width + at),
              at);
      }
    }
  };
  for (std::int64_t plane = 0; plane < sizes.planes; ++plane) {
    for (std::int64_t i = 0; i < sizes.out_height; ++i) {
      for (std::int64_t j = 0; j < sizes.out_width; ++j) window(plane, i, j);
    }
  }
}

/// The number by which each element of the output of average pooling is divided.
std::vector<double> avg_pool2d_divisors(const Pool2dOptions& options, bool count_include_pad,
                                        const Pool2dSizes& sizes);

/// Throws Error(out_of_range) for an index outside the planes of a tensor of these sizes.
void check_plane_indices(std::span<const std::int32_t> index, std::span<const std::int64_t> sizes);

template <std::floating_point T>
void MaxPool2d::forward(View<const T> x, View<T> y, View<std::int32_t> index) const {
  std::ranges::fill(index.data, -1);
  for_each_pooled(*this, pool2d_sizes(*this, x.sizes, y.sizes),
                  [&](std::size_t to, std::size_t from, std::int64_t at) {
                    const bool found_nan = index[to] >= 0 && y[to] != y[to];
                    if (index[to] >= 0 && (found_nan || (x[from] <= y[to]))) return;
                    y[to] = x[from];
                    index[to] = static_cast<std::int32_t>(at);
                  });
}

template <std::floating_point T>
void PlaneGather::forward(View<const T> x, View<const std::int32_t> index, View<T> y) const {
  check_plane_indices(index, x.sizes);
  const auto plane = static_cast<std::size_t>(x.sizes[2] * x.sizes[3]);
  const auto out_plane = static_cast<std::size_t>(y.sizes[2] * y.sizes[3]);
  for (std::size_t i = 0; i < y.data.size(); ++i) {
    y[i] = x[i / out_plane * plane + static_cast<std::size_t>(index[i])];
  }
}

template <std::floating_point T>
void PlaneScatterAdd::forward(View<const T> x, View<const std::int32_t> index, View<T> y) const {
  check_plane_indices(index, y.sizes);
  const auto plane = static_cast<std::size_t>(y.sizes[2] * y.sizes[3]);
  const auto in_plane = static_cast<std::size_t>(x.sizes[2] * x.sizes[3]);
  std::ranges::fill(y.data, T{0});
  for (std::size_t i = 0; i < x.data.size(); ++i) {
    y[i / in_plane * plane + static_cast<std::size_t>(index[i])] += x[i];
  }
}

template <std::floating_point T>
void AvgPool2d::forward(View<const T> x, View<T> y) const {
  const Pool2dSizes sizes = pool2d_sizes(*this, x.sizes, y.sizes);
  const auto divisors = avg_pool2d_divisors(*this, count_include_pad, sizes);
  std::vector<double> sums(y.data.size(), 0.0);
  for_each_pooled(*this, sizes, [&](std::size_t to, std::size_t from, std::int64_t) {
    sums[to] += static_cast<double>(x[from]);
  });
  for (std::size_t i = 0; i < sums.size(); ++i) y[i] = static_cast<T>(sums[i] / divisors[i]);
}

template <std::floating_point T>
void AvgPool2dGradient::forward(View<const T> dy, View<T> dx) const {
  const Pool2dSizes sizes = pool2d_sizes(*this, dx.sizes, dy.sizes);
  const auto divisors = avg_pool2d_divisors(*this, count_include_pad, sizes);
  std::vector<double> sums(dx.data.size(), 0.0);
  for_each_pooled(*this, sizes, [&](std::size_t from, std::size_t to, std::int64_t) {
    sums[to] += static_cast<double>(dy[from]) / divisors[from];
  });
  for (std::size_t i = 0; i < sums.size(); ++i) dx[i] = static_cast<T>(sums[i]);
}

}  // namespace weft
