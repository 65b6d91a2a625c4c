#include "weft/frontends/nn/augment.h"

#include <fmt/format.h>

#include <numbers>

#include "weft/graph/located.h"
#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/grid_sample.h"
#include "weft/ops/indexing.h"
#include "weft/ops/layout.h"
#include "weft/ops/random.h"
#include "weft/ops/reduce.h"
#include "weft/ops/rounding.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"
#include "weft/ops/trigonometry.h"

namespace weft::nn {
namespace {

void expect_amount(bool holds, std::string_view expected, double actual) {
  if (holds) return;
  throw Error(ErrorCode::invalid_argument, "pictures cannot be changed by so much",
              {.expected = std::string(expected), .actual = fmt::format("{}", actual)});
}

void expect_images(const Value& x) {
  const Shape& shape = x.shape();
  const bool fits = shape.rank() == 4 && shape[2].is_number() && shape[3].is_number();
  if (fits && is_float(x.dtype())) return;
  throw Error(fits ? ErrorCode::dtype_mismatch : ErrorCode::shape_mismatch,
              "it takes pictures of a known size",
              {.expected = "f32 or f64 [batch, channels, height, width]", .actual = to_string(x.type())});
}

/// A number in [low, high] for each sample: [batch, 1, 1, 1], or [batch].
Value drawn_for_each(const Value& x, double low, double high, const Where& where, bool flat = false) {
  const Shape shape = flat ? Shape{x.shape()[0]} : Shape{x.shape()[0], 1, 1, 1};
  return random_uniform(x.graph(), x.dtype(), shape, low, high, where);
}

template <typename F>
Value changed(std::string_view name, const Operand& x, F f) {
  return located(name, x.where(), [&] {
    const Value value = x.value(name);
    expect_images(value);
    const Scope origin(value.graph(), name, x.where());
    return f(value);
  });
}

/// `size` elements along an axis, for each sample from a place of its own.
Value cropped(const Value& x, std::size_t axis, std::int64_t size, const Where& where) {
  const std::int64_t from = x.shape()[axis].size();
  expect_amount(size >= 1 && size <= from, fmt::format("1 to {} pixels", from), static_cast<double>(size));
  const Value u = random_uniform(x.graph(), f64, {x.shape()[0], 1, 1, 1}, 0.0, 1.0, where);
  const auto places = static_cast<double>(from - size + 1);
  const Value start = cast(minimum(floor(u * places), places - 1.0), i64);
  std::vector<Dim> along(4, Dim(1));
  along[axis] = size;
  const Value offsets = positions(broadcast_to(constant(x.graph(), 0, i64), {size}));
  std::vector<Dim> whole = x.shape().dims();
  whole[axis] = size;
  const Value indices = broadcast_to(start + reshape(offsets, Shape(along)), Shape(std::move(whole)));
  return take_along_axis(x, indices, static_cast<std::int64_t>(axis));
}

/// The axis of red, green and blue.
void expect_colours(const Value& x) {
  const Shape& shape = x.shape();
  if (shape.rank() >= 3 && shape[shape.rank() - 3].is(3) && is_float(x.dtype())) return;
  throw Error(is_float(x.dtype()) ? ErrorCode::shape_mismatch : ErrorCode::dtype_mismatch,
              "it takes pictures of three colours",
              {.expected = "f32 or f64 [..., 3, height, width]", .actual = to_string(x.type())});
}

}  // namespace

Value random_flip(const Operand& x, double p, std::int64_t axis) {
  return changed("random_flip", x, [&](const Value& value) {
    expect_amount(p >= 0.0 && p <= 1.0, "p in [0, 1]", p);
    const Value turned = drawn_for_each(value, 0.0, 1.0, x.where()) < p;
    return where(turned, flip(value, {axis}), value);
  });
}

Value random_crop(const Operand& x, std::int64_t height, std::int64_t width) {
  return changed("random_crop", x, [&](const Value& value) {
    return cropped(cropped(value, 2, height, x.where()), 3, width, x.where());
  });
}

Value random_affine(const Operand& x, const AffineOptions& options) {
  return changed("random_affine", x, [&](const Value& value) {
    expect_amount(options.degrees >= 0.0, "degrees >= 0", options.degrees);
    expect_amount(options.shift >= 0.0, "shift >= 0", options.shift);
    expect_amount(options.zoom >= 0.0 && options.zoom < 1.0, "zoom in [0, 1)", options.zoom);
    expect_amount(options.shear >= 0.0, "shear >= 0", options.shear);
    const auto within = [&](double most) { return drawn_for_each(value, -most, most, x.where(), true); };
    const Value angle = within(options.degrees * std::numbers::pi / 180.0);
    const Value scale = 1.0 / (1.0 + within(options.zoom));
    const Value shear = within(options.shear);
    // A map from places in the result to places in x, in which a picture is two units wide and high.
    const double ratio =
        static_cast<double>(value.shape()[2].size()) / static_cast<double>(value.shape()[3].size());
    const Value c = cos(angle) * scale;
    const Value s = sin(angle) * scale;
    const Value first = stack({c, shear * c - s * ratio, 2.0 * within(options.shift)}, -1);
    const Value second = stack({s * (1.0 / ratio), c + shear * s, 2.0 * within(options.shift)}, -1);
    const Value maps = stack({first, second}, 1);  // [batch, 2, 3]
    return grid_sample(value, affine_grid(maps, value.shape()[2].size(), value.shape()[3].size()));
  });
}

Value random_brightness(const Operand& x, double delta) {
  return changed("random_brightness", x, [&](const Value& value) {
    expect_amount(delta >= 0.0, "delta >= 0", delta);
    return value + drawn_for_each(value, -delta, delta, x.where());
  });
}

Value random_contrast(const Operand& x, double share) {
  return changed("random_contrast", x, [&](const Value& value) {
    expect_amount(share >= 0.0, "share >= 0", share);
    const Value middle = mean(value, {1, 2, 3}, true);
    return middle + drawn_for_each(value, 1.0 - share, 1.0 + share, x.where()) * (value - middle);
  });
}

Value grayscale(const Operand& x) {
  return located("grayscale", x.where(), [&] {
    const Value value = x.value("grayscale");
    expect_colours(value);
    const Scope origin(value.graph(), "grayscale", x.where());
    const Value weights =
        cast(constant(value.graph(), Tensor::of({0.299, 0.587, 0.114}, {3, 1, 1})), value.dtype());
    return sum(value * weights, {-3}, true);
  });
}

Value adjust_saturation(const Operand& x, double factor) {
  const Value gray = grayscale(x);
  const Scope origin(gray.graph(), "adjust_saturation", x.where());
  return gray + factor * (x - gray);
}

Value adjust_contrast(const Operand& x, double factor) {
  return located("adjust_contrast", x.where(), [&] {
    const Value value = x.value("adjust_contrast");
    expect_colours(value);
    const Scope origin(value.graph(), "adjust_contrast", x.where());
    const Value middle = mean(value, {-2, -1}, true);
    return middle + factor * (value - middle);
  });
}

}  // namespace weft::nn
