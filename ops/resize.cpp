#include "weft/ops/resize.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <span>

#include "weft/graph/located.h"
#include "weft/ops/layout.h"
#include "weft/ops/window.h"

namespace weft {
namespace {

/// x with another size along an axis that is not the first.
TensorType resized(const TensorType& x, std::int64_t axis, const Dim& size) {
  if (!is_float(x.dtype)) {
    throw Error(ErrorCode::dtype_mismatch, "only floating-point tensors can be resized",
                {.expected = "f32 or f64", .actual = to_string(x)});
  }
  const auto rank = static_cast<std::int64_t>(x.shape.rank());
  if (axis < 1 || axis >= rank) {
    throw Error(ErrorCode::invalid_argument, "there is no such axis to resize",
                {.expected = fmt::format("1 to {}", rank - 1), .actual = std::to_string(axis)});
  }
  std::vector<Dim> dims = x.shape.dims();
  const std::string name = fmt::format("axis {}", axis);
  expect_size(dims[static_cast<std::size_t>(axis)], name);
  expect_size(size, name + " of the result");
  dims[static_cast<std::size_t>(axis)] = size;
  return {x.dtype, Shape(std::move(dims))};
}

/// Where element i of `to` lies along `from` elements.
double coordinate(ResizeCoordinates rule, std::int64_t i, std::int64_t from, std::int64_t to) {
  const auto [at, m, n] =
      std::array{static_cast<double>(i), static_cast<double>(from), static_cast<double>(to)};
  switch (rule) {
    case ResizeCoordinates::pytorch_half_pixel:
      if (to == 1) return 0.0;
      [[fallthrough]];
    case ResizeCoordinates::half_pixel:
      return ((2.0 * at + 1.0) * m / n - 1.0) / 2.0;
    case ResizeCoordinates::align_corners:
      return to == 1 ? 0.0 : at * (m - 1.0) / (n - 1.0);
    case ResizeCoordinates::asymmetric:
      return at * m / n;
  }
  return 0.0;
}

double nearest_to(ResizeRounding rule, double at) {
  switch (rule) {
    case ResizeRounding::prefer_floor:
      return std::ceil(at - 0.5);
    case ResizeRounding::prefer_ceil:
      return std::floor(at + 0.5);
    case ResizeRounding::floor:
      return std::floor(at);
    case ResizeRounding::ceil:
      return std::ceil(at);
  }
  return 0.0;
}

/// The weights of the four elements around a point that lies `t` after the second of them.
std::array<double, 4> cubic_weights(double a, double t) {
  const auto near = [&](double x) { return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0; };
  const auto far = [&](double x) { return ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a; };
  return {far(1.0 + t), near(t), near(1.0 - t), far(2.0 - t)};
}

/// [n, c, h, w] with its axes taken apart as `apart`, in the order of `order`, and joined as `joined`.
Value rearranged(const Value& x, const Shape& apart, const std::vector<std::int64_t>& order,
                 const Shape& joined) {
  return reshape(transpose(reshape(x, apart), order), joined);
}

/// The pieces of a size; throws unless `block` divides it.
Dim blocks_of(const Dim& size, std::int64_t block, std::string_view what) {
  if (const auto blocks = exact_div(size, block)) return *blocks;
  throw Error(ErrorCode::shape_mismatch, fmt::format("the {} cannot be divided into blocks", what),
              {.expected = fmt::format("a multiple of {}", block), .actual = to_string(size)});
}

template <typename Build>
Value rearranged_by(std::string_view name, const Operand& x, std::int64_t block, const Build& build) {
  return located(name, x.where(), [&] {
    const Value value = x.value(name);
    const Scope origin(value.graph(), name, x.where());
    expect_axes(4, value.type(), kPictures);
    constexpr std::int64_t kLargestBlock = 1 << 15;
    if (block < 1 || block > kLargestBlock) {
      throw Error(ErrorCode::invalid_argument, "a block has at least one row",
                  {.expected = fmt::format("1 to {}", kLargestBlock), .actual = std::to_string(block)});
    }
    return build(value);
  });
}

/// The taps of one element.
struct TapRange {
  std::span<const std::int64_t> at;
  std::span<const double> weights;

