#pragma once
// Pooling: one number for each window that slides over a picture [batch, channels, height, width], channel
// by channel. All sizes may depend on symbols. A padding is smaller than the reach of a window, and with a
// padding a dilation is at most the size, so that every window holds at least one element. Pooling over whole
// pictures is `mean(x, {2, 3})` and `max(x, {2, 3})`. Signals are pictures of one row, and a window over a
// volume is one over its planes after one over their rows and columns.

#include <ranges>

#include "weft/graph/graph.h"
#include "weft/ops/window.h"

namespace weft {

struct Pool2dOptions {
  Size2d window = 1;
  Size2d stride = 0;  // 0: the window's, so that windows touch and do not overlap
  Padding2d padding = 0;
  Size2d dilation = 1;
  bool ceil_mode = false;  // whether a last window may reach beyond the padding, if it starts before it

  const Pool2dOptions& options() const { return *this; }  // the options alone, of an op that has them
};

struct Pool1dOptions {
  Size1d window = 1;
  Size1d stride = 0;
  Padding1d padding = 0;
  Size1d dilation = 1;
  bool ceil_mode = false;
};

struct Pool3dOptions {
  Size3d window = 1;
  Size3d stride = 0;
  Padding3d padding = 0;
  Size3d dilation = 1;
  bool ceil_mode = false;
};

struct MaxPool2d : Pool2dOptions {  // the largest element and its index in its plane, [h * w]
  static constexpr std::string_view name = "max_pool2d";
  static constexpr Traits traits{.row_wise = true};
  static constexpr auto attributes =
      weft::attributes(&MaxPool2d::window, &MaxPool2d::stride, &MaxPool2d::padding, &MaxPool2d::dilation,
                       &MaxPool2d::ceil_mode);
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
  std::vector<Value> batch(const BatchArgs& args) const;
};

struct AvgPool2d : Pool2dOptions {  // the sum over a window, divided by the number of elements that count
  static constexpr std::string_view name = "avg_pool2d";
  static constexpr Traits traits{.row_wise = true};
  bool count_include_pad = true;
  static constexpr auto attributes =
      weft::attributes(&AvgPool2d::window, &AvgPool2d::stride, &AvgPool2d::padding, &AvgPool2d::dilation,
                       &AvgPool2d::ceil_mode, &AvgPool2d::count_include_pad);
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
                       &AvgPool2dGradient::dilation, &AvgPool2dGradient::ceil_mode,
                       &AvgPool2dGradient::count_include_pad, &AvgPool2dGradient::shape);
  TensorType infer(const TensorType& dy) const;
  template <std::floating_point T>
  void forward(View<const T> dy, View<T> dx) const;
  Value gradient(Value dy, Value dx, Value ddx) const;
  std::vector<Value> batch(const BatchArgs& args) const;
};

struct AdaptiveMaxPool2d {  // of each window in a grid of height * width, the largest element and its index
  static constexpr std::string_view name = "adaptive_max_pool2d";
  static constexpr Traits traits{.row_wise = true};
  Dim height = 1;
  Dim width = 1;
  static constexpr auto attributes = weft::attributes(&AdaptiveMaxPool2d::height, &AdaptiveMaxPool2d::width);
  std::array<TensorType, 2> infer(const TensorType& x) const;
  template <std::floating_point T>
  void forward(View<const T> x, View<T> y, View<std::int32_t> index) const;
  std::vector<Value> gradient(const GradientArgs& args) const;
};

/// The largest element of each window; padding never counts, and a NaN is larger than any number. The
/// gradient goes to the first of equal elements, or to the first NaN. x is f32 or f64. Errors:
/// shape_mismatch, dtype_mismatch, invalid_argument.
Value max_pool2d(const Operand& x, const Pool2dOptions& options);
/// The same for signals [batch, channels, width] and for volumes [batch, channels, depth, height, width].
Value max_pool1d(const Operand& x, const Pool1dOptions& options);
Value max_pool3d(const Operand& x, const Pool3dOptions& options);
/// The mean of each window. `count_include_pad` divides by the window's area everywhere, but for what reaches
/// beyond the padding in ceil_mode; without it, by the number of elements that are not padding. Accuracy in
/// f32: for windows of n <= 256 elements at most (n + 2)
/// * 2^-24 of the mean of the absolute values, and one rounding for larger ones; in the gradient n is the
/// number of windows that hold an element. Errors are as above.
Value avg_pool2d(const Operand& x, const Pool2dOptions& options, bool count_include_pad = true);
/// The same for signals and volumes; the mean of a volume's window is that of the means of its planes.
Value avg_pool1d(const Operand& x, const Pool1dOptions& options, bool count_include_pad = true);
Value avg_pool3d(const Operand& x, const Pool3dOptions& options, bool count_include_pad = true);
/// (sum of |x|^p over each window)^(1/p), for p >= 1; padding counts as zeros. A window of zeros alone has no
/// gradient for p > 1: NaN. Powers of |x| and their means must be normal numbers.
Value lp_pool1d(const Operand& x, double p, const Pool1dOptions& options);
Value lp_pool2d(const Operand& x, double p, const Pool2dOptions& options);
Value lp_pool3d(const Operand& x, double p, const Pool3dOptions& options);

/// The largest element of each window in a grid of so many along the last axes, one size for each axis after
/// batch and channels (one, two or three of them). Window i of n along an axis of m elements begins at
/// floor(i m / n) and ends before ceil((i + 1) m / n): windows may overlap, and every element is in one
/// (PyTorch's rule). NaNs and gradients are as in max_pool2d. Errors: shape_mismatch, dtype_mismatch.
Value adaptive_max_pool(const Operand& x, const std::vector<Dim>& sizes);
/// The mean of the same windows, by resize(); accuracy in f32: one rounding for each axis.
Value adaptive_avg_pool(const Operand& x, const std::vector<Dim>& sizes);
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

