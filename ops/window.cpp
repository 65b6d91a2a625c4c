#include "weft/ops/window.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "weft/graph/error.h"

namespace weft {
namespace {

constexpr std::int64_t kLargestSize = std::numeric_limits<std::int32_t>::max();

void expect_within(std::int64_t number, std::int64_t least, std::string_view name, std::string_view what) {
  if (number >= least && number <= kLargestSize) return;
  throw Error(ErrorCode::invalid_argument, fmt::format("the {} along the {} is out of range", name, what),
              {.expected = fmt::format("{} to {}", least, kLargestSize), .actual = std::to_string(number)});
}

/// The positions of which the last one may reach beyond the padding.
Dim partial_positions(const WindowAxis& axis, const Dim& size, std::string_view what) {
  const Dim room = size + axis.before + axis.after + (axis.stride - 1) - axis.reach();
  Dim positions = floor_div(room, axis.stride) + 1;
  if (axis.after + axis.stride <= axis.reach()) return positions;
  if (size.is_number()) {
    const bool begins_inside = (positions.size() - 1) * axis.stride < size.size() + axis.before;
    return begins_inside ? positions : positions - 1;
  }
  throw Error(ErrorCode::shape_mismatch,
              fmt::format("whether a last window holds elements depends on the {}", what),
              {.expected = fmt::format("a number, or a stride of at most {}", axis.reach() - axis.after),
               .actual = fmt::format("{} and a stride of {}", to_string(size), axis.stride)});
}

}  // namespace

std::string attribute_text(const Size2d& size) { return fmt::format("{}x{}", size.height, size.width); }

std::string attribute_text(const Size3d& size) {
  return fmt::format("{}x{}x{}", size.depth, size.height, size.width);
}

std::string attribute_text(const Padding3d& padding) {
  return fmt::format("{},{},{},{},{},{}", padding.front, padding.back, padding.top, padding.bottom,
                     padding.left, padding.right);
}

std::string attribute_text(const Padding2d& padding) {
  return fmt::format("{},{},{},{}", padding.top, padding.bottom, padding.left, padding.right);
}

Dim window_positions(const WindowAxis& axis, const Dim& size, std::string_view what) {
  expect_within(axis.window, 1, "window", what);
  expect_within(axis.stride, 1, "stride", what);
  expect_within(axis.dilation, 1, "dilation", what);
  expect_within(axis.before, 0, "padding", what);
  expect_within(axis.after, 0, "padding", what);
  if (size.is_number()) expect_within(size.size(), 1, "size", what);
  const std::int64_t reach = axis.reach();
  const Dim padded = size + axis.before + axis.after;
  if (!padded.is_number() || reach <= padded.size()) {
    return axis.partial ? partial_positions(axis, size, what) : floor_div(padded - reach, axis.stride) + 1;
  }
  throw Error(ErrorCode::shape_mismatch, fmt::format("the window does not fit into the {}", what),
              {.expected = fmt::format("at least {} with the padding", reach),
               .actual = fmt::format("{} + {} + {}", axis.before, to_string(size), axis.after)});
}

namespace {

/// The padding before and after along one axis.
std::pair<std::int64_t, std::int64_t> same_along(const WindowAxis& axis, const Dim& size,
                                                 std::string_view what) {
  static_cast<void>(window_positions({.window = 1, .stride = axis.stride}, size, what));
  expect_within(axis.window, 1, "window", what);
  expect_within(axis.dilation, 1, "dilation", what);
  std::int64_t last = 0;  // the elements after the start of the last window
  if (axis.stride > 1) {
    if (!size.is_number()) {
      throw Error(ErrorCode::shape_mismatch,
                  fmt::format("the padding along the {} depends on its size where the stride is not 1", what),
                  {.expected = "a number", .actual = to_string(size)});
    }
    last = (size.size() - 1) % axis.stride;
  }
  const std::int64_t total = std::max<std::int64_t>(axis.reach() - 1 - last, 0);
  return {total / 2, total - total / 2};
}

template <std::size_t Axes>
std::array<std::pair<std::int64_t, std::int64_t>, Axes> same_along_all(const Shape& x,
                                                                       const WindowSize<Axes>& window,
                                                                       const WindowSize<Axes>& stride,
                                                                       const WindowSize<Axes>& dilation) {
  if (x.rank() < Axes) {
    throw Error(ErrorCode::shape_mismatch, "a window slides along more axes than there are",
                {.expected = std::string(spatial_form(Axes)), .actual = to_string(x)});
  }
  std::array<std::pair<std::int64_t, std::int64_t>, Axes> padding;
  for (std::size_t i = 0; i < Axes; ++i) {
    padding[i] = same_along(
        {.window = window.values()[i], .stride = stride.values()[i], .dilation = dilation.values()[i]},
        x[x.rank() - Axes + i], spatial_axis_name(i, Axes));
  }
  return padding;
}

}  // namespace

Padding1d same_padding(const Shape& x, const Size1d& window, const Size1d& stride, const Size1d& dilation) {
  const auto [columns] = same_along_all<1>(x, window, stride, dilation);
  return {columns.first, columns.second};
}
Padding2d same_padding(const Shape& x, const Size2d& window, const Size2d& stride, const Size2d& dilation) {
  const auto [rows, columns] = same_along_all<2>(x, window, stride, dilation);
  return {rows.first, rows.second, columns.first, columns.second};
}
Padding3d same_padding(const Shape& x, const Size3d& window, const Size3d& stride, const Size3d& dilation) {
  const auto [planes, rows, columns] = same_along_all<3>(x, window, stride, dilation);
  return {planes.first, planes.second, rows.first, rows.second, columns.first, columns.second};
}

void expect_size(const Dim& size, std::string_view what) {
  if (!size.is_number() || (size.size() >= 1 && size.size() <= kLargestSize)) return;
  throw Error(ErrorCode::shape_mismatch, fmt::format("the size of the {} is out of range", what),
              {.expected = fmt::format("1 to {}", kLargestSize), .actual = to_string(size)});
}

std::string_view spatial_axis_name(std::size_t axis, std::size_t axes) {
  constexpr std::array<std::string_view, 3> kNames{"depth", "height", "width"};
  return kNames[kNames.size() - axes + axis];
}

void expect_axes(std::size_t axes, const TensorType& type, std::string_view form,
                 std::initializer_list<std::size_t> numbers) {
  if (type.shape.rank() == axes &&
      std::ranges::all_of(numbers, [&](std::size_t axis) { return type.shape[axis].is_number(); })) {
    return;
  }
  const std::string_view count = axes == 3 ? "three" : axes == 4 ? "four" : "five";
  const std::string_view which = numbers.size() == axes ? ", all of them numbers"
                                 : numbers.size() == 0  ? ""
                                                        : ", of which the channels are a number";
  throw Error(ErrorCode::shape_mismatch, fmt::format("it takes {} axes{}", count, which),
              {.expected = std::string(form), .actual = to_string(type.shape)});
}

}  // namespace weft
