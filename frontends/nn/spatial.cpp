#include "weft/frontends/nn/spatial.h"

#include <fmt/format.h>

#include <algorithm>

#include "weft/ops/layout.h"
#include "weft/ops/reduce.h"

namespace weft::nn {
namespace {

void expect(bool holds, ErrorCode code, std::string_view layer, std::string_view expected, std::string actual,
            const Operand& x) {
  if (holds) return;
  throw Error(code, "the layer cannot do that",
              {.op = std::string(layer),
               .expected = std::string(expected),
               .actual = std::move(actual),
               .where = to_string(x.where())});
}

/// The dimensions of x; throws unless there are at least two.
std::vector<Dim> image_dims(std::string_view layer, const Operand& x) {
  const Shape& shape = x.value(layer).shape();
  expect(shape.rank() >= 2, ErrorCode::shape_mismatch, layer, "[..., height, width]", to_string(shape), x);
  return shape.dims();
}

/// Zeros before and after along one axis.
Value pad_axis(const Value& x, std::size_t axis, std::int64_t before, std::int64_t after) {
  if (before == 0 && after == 0) return x;
  std::vector<Dim> dims = x.shape().dims();
  const Dim stop = dims[axis] + before;
  dims[axis] = stop + after;
  const Slice inside{.axis = static_cast<std::int64_t>(axis), .start = before, .stop = stop, .step = 1};
  return apply(Unslice{.slices = {inside}, .shape = Shape(std::move(dims))}, x);
}

/// All axes after the first two.
Axes spatial_axes(std::string_view layer, const Operand& x) {
  const Shape& shape = x.value(layer).shape();
  expect(shape.rank() > 2, ErrorCode::shape_mismatch, layer, "[batch, channels, ...]", to_string(shape), x);
  Axes axes;
  for (std::size_t axis = 2; axis < shape.rank(); ++axis) axes.push_back(static_cast<std::int64_t>(axis));
  return axes;
}

}  // namespace

Value zero_padding(const Operand& x, const Padding& padding) {
  const std::size_t rank = image_dims("zero_padding", x).size();
  const auto [top, bottom, left, right] = padding;
  expect(std::min({top, bottom, left, right}) >= 0, ErrorCode::invalid_argument, "zero_padding",
         "no negative padding", fmt::format("{}, {}, {}, {}", top, bottom, left, right), x);
  const Scope origin(x.value().graph(), "zero_padding", x.where());
  return pad_axis(pad_axis(x.value(), rank - 2, top, bottom), rank - 1, left, right);
}

Value upsample_nearest(const Operand& x, std::int64_t factor) {
  const std::vector<Dim> dims = image_dims("upsample_nearest", x);
  expect(factor >= 1, ErrorCode::invalid_argument, "upsample_nearest", "a factor >= 1",
         std::to_string(factor), x);
  const Scope origin(x.value().graph(), "upsample_nearest", x.where());
  const Dim& height = dims[dims.size() - 2];
  const Dim& width = dims[dims.size() - 1];
  const auto with_image = [&](std::initializer_list<Dim> image) {
    std::vector<Dim> all(dims.begin(), dims.end() - 2);
    all.insert(all.end(), image);
    return Shape(std::move(all));
  };
  const Value apart = reshape(x, with_image({height, 1, width, 1}));
  const Value blocks = broadcast_to(apart, with_image({height, factor, width, factor}));
  return reshape(blocks, with_image({height * factor, width * factor}));
}

Value Upsample::operator()(const Operand& x) const {
  const std::vector<Dim> dims = image_dims("upsample", x);
  expect(factor.height >= 1 && factor.width >= 1, ErrorCode::invalid_argument, "upsample", "factors >= 1",
         attribute_text(factor), x);
  return resize(x, {dims[dims.size() - 2] * factor.height, dims[dims.size() - 1] * factor.width}, options);
}

Value global_mean_pool(const Operand& x) { return mean(x, spatial_axes("global_mean_pool", x)); }
Value global_max_pool(const Operand& x) { return max(x, spatial_axes("global_max_pool", x)); }

Value Flatten::operator()(const Operand& x) const { return flatten(x); }
Value MaxPool2d::operator()(const Operand& x) const { return max_pool2d(x, options); }
Value AvgPool2d::operator()(const Operand& x) const { return avg_pool2d(x, options, count_include_pad); }

}  // namespace weft::nn