/// Calls `visit(y index, x index, index in the plane)` for every element of every window, row by row, where
/// `rows(i)` and `columns(j)` are the rows and the columns of the picture that window (i, j) holds.
template <typename Rows, typename Columns, typename Visit>
void for_each_in_windows(const Pool2dSizes& sizes, const Rows& rows, const Columns& columns,
                         const Visit& visit) {
  std::size_t y = 0;
  for (std::int64_t plane = 0; plane < sizes.planes; ++plane) {
    for (std::int64_t i = 0; i < sizes.out_height; ++i) {
      for (std::int64_t j = 0; j < sizes.out_width; ++j, ++y) {
        for (const std::int64_t row : rows(i)) {
          for (const std::int64_t column : columns(j)) {
            const std::int64_t at = row * sizes.width + column;
            visit(y, static_cast<std::size_t>(plane * sizes.height * sizes.width + at), at);
          }
        }
      }
    }
  }
}

/// The same for the windows of a pooling.
template <typename Visit>
void for_each_pooled(const Pool2dOptions& options, const Pool2dSizes& sizes, const Visit& visit) {
  const auto elements = [](std::int64_t start, std::int64_t window, std::int64_t dilation,
                           std::int64_t size) {
    return std::views::iota(std::int64_t{0}, window) |
           std::views::transform([=](std::int64_t k) { return start + k * dilation; }) |
           std::views::filter([=](std::int64_t at) { return at >= 0 && at < size; });
  };
  for_each_in_windows(
      sizes,
      [&](std::int64_t i) {
        return elements(i * sizes.stride.height - options.padding.top, options.window.height,
                        options.dilation.height, sizes.height);
      },
      [&](std::int64_t j) {
        return elements(j * sizes.stride.width - options.padding.left, options.window.width,
                        options.dilation.width, sizes.width);
      },
      visit);
}

/// The number by which each element of one plane of the output of average pooling is divided.
std::vector<double> avg_pool2d_divisors(const Pool2dOptions& options, bool count_include_pad,
                                        const Pool2dSizes& sizes);

/// Throws Error(out_of_range) for an index outside the planes of a tensor of these sizes.
void check_plane_indices(std::span<const std::int32_t> index, std::span<const std::int64_t> sizes);

/// Takes x[from], element `at` of its plane, as the largest of window `to` if it is the first or larger.
template <std::floating_point T>
void meet_largest(View<const T> x, View<T> y, View<std::int32_t> index, std::size_t to, std::size_t from,
                  std::int64_t at) {
  const bool found_nan = index[to] >= 0 && y[to] != y[to];
  if (index[to] >= 0 && (found_nan || (x[from] <= y[to]))) return;
  y[to] = x[from];
  index[to] = static_cast<std::int32_t>(at);
}

template <std::floating_point T>
void MaxPool2d::forward(View<const T> x, View<T> y, View<std::int32_t> index) const {
  std::ranges::fill(index.data, -1);
  for_each_pooled(
      *this, pool2d_sizes(*this, x.sizes, y.sizes),
      [&](std::size_t to, std::size_t from, std::int64_t at) { meet_largest(x, y, index, to, from, at); });
}

template <std::floating_point T>
void AdaptiveMaxPool2d::forward(View<const T> x, View<T> y, View<std::int32_t> index) const {
  std::ranges::fill(index.data, -1);
  const Pool2dSizes sizes = pool2d_sizes({}, x.sizes, y.sizes);
  const auto elements = [](std::int64_t i, std::int64_t windows, std::int64_t size) {
    return std::views::iota(i * size / windows, ((i + 1) * size + windows - 1) / windows);
  };
  for_each_in_windows(
      sizes, [&](std::int64_t i) { return elements(i, sizes.out_height, sizes.height); },
      [&](std::int64_t j) { return elements(j, sizes.out_width, sizes.width); },
      [&](std::size_t to, std::size_t from, std::int64_t at) { meet_largest(x, y, index, to, from, at); });
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
  for (std::size_t i = 0; i < sums.size(); ++i)
    y[i] = static_cast<T>(sums[i] / divisors[i % divisors.size()]);
}

template <std::floating_point T>
void AvgPool2dGradient::forward(View<const T> dy, View<T> dx) const {
  const Pool2dSizes sizes = pool2d_sizes(*this, dx.sizes, dy.sizes);
  const auto divisors = avg_pool2d_divisors(*this, count_include_pad, sizes);
  std::vector<double> sums(dx.data.size(), 0.0);
  for_each_pooled(*this, sizes, [&](std::size_t from, std::size_t to, std::int64_t) {
    sums[to] += static_cast<double>(dy[from]) / divisors[from % divisors.size()];
  });
  for (std::size_t i = 0; i < sums.size(); ++i) dx[i] = static_cast<T>(sums[i]);
}

// Compiled once, in pool.cpp.
extern template detail::Model detail::model_of(MaxPool2d);
extern template detail::Model detail::model_of(PlaneGather);
extern template detail::Model detail::model_of(PlaneScatterAdd);
extern template detail::Model detail::model_of(AvgPool2d);
extern template detail::Model detail::model_of(AvgPool2dGradient);
extern template detail::Model detail::model_of(AdaptiveMaxPool2d);

}  // namespace weft
