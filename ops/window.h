#pragma once
// What convolution and pooling share: a window that slides over the height and the width of a picture.

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "weft/graph/shape.h"

namespace weft {

/// A height and a width; one number stands for both.
struct Size2d {
  std::int64_t height = 1;
  std::int64_t width = 1;

  constexpr Size2d(std::int64_t both) : height(both), width(both) {}
  constexpr Size2d(std::int64_t rows, std::int64_t columns) : height(rows), width(columns) {}
  friend bool operator==(const Size2d&, const Size2d&) = default;
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
  friend bool operator==(const Padding2d&, const Padding2d&) = default;
};

/// "2x3".
std::string attribute_text(const Size2d& size);
/// "1,1,2,2": top, bottom, left, right.
std::string attribute_text(const Padding2d& padding);

/// How a window moves along one axis. Element k of position p lies at p * stride + k * dilation - before.
struct WindowAxis {
  std::int64_t window = 1;
  std::int64_t stride = 1;
  std::int64_t dilation = 1;
  std::int64_t before = 0;  // padding
  std::int64_t after = 0;
};

/// How many positions the window has along an axis of `size` elements. Throws Error(shape_mismatch), which
/// calls the axis `what`, if there is none; a run checks a size that depends on symbols. Throws
/// Error(invalid_argument) for a window, stride or dilation below 1, a padding below 0, and any number above
/// 2^31 - 1.
Dim window_positions(const WindowAxis& axis, const Dim& size, std::string_view what);

inline constexpr std::string_view kPictures = "[batch, channels, height, width]";

/// Throws Error(shape_mismatch) unless `type` has four axes and those listed in `numbers` are numbers. `form`
/// says what the axes mean, as kPictures does.
void expect_four_axes(const TensorType& type, std::string_view form,
                      std::initializer_list<std::size_t> numbers = {});

}  // namespace weft
