#pragma once
// Convolution of pictures. Three ops share one trilinear sum over triples (x, w, y) of elements: y += x w is
// the convolution, x += y w its gradient with respect to the pictures, and w += x y that with respect to the
// weights. The gradients of each are made of the other two, so there are gradients of any order. None is
// row-wise: weights with as many filters as the batch has pictures must still be read whole.

#include "weft/graph/graph.h"
#include "weft/ops/window.h"

namespace weft {

struct Conv2dOptions {
  Size2d stride = 1;
  Padding2d padding = 0;
  Size2d dilation = 1;
  std::int64_t groups = 1;  // channels and filters are divided into this many independent groups

  const Conv2dOptions& options() const { return *this; }  // the options alone, of an op that has them
};

struct Conv2d : Conv2dOptions {  // y[n,o,i,j] = sum of x[n, c, i s - p + k d, ...] w[o,c,k,l] over c, k, l
  static constexpr std::string_view name = "conv2d";
  static constexpr auto attributes =
      weft::attributes(&Conv2d::stride, &Conv2d::padding, &Conv2d::dilation, &Conv2d::groups);
  TensorType infer(const TensorType& x, const TensorType& w) const;
  template <std::floating_point T>
  void forward(View<const T> x, View<const T> w, View<T> y) const;
  std::array<Value, 2> gradient(Value x, Value w, Value y, Value dy) const;
};

struct Conv2dInputGradient : Conv2dOptions {  // dx of `shape` from dy and w
  static constexpr std::string_view name = "conv2d_input_gradient";
  Shape shape;
  static constexpr auto attributes = weft::attributes(
      &Conv2dInputGradient::stride, &Conv2dInputGradient::padding, &Conv2dInputGradient::dilation,
      &Conv2dInputGradient::groups, &Conv2dInputGradient::shape);
  TensorType infer(const TensorType& dy, const TensorType& w) const;
  template <std::floating_point T>
  void forward(View<const T> dy, View<const T> w, View<T> dx) const;
  std::array<Value, 2> gradient(Value dy, Value w, Value dx, Value ddx) const;
};

struct Conv2dWeightGradient : Conv2dOptions {  // dw of `shape` from x and dy
  static constexpr std::string_view name = "conv2d_weight_gradient";
  Shape shape;
  static constexpr auto attributes = weft::attributes(
      &Conv2dWeightGradient::stride, &Conv2dWeightGradient::padding, &Conv2dWeightGradient::dilation,
      &Conv2dWeightGradient::groups, &Conv2dWeightGradient::shape);
  TensorType infer(const TensorType& x, const TensorType& dy) const;
  template <std::floating_point T>
  void forward(View<const T> x, View<const T> dy, View<T> dw) const;
  std::array<Value, 2> gradient(Value x, Value dy, Value dw, Value ddw) const;
};

/// Convolves pictures x [batch, channels, height, width] with weights w [filters, channels / groups, kernel
/// height, kernel width], f32 or f64: [batch, filters, (height + padding - reach) / stride + 1, ...] where
/// the reach of a kernel of k rows is (k - 1) dilation + 1. As usual in machine learning, the kernel is not
/// flipped. Batch, height and width may depend on symbols. Errors: shape_mismatch, dtype_mismatch,
/// invalid_argument for options.
///
/// Accuracy in f32, for a sum of n terms: at most (n + 2) * 2^-24 of the sum of the terms' absolute values.
/// Where terms or sums are denormal, each term may add 2^-150. Infinities and NaNs count in each window that
/// holds them. At a border a kernel may multiply weights by its zeros, so that an infinite or undefined
/// weight may give NaN in windows that reach over it.
Value conv2d(const Operand& x, const Operand& w, const Conv2dOptions& options = {});
/// The gradient of a convolution with respect to its pictures, which have `shape`. As accurate; a border
/// changes nothing.
Value conv2d_input_gradient(const Operand& dy, const Operand& w, const Shape& shape,
                            const Conv2dOptions& options = {});
/// The gradient of a convolution with respect to its weights, which have `shape`. As accurate for sums over
/// at most 8,192 positions of all windows or over one picture; longer sums are made of such ones in f64,
/// which adds 2 * 2^-24 to their bound. Each thread may add its own pictures; every thread more adds 2^-24.
/// Where windows reach over a border, infinities and NaNs in dy may give NaN.
Value conv2d_weight_gradient(const Operand& x, const Operand& dy, const Shape& shape,
                             const Conv2dOptions& options = {});

/// All sizes of one convolution.
struct Conv2dSizes {
  std::int64_t batch = 0;
  std::int64_t channels = 0;  // of all groups
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t filters = 0;  // of all groups
  std::int64_t kernel_height = 0;
  std::int64_t kernel_width = 0;
  std::int64_t out_height = 0;
  std::int64_t out_width = 0;
};
Conv2dSizes conv2d_sizes(std::span<const std::int64_t> x, std::span<const std::int64_t> w,
                         std::span<const std::int64_t> y);

/// Calls `visit(x index, w index, y index)` for every triple of a convolution.
template <typename Visit>
void for_each_conv2d_triple(const Conv2dOptions& options, const Conv2dSizes& sizes, const Visit& visit) {
  const std::int64_t group_channels = sizes.channels / options.groups;
  const std::int64_t group_filters = sizes.filters / options.groups;
  const auto element = [&](std::int64_t n, std::int64_t o, std::int64_t i, std::int64_t j) {
    const std::int64_t y = ((n * sizes.filters + o) * sizes.out_height + i) * sizes.out_width + j;
    for (std::int64_t c = 0; c < group_channels; ++c) {
      const std::int64_t channel = o / group_filters * group_channels + c;
      for (std::int64_t k = 0; k < sizes.kernel_height; ++k) {
        for (std::int64_t l = 0; l < sizes.kernel_width; ++l) {
          const std::int64_t row =
              i * options.stride.height + k * options.dilation.height - options.padding.top;
          const std::int64_t column =
              j * options.stride.width + l * options.dilation.width - options.padding.left;
          if (row < 0 || row >= sizes.height || column < 0 || column >= sizes.width) continue;
          const std::int64_t x = ((n * sizes.channels + channel) * sizes.height + row) * sizes.width + column;
          const std::int64_t w =
              ((o * group_channels + c) * sizes.kernel_height + k) * sizes.kernel_width + l;
          visit(static_cast<std::size_t>(x), static_cast<std::size_t>(w), static_cast<std::size_t>(y));
        }
      }
    }
  };
  for (std::int64_t n = 0; n < sizes.batch; ++n) {
    for (std::int64_t o = 0; o < sizes.filters; ++o) {
      for (std::int64_t i = 0; i < sizes.out_height; ++i) {
        for (std::int64_t j = 0; j < sizes.out_width; ++j) element(n, o, i, j);
      }
    }
  }
}

namespace detail {

template <typename T>
void round_to(std::span<const double> sums, std::span<T> to) {
  for (std::size_t i = 0; i < sums.size(); ++i) to[i] = static_cast<T>(sums[i]);
}

}  // namespace detail

template <std::floating_point T>
void Conv2d::forward(View<const T> x, View<const T> w, View<T> y) const {
  std::vector<double> sums(y.data.size(), 0.0);
  for_each_conv2d_triple(*this, conv2d_sizes(x.sizes, w.sizes, y.sizes),
                         [&](std::size_t i, std::size_t j, std::size_t k) {
                           sums[k] += static_cast<double>(x[i]) * static_cast<double>(w[j]);
                         });
  detail::round_to<T>(sums, y.data);
}

template <std::floating_point T>
void Conv2dInputGradient::forward(View<const T> dy, View<const T> w, View<T> dx) const {
  std::vector<double> sums(dx.data.size(), 0.0);
  for_each_conv2d_triple(*this, conv2d_sizes(dx.sizes, w.sizes, dy.sizes),
                         [&](std::size_t i, std::size_t j, std::size_t k) {
                           sums[i] += static_cast<double>(dy[k]) * static_cast<double>(w[j]);
                         });
  detail::round_to<T>(sums, dx.data);
}

template <std::floating_point T>
void Conv2dWeightGradient::forward(View<const T> x, View<const T> dy, View<T> dw) const {
  std::vector<double> sums(dw.data.size(), 0.0);
  for_each_conv2d_triple(*this, conv2d_sizes(x.sizes, dw.sizes, dy.sizes),
                         [&](std::size_t i, std::size_t j, std::size_t k) {
                           sums[j] += static_cast<double>(x[i]) * static_cast<double>(dy[k]);
                         });
  detail::round_to<T>(sums, dw.data);
}

}  // namespace weft