  std::size_t size() const { return at.size(); }
};

/// y[j] = sum of weight x[at * inner + j] over `Taps` taps: without a pass over y for each of them.
template <std::size_t Taps, typename T>
void add_up(const TapRange& taps, const T* x, std::int64_t inner, T* y) {
  std::array<const T*, Taps> rows{};
  std::array<double, Taps> weights{};
  for (std::size_t i = 0; i < Taps; ++i) {
    rows[i] = x + taps.at[i] * inner;
    weights[i] = taps.weights[i];
  }
  for (std::int64_t j = 0; j < inner; ++j) {
    double sum = 0.0;
    for (std::size_t i = 0; i < Taps; ++i) sum += weights[i] * static_cast<double>(rows[i][j]);
    y[j] = static_cast<T>(sum);
  }
}

template <typename T>
void add_up_many(const TapRange& taps, const T* x, std::int64_t inner, std::span<double> sums, T* y) {
  std::ranges::fill(sums, 0.0);
  for (std::size_t i = 0; i < taps.size(); ++i) {
    const T* const row = x + taps.at[i] * inner;
    for (std::size_t j = 0; j < sums.size(); ++j) sums[j] += taps.weights[i] * static_cast<double>(row[j]);
  }
  std::ranges::transform(sums, y, [](double sum) { return static_cast<T>(sum); });
}

template <typename T>
void add_up_any(const TapRange& taps, const T* x, std::int64_t inner, std::span<double> sums, T* y) {
  if (taps.size() == 1) return add_up<1>(taps, x, inner, y);
  if (taps.size() == 2) return add_up<2>(taps, x, inner, y);
  if (taps.size() == 4) return add_up<4>(taps, x, inner, y);
  add_up_many(taps, x, inner, sums, y);
}

/// The same for a line of single elements.
template <typename T>
void add_up_line(const ResizeTaps& taps, const T* x, T* y) {
  std::size_t tap = 0;
  for (const std::size_t end : taps.ends) {
    double sum = 0.0;
    for (; tap < end; ++tap) sum += taps.weights[tap] * static_cast<double>(x[taps.at[tap]]);
    *y++ = static_cast<T>(sum);
  }
}

}  // namespace

template <std::floating_point T>
void detail::resize_along(const ResizeTaps& taps, std::size_t axis, View<const T> from, View<T> to) {
  const auto elements = [&](std::size_t first, std::size_t end) {
    std::int64_t product = 1;
    for (std::size_t i = first; i < end; ++i) product *= from.sizes[i];
    return product;
  };
  const std::int64_t lines = elements(0, axis);
  const std::int64_t inner = elements(axis + 1, from.rank());
  std::vector<double> sums(static_cast<std::size_t>(inner));
  for (std::int64_t line = 0; line < lines; ++line) {
    const T* const x = from.data.data() + line * from.sizes[axis] * inner;
    T* y = to.data.data() + line * to.sizes[axis] * inner;
    if (inner == 1) {
      add_up_line(taps, x, y);
      continue;
    }
    std::size_t begin = 0;
    for (const std::size_t end : taps.ends) {
      const TapRange range{std::span(taps.at).subspan(begin, end - begin),
                           std::span(taps.weights).subspan(begin, end - begin)};
      add_up_any<T>(range, x, inner, sums, y);
      begin = end;
      y += inner;
    }
  }
}
template void detail::resize_along(const ResizeTaps&, std::size_t, View<const float>, View<float>);
template void detail::resize_along(const ResizeTaps&, std::size_t, View<const double>, View<double>);

std::string attribute_text(ResizeMode mode) {
  constexpr std::array<const char*, 4> kNames{"nearest", "linear", "cubic", "area"};
  return kNames[static_cast<std::size_t>(mode)];
}
std::string attribute_text(ResizeCoordinates coordinates) {
  constexpr std::array<const char*, 4> kNames{"half_pixel", "pytorch_half_pixel", "align_corners",
                                              "asymmetric"};
  return kNames[static_cast<std::size_t>(coordinates)];
}
std::string attribute_text(ResizeRounding rounding) {
  constexpr std::array<const char*, 4> kNames{"prefer_floor", "prefer_ceil", "floor", "ceil"};
  return kNames[static_cast<std::size_t>(rounding)];
}

ResizeTaps resize_taps(const ResizeOptions& options, std::int64_t from, std::int64_t to) {
  ResizeTaps taps;
  const auto add = [&](double at, double weight) {
    // An element without weight is left out, so that its infinity does not become a NaN.
    if (weight == 0.0) return;
    taps.add(static_cast<std::int64_t>(std::clamp(at, 0.0, static_cast<double>(from - 1))), weight);
  };
  const auto add_element = [&](std::int64_t i) {
    const double at = coordinate(options.coordinates, i, from, to);
    const double below = std::floor(at);
    switch (options.mode) {
      case ResizeMode::nearest:
        return add(nearest_to(options.rounding, at), 1.0);
      case ResizeMode::linear:
        add(below, 1.0 - (at - below));
        return add(below + 1.0, at - below);
      case ResizeMode::cubic: {
        const auto weights = cubic_weights(options.cubic, at - below);
        for (std::size_t k = 0; k < weights.size(); ++k)
          add(below - 1.0 + static_cast<double>(k), weights[k]);
        return;
      }
      case ResizeMode::area: {
        const std::int64_t first = i * from / to;
        const std::int64_t end = ((i + 1) * from + to - 1) / to;
        for (std::int64_t k = first; k < end; ++k)
          add(static_cast<double>(k), 1.0 / static_cast<double>(end - first));
        return;
      }
    }
  };
  for (std::int64_t i = 0; i < to; ++i) {
    add_element(i);
    taps.ends.push_back(taps.at.size());
  }
  return taps;
}

ResizeTaps transposed(const ResizeTaps& taps, std::int64_t from) {
  ResizeTaps turned;
  turned.ends.assign(static_cast<std::size_t>(from) + 1, 0);
  for (const std::int64_t at : taps.at) ++turned.ends[static_cast<std::size_t>(at) + 1];
  std::partial_sum(turned.ends.begin(), turned.ends.end(), turned.ends.begin());
  // Where the next tap of each element goes; in the end, where its taps end.
  turned.ends.pop_back();
  turned.at.resize(taps.at.size());
  turned.weights.resize(taps.at.size());
  std::size_t tap = 0;
  for (std::size_t i = 0; i < taps.ends.size(); ++i) {
    for (; tap < taps.ends[i]; ++tap) {
      const std::size_t to = turned.ends[static_cast<std::size_t>(taps.at[tap])]++;
      turned.at[to] = static_cast<std::int64_t>(i);
      turned.weights[to] = taps.weights[tap];
    }
  }
  return turned;
}

TensorType ResizeAxis::infer(const TensorType& x) const { return resized(x, axis, size); }
Value ResizeAxis::gradient(Value x, Value, Value dy) const {
  return apply(ResizeAxisGradient{options(), axis, x.shape()[static_cast<std::size_t>(axis)]}, dy);
}

TensorType ResizeAxisGradient::infer(const TensorType& dy) const { return resized(dy, axis, size); }
Value ResizeAxisGradient::gradient(Value dy, Value, Value ddx) const {
  return apply(ResizeAxis{options(), axis, dy.shape()[static_cast<std::size_t>(axis)]}, ddx);
}

Value resize(const Operand& x, const std::vector<Dim>& sizes, const ResizeOptions& options) {
  return located("resize", x.where(), [&] {
    Value y = x.value("resize");
    const Scope origin(y.graph(), "resize", x.where());
    const std::size_t rank = y.shape().rank();
    if (sizes.size() >= rank) {
      throw Error(ErrorCode::shape_mismatch, "all axes but the first can be resized",
                  {.expected = fmt::format("at most {} sizes", rank == 0 ? 0 : rank - 1),
                   .actual = std::to_string(sizes.size())});
    }
    // Axes that become shorter come first, so that the others have less to do.
    std::vector<std::size_t> order;
    const auto first = rank - sizes.size();
    for (const bool shrinks : {true, false}) {
      for (std::size_t axis = first; axis < rank; ++axis) {
        const bool is_shorter = at_most(sizes[axis - first], y.shape()[axis]).value_or(false);
        if (is_shorter == shrinks) order.push_back(axis);
      }
    }
    for (const std::size_t axis : order) {
      const Dim& size = sizes[axis - first];
      const bool changes_one = options.coordinates == ResizeCoordinates::pytorch_half_pixel && size.is(1);
      if (size == y.shape()[axis] && !changes_one && is_float(y.dtype())) continue;
      y = apply(ResizeAxis{options, static_cast<std::int64_t>(axis), size}, y);
    }
    return y;
  });
}

Value depth_to_space(const Operand& x, std::int64_t block, bool channels_first) {
  return rearranged_by("depth_to_space", x, block, [&](const Value& value) {
    const Shape& s = value.shape();
    const Dim channels = blocks_of(s[1], block * block, "channels");
    const Shape joined{s[0], channels, s[2] * block, s[3] * block};
    if (channels_first)
      return rearranged(value, {s[0], channels, block, block, s[2], s[3]}, {0, 1, 4, 2, 5, 3}, joined);
    return rearranged(value, {s[0], block, block, channels, s[2], s[3]}, {0, 3, 4, 1, 5, 2}, joined);
  });
}

Value space_to_depth(const Operand& x, std::int64_t block, bool channels_first) {
  return rearranged_by("space_to_depth", x, block, [&](const Value& value) {
    const Shape& s = value.shape();
    const Dim rows = blocks_of(s[2], block, "height");
    const Dim columns = blocks_of(s[3], block, "width");
    const Shape apart{s[0], s[1], rows, block, columns, block};
    const Shape joined{s[0], s[1] * (block * block), rows, columns};
    if (channels_first) return rearranged(value, apart, {0, 1, 3, 5, 2, 4}, joined);
    return rearranged(value, apart, {0, 3, 5, 1, 2, 4}, joined);
  });
}

template detail::Model detail::model_of(ResizeAxis);
template detail::Model detail::model_of(ResizeAxisGradient);

}  // namespace weft
