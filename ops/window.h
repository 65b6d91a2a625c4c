#pragma once
// What convolution and pooling share: a window that slides over a signal, a picture or a volume.

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "weft/graph/shape.h"

namespace weft {

/// A width.
struct Size1d {
  std::int64_t width = 1;

  constexpr Size1d(std::int64_t columns) : width(columns) {}
  constexpr std::array<std::int64_t, 1> values() const { return {width}; }
  friend bool operator==(const Size1d&, const Size1d&) = default;
};

/// A height and a width; one number stands for both.
struct Size2d {
  std::int64_t height = 1;
  std::int64_t width = 1;

  constexpr Size2d(std::int64_t both) : height(both), width(both) {}
  constexpr Size2d(std::int64_t rows, std::int64_t columns) : height(rows), width(columns) {}
  constexpr std::array<std::int64_t, 2> values() const { return {height, width}; }
  friend bool operator==(const Size2d&, const Size2d&) = default;
};

/// A depth, a height and a width; one number stands for all three.
struct Size3d {
  std::int64_t depth = 1;
  std::int64_t height = 1;
  std::int64_t width = 1;

  constexpr Size3d(std::int64_t all) : Size3d(all, all, all) {}
  constexpr Size3d(std::int64_t planes, std::int64_t rows, std::int64_t columns)
      : depth(planes), height(rows), width(columns) {}
  constexpr std::array<std::int64_t, 3> values() const { return {depth, height, width}; }
  friend bool operator==(const Size3d&, const Size3d&) = default;
};

/// Elements that are added before and after a signal. One number is for both ends.
struct Padding1d {
  std::int64_t left = 0;
  std::int64_t right = 0;

  constexpr Padding1d(std::int64_t both) : Padding1d(both, both) {}
  constexpr Padding1d(std::int64_t before, std::int64_t after) : left(before), right(after) {}
  constexpr std::array<std::int64_t, 1> before() const { return {left}; }
  constexpr std::array<std::int64_t, 1> after() const { return {right}; }
  friend bool operator==(const Padding1d&, const Padding1d&) = default;
};

/// Rows and columns that are added around a picture. One number is for all four sides, two are for {top and
/// bottom, left and right}.
struct Padding2d {
  std::int64_t top = 0;
  std::int64_t bottom = 0;
  std::int64_t left = 0;
  std::int64_t right = 0;

  constexpr Padding2d(std::int64_t all) : Padding2d(all, all) {}
  constexpr Padding2d(std::int64_t rows, std::int64_t columns) : Padding2d(rows, rows, columns, columns) {}
  constexpr Padding2d(std::int64_t above, std::int64_t below, std::int64_t before, std::int64_t after)
      : top(above), bottom(below), left(before), right(after) {}
  constexpr std::array<std::int64_t, 2> before() const { return {top, left}; }
  constexpr std::array<std::int64_t, 2> after() const { return {bottom, right}; }
  friend bool operator==(const Padding2d&, const Padding2d&) = default;
};

/// Planes, rows and columns that are added around a volume. One number is for all six sides, three are for
/// {front and back, top and bottom, left and right}.
struct Padding3d {
  std::int64_t front = 0;
  std::int64_t back = 0;
  std::int64_t top = 0;
  std::int64_t bottom = 0;
  std::int64_t left = 0;
  std::int64_t right = 0;

