#pragma once
// Pictures of another size. Resizing is a sum over a few elements along one axis after the other: one op for
// an axis, and its adjoint. The gradient of each is the other, so there are gradients of any order.

#include <utility>

#include "weft/graph/graph.h"

namespace weft {

/// How an element of the result is made of those of the input around it: the nearest one, two by a straight
/// line, four by a cubic (Keys, IEEE Transactions on Acoustics 29, 1981), or the mean of all that it covers.
enum class ResizeMode : std::uint8_t { nearest, linear, cubic, area };
/// Where element i of n lies along m elements of the input; ONNX's names. Mode area needs none of them.
enum class ResizeCoordinates : std::uint8_t {
  half_pixel,          // (i + 1/2) m / n - 1/2
  pytorch_half_pixel,  // the same, but 0 if n is 1
  align_corners,       // i (m - 1) / (n - 1), and 0 if n is 1
  asymmetric,          // i m / n
};
/// Which element is the nearest one; the first two differ only halfway between two.
enum class ResizeRounding : std::uint8_t { prefer_floor, prefer_ceil, floor, ceil };
std::string attribute_text(ResizeMode mode);
std::string attribute_text(ResizeCoordinates coordinates);
std::string attribute_text(ResizeRounding rounding);

struct ResizeOptions {
  ResizeMode mode = ResizeMode::linear;
  ResizeCoordinates coordinates = ResizeCoordinates::half_pixel;
  ResizeRounding rounding = ResizeRounding::prefer_floor;  // of mode nearest
  double cubic = -0.75;                                    // the coefficient a of mode cubic

  const ResizeOptions& options() const { return *this; }  // the options alone, of an op that has them
};

struct ResizeAxis : ResizeOptions {  // y[.., i, ..] = sum of weight[i, k] x[.., k, ..] over k
  static constexpr std::string_view name = "resize_axis";
  static constexpr Traits traits{.row_wise = true};
  std::int64_t axis = 1;  // not the first
  Dim size = 1;           // of y
  static constexpr auto attributes =
      weft::attributes(&ResizeAxis::mode, &ResizeAxis::coordinates, &ResizeAxis::rounding, &ResizeAxis::cubic,
                       &ResizeAxis::axis, &ResizeAxis::size);
  TensorType infer(const TensorType& x) const;
  template <std::floating_point T>
  void forward(View<const T> x, View<T> y) const;
  Value gradient(Value x, Value y, Value dy) const;
};

struct ResizeAxisGradient : ResizeOptions {  // dx[.., k, ..] = sum of weight[i, k] dy[.., i, ..] over i
  static constexpr std::string_view name = "resize_axis_gradient";
  static constexpr Traits traits{.row_wise = true};
  std::int64_t axis = 1;
  Dim size = 1;  // of x
  static constexpr auto attributes = weft::attributes(
      &ResizeAxisGradient::mode, &ResizeAxisGradient::coordinates, &ResizeAxisGradient::rounding,
      &ResizeAxisGradient::cubic, &ResizeAxisGradient::axis, &ResizeAxisGradient::size);
  TensorType infer(const TensorType& dy) const;
  template <std::floating_point T>
  void forward(View<const T> dy, View<T> dx) const;
  Value gradient(Value dy, Value dx, Value ddx) const;
};

/// x, f32 or f64, with other sizes along its last axes, one for each; an axis that keeps its size is left
/// alone. Beyond the ends the first and the last element count. Sizes may depend on symbols and are from 1 to
/// 2^31 - 1; the first axis of x keeps its size. Without antialiasing: but for mode area, making a picture
/// smaller skips elements. Accuracy in f32: for each axis one rounding of the sum in f64, 2^-24 of the sum of
/// the absolute values of its terms. Errors: shape_mismatch, dtype_mismatch.
Value resize(const Operand& x, const std::vector<Dim>& sizes, const ResizeOptions& options = {});

/// Blocks of `block` x `block` channels as rows and columns: [n, c, h, w] -> [n, c / block^2, h block, w
/// block]. The channel is (row, column, channel), or with `channels_first` (channel, row, column): ONNX's DCR
/// and CRD, the second also PyTorch's pixel_shuffle. Errors: shape_mismatch, invalid_argument.
Value depth_to_space(const Operand& x, std::int64_t block, bool channels_first = false);
/// The reverse: [n, c, h block, w block] -> [n, c block^2, h, w].
Value space_to_depth(const Operand& x, std::int64_t block, bool channels_first = false);

/// For each element of a line's result, the elements that it is a sum of and their weights.
struct ResizeTaps {
  std::vector<std::size_t> ends;  // of the taps of element i; they begin where those of i - 1 end
  std::vector<std::int64_t> at;
  std::vector<double> weights;

  void add(std::int64_t element, double weight) {
    at.push_back(element);
    weights.push_back(weight);
  }
};
ResizeTaps resize_taps(const ResizeOptions& options, std::int64_t from, std::int64_t to);
/// The same weights for the elements that those are made of: of the gradient.
ResizeTaps transposed(const ResizeTaps& taps, std::int64_t from);

namespace detail {

/// Makes every line of `to` along `axis` of sums in f64 over those of `from`.
template <std::floating_point T>
void resize_along(const ResizeTaps& taps, std::size_t axis, View<const T> from, View<T> to);

}  // namespace detail

template <std::floating_point T>
void ResizeAxis::forward(View<const T> x, View<T> y) const {
  const auto along = static_cast<std::size_t>(axis);
  detail::resize_along<T>(resize_taps(*this, x.sizes[along], y.sizes[along]), along, x, y);
}

template <std::floating_point T>
void ResizeAxisGradient::forward(View<const T> dy, View<T> dx) const {
  const auto along = static_cast<std::size_t>(axis);
  const ResizeTaps taps = resize_taps(*this, dx.sizes[along], dy.sizes[along]);
  detail::resize_along<T>(transposed(taps, dx.sizes[along]), along, dy, dx);
}

// Compiled once, in resize.cpp.
extern template detail::Model detail::model_of(ResizeAxis);
extern template detail::Model detail::model_of(ResizeAxisGradient);

}  // namespace weft
