#include "weft/ops/window.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "weft/graph/error.h"

namespace weft {
namespace {

void expect_within(std::int64_t number, std::int64_t least, std::string_view name, std::string_view what) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  if (number >= least && number <= kMost) return;
  throw Error(ErrorCode::invalid_argument, fmt::format("the {} along the {} is out of range", name, what),
              {.expected = fmt::format("{} to {}", least, kMost), .actual = std::to_string(number)});
}

}  // namespace

std::string attribute_text(const Size2d& size) { return fmt::format("{}x{}", size.height, size.width); }

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
  const std::int64_t reach = (axis.window - 1) * axis.dilation + 1;
  const Dim padded = size + axis.before + axis.after;
  if (!padded.is_number() || reach <= padded.size()) return floor_div(padded - reach, axis.stride) + 1;
  throw Error(ErrorCode::shape_mismatch, fmt::format("the window does not fit into the {}", what),
              {.expected = fmt::format("at least {} with the padding", reach),
               .actual = fmt::format("{} + {} + {}", axis.before, to_string(size), axis.after)});
}

void expect_four_axes(const TensorType& type, std::string_view form,
                      std::initializer_list<std::size_t> numbers) {
  constexpr std::size_t kAxes = 4;
  if (type.shape.rank() == kAxes &&
      std::ranges::all_of(numbers, [&](std::size_t axis) { return type.shape[axis].is_number(); })) {
    return;
  }
  const char* const message = numbers.size() == kAxes ? "it takes four axes, all of them numbers"
                              : numbers.size() == 0
                                  ? "it takes four axes"
                                  : "it takes four axes, of which the channels are a number";
  throw Error(ErrorCode::shape_mismatch, message,
              {.expected = std::string(form), .actual = to_string(type.shape)});
}

}  // namespace weft