  constexpr Padding3d(std::int64_t all) : Padding3d(all, all, all) {}
  constexpr Padding3d(std::int64_t planes, std::int64_t rows, std::int64_t columns)
      : Padding3d(planes, planes, rows, rows, columns, columns) {}
  constexpr Padding3d(std::int64_t ahead, std::int64_t behind, std::int64_t above, std::int64_t below,
                      std::int64_t before, std::int64_t after)
      : front(ahead), back(behind), top(above), bottom(below), left(before), right(after) {}
  constexpr std::array<std::int64_t, 3> before() const { return {front, top, left}; }
  constexpr std::array<std::int64_t, 3> after() const { return {back, bottom, right}; }
  friend bool operator==(const Padding3d&, const Padding3d&) = default;
};

namespace detail {

template <std::size_t Axes>
struct WindowTypes;
template <>
struct WindowTypes<1> {
  using Size = Size1d;
  using Padding = Padding1d;
};
template <>
struct WindowTypes<2> {
  using Size = Size2d;
  using Padding = Padding2d;
};
template <>
struct WindowTypes<3> {
  using Size = Size3d;
  using Padding = Padding3d;
};

}  // namespace detail

/// Size1d, Size2d or Size3d.
template <std::size_t Axes>
using WindowSize = typename detail::WindowTypes<Axes>::Size;
/// Padding1d, Padding2d or Padding3d.
template <std::size_t Axes>
using WindowPadding = typename detail::WindowTypes<Axes>::Padding;

/// "2x3".
std::string attribute_text(const Size2d& size);
std::string attribute_text(const Size3d& size);
/// "1,1,2,2": top, bottom, left, right.
std::string attribute_text(const Padding2d& padding);
std::string attribute_text(const Padding3d& padding);

/// How a window moves along one axis. Element k of position p lies at p * stride + k * dilation - before.
struct WindowAxis {
  std::int64_t window = 1;
  std::int64_t stride = 1;
  std::int64_t dilation = 1;
  std::int64_t before = 0;  // padding
  std::int64_t after = 0;
  bool partial = false;  // whether a last window may reach beyond the padding, if it starts before it

  std::int64_t reach() const { return (window - 1) * dilation + 1; }
};

/// How many positions the window has along an axis of `size` elements. Throws Error(shape_mismatch), which
/// calls the axis `what`, if there is none; a run checks a size that depends on symbols. So does it where a
/// partial window may start beyond all elements and the size is no number. Throws
/// Error(invalid_argument) for a window, stride or dilation below 1, a padding below 0, and any number above
/// 2^31 - 1.
Dim window_positions(const WindowAxis& axis, const Dim& size, std::string_view what);

/// The padding with which a window has ceil(size / stride) positions along each axis, the odd element at the
/// end: what TensorFlow and Keras call "same". The last axes of `x` are those that the window slides along.
/// Along an axis whose size depends on symbols the stride must be 1; Error(shape_mismatch) otherwise.
Padding1d same_padding(const Shape& x, const Size1d& window, const Size1d& stride = 1,
                       const Size1d& dilation = 1);
Padding2d same_padding(const Shape& x, const Size2d& window, const Size2d& stride = 1,
                       const Size2d& dilation = 1);
Padding3d same_padding(const Shape& x, const Size3d& window, const Size3d& stride = 1,
                       const Size3d& dilation = 1);

/// Throws Error(shape_mismatch), which calls the axis `what`, for a size that is 0 or above 2^31 - 1; a run
/// checks a size that depends on symbols.
void expect_size(const Dim& size, std::string_view what);

inline constexpr std::string_view kSignals = "[batch, channels, width]";
inline constexpr std::string_view kPictures = "[batch, channels, height, width]";
inline constexpr std::string_view kVolumes = "[batch, channels, depth, height, width]";
/// The form of what has so many axes besides batch and channels.
constexpr std::string_view spatial_form(std::size_t axes) {
  return axes == 1 ? kSignals : axes == 2 ? kPictures : kVolumes;
}
/// "depth", "height" or "width": axis `axis` of `axes`.
std::string_view spatial_axis_name(std::size_t axis, std::size_t axes);

/// Throws Error(shape_mismatch) unless `type` has as many axes and those listed in `numbers` are numbers.
/// `form` says what the axes mean, as kPictures does.
void expect_axes(std::size_t axes, const TensorType& type, std::string_view form,
                 std::initializer_list<std::size_t> numbers = {});

}  // namespace weft
