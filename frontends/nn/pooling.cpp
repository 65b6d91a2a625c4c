#include "weft/frontends/nn/pooling.h"

#include <fmt/format.h>

#include "weft/graph/located.h"
#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/indexing.h"
#include "weft/ops/layout.h"
#include "weft/ops/patches.h"
#include "weft/ops/pool.h"
#include "weft/ops/random.h"
#include "weft/ops/reduce.h"
#include "weft/ops/rounding.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"

namespace weft::nn {
namespace {

const Value& expect_sized_pictures(const Value& x) {
  const Shape& shape = x.shape();
  if (shape.rank() == 4 && shape[1].is_number() && shape[2].is_number() && shape[3].is_number()) return x;
  throw Error(ErrorCode::shape_mismatch, "it takes pictures of a known size",
              {.expected = "[batch, channels, height, width] with numbers behind the batch",
               .actual = to_string(x.type())});
}

/// The elements of each window and what shape their pooling has.
struct Windows {
  Windows(const Value& x, const Size2d& window, const Size2d& stride) {
    const Size2d step{stride.height == 0 ? window.height : stride.height,
                      stride.width == 0 ? window.width : stride.width};
    const std::int64_t count = window.height * window.width;
    const Value patches = unfold2d(x, window, {.stride = step});  // [batch, channels * count, positions]
    const Shape& shape = x.shape();
    const Dim rows = Dim((shape[2].size() - window.height) / step.height + 1);
    const Dim columns = Dim((shape[3].size() - window.width) / step.width + 1);
    elements = move_axis(reshape(patches, Shape{shape[0], shape[1], count, rows, columns}), 2, -1);
    pooled = Shape{shape[0], shape[1], rows, columns};
  }
  Value elements;  // [batch, channels, rows, columns, count]
  Shape pooled;
};

/// The largest elements along one axis of `size` windows whose steps are drawn.
Value fractional_max(const Value& x, std::int64_t axis, std::int64_t window, std::int64_t size,
                     const Where& where) {
  const std::int64_t from = x.shape()[static_cast<std::size_t>(axis)].size();
  if (window < 1 || size < 1 || window > from || size > from - window + 1) {
    throw Error(
        ErrorCode::invalid_argument, "the windows do not fit",
        {.expected = fmt::format("a window of 1 to {} and a size of 1 to {}", from, from - window + 1),
         .actual = fmt::format("{} and {}", window, size)});
  }
  Graph& graph = x.graph();
  const Value numbers = positions(broadcast_to(constant(graph, 0.0, f64), {size}), 0, f64);
  const double length = size > 1 ? static_cast<double>(from - window) / static_cast<double>(size - 1) : 0.0;
  const Value u = random_uniform(graph, f64, {}, 0.0, 1.0, where);
  const Value drawn = floor((numbers + u) * length) - floor(u * length);
  const Value is_last =
      numbers >= static_cast<double>(size - 1);  // the last window ends where the picture does
  const Value starts = cast(weft::where(is_last, static_cast<double>(from - window), drawn), i64);
  Value largest = take(x, starts, axis);
  for (std::int64_t i = 1; i < window; ++i) largest = maximum(largest, take(x, starts + i, axis));
  return largest;
}

}  // namespace

Value spatial_pyramid_pool(const Operand& x, const std::vector<std::int64_t>& levels) {
  return located("spatial_pyramid_pool", x.where(), [&] {
    const Value value = x.value("spatial_pyramid_pool");
    const Scope origin(value.graph(), "spatial_pyramid_pool", x.where());
    std::vector<Value> parts;
    for (const std::int64_t level : levels)
      parts.push_back(flatten(adaptive_max_pool(value, {level, level})));
    return concat(parts, 1, x.where());
  });
}

Value StochasticPool2d::operator()(const Operand& x) const {
  return located("stochastic_pool2d", x.where(), [&] {
    const Value value = expect_sized_pictures(x.value("stochastic_pool2d"));
    const Scope origin(value.graph(), "stochastic_pool2d", x.where());
    const Value elements = Windows(value, window, stride).elements;
    const Value whole = sum(elements, {-1});
    return sum(square(elements), {-1}) / weft::where(equal(whole, 0.0), 1.0, whole);
  });
}

Value StochasticPool2d::train(const Operand& x) const {
  return located("stochastic_pool2d", x.where(), [&] {
    const Value value = expect_sized_pictures(x.value("stochastic_pool2d"));
    const Scope origin(value.graph(), "stochastic_pool2d", x.where());
    const Windows windows(value, window, stride);
    // Zeros have the logarithm -infinity and are not drawn; in a window of zeros any element will do.
    const Value drawn = random_categorical(Operand(log(windows.elements), x.where()));
    return squeeze(take_along_axis(windows.elements, expand_dims(drawn, -1), -1), -1);
  });
}

Value fractional_max_pool2d(const Operand& x, const Size2d& window, const Size2d& size) {
  return located("fractional_max_pool2d", x.where(), [&] {
    const Value value = expect_sized_pictures(x.value("fractional_max_pool2d"));
    const Scope origin(value.graph(), "fractional_max_pool2d", x.where());
    const Value rows = fractional_max(value, 2, window.height, size.height, x.where());
    return fractional_max(rows, 3, window.width, size.width, x.where());
  });
}

}  // namespace weft::nn
