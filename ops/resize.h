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

/// For each element of the result, the elements that it is made of and their weights.
struct ResizeTaps {
  std::vector<std::size_t> ends;  // of the taps of element i; they begin where those of i - 1 end
  std::vector<std::int64_t> at;
  std::vector<double> weights;

  /// Calls `visit(i, k, weight)` for every weight.
  template <typename Visit>
  void for_each(const Visit& visit) const {
    std::size_t tap = 0;
    for (std::size_t i = 0; i < ends.size(); ++i) {
      for (; tap < ends[i]; ++tap) visit(static_cast<std::int64_t>(i), at[tap], weights[tap]);
    }
  }
};
ResizeTaps resize_taps(const ResizeOptions& options, std::int64_t from, std::int64_t to);

namespace detail {

/// Adds weight * from[k] to to[i] for each visited weight, in f64, for every line along `axis`; `i_is_to`
/// says whether i counts elements of `to`, and k those of `from`, or the reverse.
template <typename T>
void resize_along(const ResizeTaps& taps, std::size_t axis, View<const T> from, View<T> to, bool i_is_to) {
  const auto elements = [&](std::size_t first, std::size_t end) {
    std::int64_t product = 1;
    for (std::size_t i = first; i < end; ++i) product *= from.sizes[i];
    return product;
  };
  const std::int64_t outer = elements(0, axis);
  const std::int64_t inner = elements(axis + 1, from.rank());
  std::vector<double> sums(static_cast<std::size_t>(to.sizes[axis] * inner));
  for (std::int64_t line = 0; line < outer; ++line) {
    const T* const source = from.data.data() + line * from.sizes[axis] * inner;
    T* const target = to.data.data() + line * to.sizes[axis] * inner;
    std::ranges::fill(sums, 0.0);
    taps.for_each([&](std::int64_t i, std::int64_t k, double weight) {
      const T* const x = source + (i_is_to ? k : i) * inner;
      double* const sum = sums.data() + (i_is_to ? i : k) * inner;
      for (std::int64_t j = 0; j < inner; ++j) sum[j] += weight * static_cast<double>(x[j]);
    });
    for (std::size_t j = 0; j < sums.size(); ++j) target[j] = static_cast<T>(sums[j]);
  }
}

}  // namespace detail

template <std::floating_point T>
void ResizeAxis::forward(View<const T> x, View<T> y) const {
  const auto along = static_cast<std::size_t>(axis);
  detail::resize_along<T>(resize_taps(*this, x.sizes[along], y.sizes[along]), along, x, y, true);
}

template <std::floating_point T>
void ResizeAxisGradient::forward(View<const T> dy, View<T> dx) const {
  const auto along = static_cast<std::size_t>(axis);
  detail::resize_along<T>(resize_taps(*this, dx.sizes[along], dy.sizes[along]), along, dy, dx, false);
}

}  // namespace weft
