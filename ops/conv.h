#pragma once
// Convolution of signals, pictures and volumes. Three ops share one trilinear sum over triples (x, w, y) of
// elements: y += x w is the convolution, x += y w its gradient with respect to the pictures, and w += x y
// that with respect to the weights. The gradients of each are made of the other two, so there are gradients
// of any order. None is row-wise: weights with as many filters as the batch has pictures must still be read
// whole. Each of the three is a template over the number of axes that a kernel slides along, 2 or 3; what is
// said of pictures goes for volumes. A signal is a picture of one row.

#include "weft/graph/graph.h"
#include "weft/ops/window.h"

namespace weft {

template <std::size_t Axes>
struct ConvOptions {
  WindowSize<Axes> stride = 1;
  WindowPadding<Axes> padding = 0;
  WindowSize<Axes> dilation = 1;
  std::int64_t groups = 1;  // channels and filters are divided into this many independent groups

  const ConvOptions& options() const { return *this; }  // the options alone, of an op that has them
};
using Conv1dOptions = ConvOptions<1>;
using Conv2dOptions = ConvOptions<2>;
using Conv3dOptions = ConvOptions<3>;

template <std::size_t Axes>
struct Conv : ConvOptions<Axes> {  // y[n,o,i,j] = sum of x[n, c, i s - p + k d, ...] w[o,c,k,l] over c, k, l
  static constexpr std::string_view name = Axes == 2 ? "conv2d" : "conv3d";
  static constexpr auto attributes =
      weft::attributes(&Conv::stride, &Conv::padding, &Conv::dilation, &Conv::groups);
  TensorType infer(const TensorType& x, const TensorType& w) const;
  template <std::floating_point T>
  void forward(View<const T> x, View<const T> w, View<T> y) const;
  std::array<Value, 2> gradient(Value x, Value w, Value y, Value dy) const;
  std::vector<Value> batch(const BatchArgs& args) const;
};

template <std::size_t Axes>
struct ConvInputGradient : ConvOptions<Axes> {  // dx of `shape` from dy and w
  static constexpr std::string_view name = Axes == 2 ? "conv2d_input_gradient" : "conv3d_input_gradient";
  Shape shape;
  static constexpr auto attributes =
      weft::attributes(&ConvInputGradient::stride, &ConvInputGradient::padding, &ConvInputGradient::dilation,
                       &ConvInputGradient::groups, &ConvInputGradient::shape);
  TensorType infer(const TensorType& dy, const TensorType& w) const;
  template <std::floating_point T>
  void forward(View<const T> dy, View<const T> w, View<T> dx) const;
  std::array<Value, 2> gradient(Value dy, Value w, Value dx, Value ddx) const;
  std::vector<Value> batch(const BatchArgs& args) const;
};

template <std::size_t Axes>
struct ConvWeightGradient : ConvOptions<Axes> {  // dw of `shape` from x and dy
  static constexpr std::string_view name = Axes == 2 ? "conv2d_weight_gradient" : "conv3d_weight_gradient";
  Shape shape;
  static constexpr auto attributes = weft::attributes(
      &ConvWeightGradient::stride, &ConvWeightGradient::padding, &ConvWeightGradient::dilation,
      &ConvWeightGradient::groups, &ConvWeightGradient::shape);
  TensorType infer(const TensorType& x, const TensorType& dy) const;
  template <std::floating_point T>
  void forward(View<const T> x, View<const T> dy, View<T> dw) const;
  std::array<Value, 2> gradient(Value x, Value dy, Value dw, Value ddw) const;
  std::vector<Value> batch(const BatchArgs& args) const;
};

using Conv2d = Conv<2>;
using Conv2dInputGradient = ConvInputGradient<2>;
using Conv2dWeightGradient = ConvWeightGradient<2>;
using Conv3d = Conv<3>;
using Conv3dInputGradient = ConvInputGradient<3>;
using Conv3dWeightGradient = ConvWeightGradient<3>;

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
/// The same for signals x [batch, channels, width] and weights [filters, channels / groups, kernel width].
Value conv1d(const Operand& x, const Operand& w, const Conv1dOptions& options = {});
/// The same for volumes x [batch, channels, depth, height, width] and weights [filters, channels / groups,
/// kernel depth, kernel height, kernel width].
Value conv3d(const Operand& x, const Operand& w, const Conv3dOptions& options = {});

/// The gradient of a convolution with respect to its pictures, which have `shape`. As accurate; a border
/// changes nothing.
Value conv2d_input_gradient(const Operand& dy, const Operand& w, const Shape& shape,
                            const Conv2dOptions& options = {});
Value conv3d_input_gradient(const Operand& dy, const Operand& w, const Shape& shape,
                            const Conv3dOptions& options = {});
/// The gradient of a convolution with respect to its weights, which have `shape`. As accurate for sums over
/// at most 8,192 positions of all windows or over one picture; longer sums are made of such ones in f64,
/// which adds 2 * 2^-24 to their bound. Each thread may add its own pictures; every thread more adds 2^-24.
/// Where windows reach over a border, infinities and NaNs in dy may give NaN.
Value conv2d_weight_gradient(const Operand& x, const Operand& dy, const Shape& shape,
                             const Conv2dOptions& options = {});
Value conv3d_weight_gradient(const Operand& x, const Operand& dy, const Shape& shape,
                             const Conv3dOptions& options = {});

/// What a transposed convolution adds to the options of the convolution that it is the transpose of.
template <std::size_t Axes>
struct ConvTransposeOptions : ConvOptions<Axes> {
  WindowSize<Axes> output_padding = 0;  // rows and columns at the end of the result that no window reaches
};

/// The transpose of conv2d(), which spreads each element of x [batch, channels, height, width] over a window
/// of the result by weights w [channels, filters / groups, kernel height, kernel width]: [batch, filters,
/// (height - 1) stride - padding + reach + output padding, ...]; PyTorch's conv_transpose2d, Keras'
/// Conv2DTranspose. It is conv2d_input_gradient() and as accurate. An output padding is smaller than the
/// stride. Sizes may depend on symbols. Errors: shape_mismatch, dtype_mismatch, invalid_argument.
Value conv_transpose2d(const Operand& x, const Operand& w, const ConvTransposeOptions<2>& options = {});
/// The same for signals [batch, channels, width] and for volumes [batch, channels, depth, height, width].
Value conv_transpose1d(const Operand& x, const Operand& w, const ConvTransposeOptions<1>& options = {});
Value conv_transpose3d(const Operand& x, const Operand& w, const ConvTransposeOptions<3>& options = {});

/// All numbers of one convolution: depth, height and width, where a picture has a depth of 1.
struct ConvSizes {
  using Triple = std::array<std::int64_t, 3>;

  std::size_t axes = 2;
  std::int64_t groups = 1;
  std::int64_t batch = 0;
  std::int64_t channels = 0;  // of all groups
  std::int64_t filters = 0;   // of all groups
  Triple x{1, 1, 1};
  Triple kernel{1, 1, 1};
  Triple y{1, 1, 1};
  Triple stride{1, 1, 1};
  Triple dilation{1, 1, 1};
  Triple before{0, 0, 0};  // padding
  Triple after{0, 0, 0};

  static std::int64_t product(const Triple& sizes) { return sizes[0] * sizes[1] * sizes[2]; }
  std::int64_t x_plane() const { return product(x); }  // elements of one channel
  std::int64_t y_plane() const { return product(y); }
  std::int64_t taps() const { return product(kernel); }
};
template <std::size_t Axes>
ConvSizes conv_sizes(const ConvOptions<Axes>& options, std::span<const std::int64_t> x,
                     std::span<const std::int64_t> w, std::span<const std::int64_t> y);

/// Calls `visit(x index, w index)` for every pair that adds to element (n, o, i) of y.
template <typename Visit>
void for_each_conv_term(const ConvSizes& s, std::int64_t n, std::int64_t o, const ConvSizes::Triple& i,
                        const Visit& visit) {
  const std::int64_t group_channels = s.channels / s.groups;
  const auto place = [&](std::size_t axis, std::int64_t k) {
    return i[axis] * s.stride[axis] + k * s.dilation[axis] - s.before[axis];
  };
  const auto outside = [&](std::size_t axis, std::int64_t at) { return at < 0 || at >= s.x[axis]; };
  for (std::int64_t c = 0; c < group_channels; ++c) {
    const std::int64_t channel = o / (s.filters / s.groups) * group_channels + c;
    for (std::int64_t tap = 0; tap < s.taps(); ++tap) {
      const std::int64_t depth = place(0, tap / (s.kernel[1] * s.kernel[2]));
      const std::int64_t row = place(1, tap / s.kernel[2] % s.kernel[1]);
      const std::int64_t column = place(2, tap % s.kernel[2]);
      if (outside(0, depth) || outside(1, row) || outside(2, column)) continue;
      const std::int64_t at = ((n * s.channels + channel) * s.x[0] + depth) * s.x[1] + row;
      visit(static_cast<std::size_t>(at * s.x[2] + column),
            static_cast<std::size_t>((o * group_channels + c) * s.taps() + tap));
    }
  }
}

/// Calls `visit(x index, w index, y index)` for every triple of a convolution.
template <typename Visit>
void for_each_conv_triple(const ConvSizes& s, const Visit& visit) {
  std::size_t y = 0;
  for (std::int64_t n = 0; n < s.batch; ++n) {
    for (std::int64_t o = 0; o < s.filters; ++o) {
      for (std::int64_t at = 0; at < s.y_plane(); ++at, ++y) {
        for_each_conv_term(s, n, o, {at / (s.y[1] * s.y[2]), at / s.y[2] % s.y[1], at % s.y[2]},
                           [&](std::size_t x, std::size_t w) { visit(x, w, y); });
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

template <std::size_t Axes>
template <std::floating_point T>
void Conv<Axes>::forward(View<const T> x, View<const T> w, View<T> y) const {
  std::vector<double> sums(y.data.size(), 0.0);
  for_each_conv_triple(conv_sizes<Axes>(*this, x.sizes, w.sizes, y.sizes),
                       [&](std::size_t i, std::size_t j, std::size_t k) {
                         sums[k] += static_cast<double>(x[i]) * static_cast<double>(w[j]);
                       });
  detail::round_to<T>(sums, y.data);
}

template <std::size_t Axes>
template <std::floating_point T>
void ConvInputGradient<Axes>::forward(View<const T> dy, View<const T> w, View<T> dx) const {
  std::vector<double> sums(dx.data.size(), 0.0);
  for_each_conv_triple(conv_sizes<Axes>(*this, dx.sizes, w.sizes, dy.sizes),
                       [&](std::size_t i, std::size_t j, std::size_t k) {
                         sums[i] += static_cast<double>(dy[k]) * static_cast<double>(w[j]);
                       });
  detail::round_to<T>(sums, dx.data);
}

template <std::size_t Axes>
template <std::floating_point T>
void ConvWeightGradient<Axes>::forward(View<const T> x, View<const T> dy, View<T> dw) const {
  std::vector<double> sums(dw.data.size(), 0.0);
  for_each_conv_triple(conv_sizes<Axes>(*this, x.sizes, dw.sizes, dy.sizes),
                       [&](std::size_t i, std::size_t j, std::size_t k) {
                         sums[j] += static_cast<double>(x[i]) * static_cast<double>(dy[k]);
                       });
  detail::round_to<T>(sums, dw.data);
}

extern template struct Conv<2>;
extern template struct Conv<3>;
extern template struct ConvInputGradient<2>;
extern template struct ConvInputGradient<3>;
extern template struct ConvWeightGradient<2>;
extern template struct ConvWeightGradient<3>;

// Compiled once, in conv.cpp.
extern template detail::Model detail::model_of(Conv2d);
extern template detail::Model detail::model_of(Conv2dInputGradient);
extern template detail::Model detail::model_of(Conv2dWeightGradient);
extern template detail::Model detail::model_of(Conv3d);
extern template detail::Model detail::model_of(Conv3dInputGradient);
extern template detail::Model detail::model_of(Conv3dWeightGradient);

}  // namespace weft
