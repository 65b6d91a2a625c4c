#include "weft/ops/pool.h"

#include <fmt/format.h>

#include <limits>

#include "weft/ops/gather.h"

namespace weft {
namespace {

Size2d stride_of(const Pool2dOptions& options) {
  return {options.stride.height == 0 ? options.window.height : options.stride.height,
          options.stride.width == 0 ? options.window.width : options.stride.width};
}

void expect_padding_below(std::int64_t window, std::int64_t before, std::int64_t after) {
  if (before < window && after < window) return;
  throw Error(
      ErrorCode::invalid_argument, "a padding must be smaller than the window",
      {.expected = fmt::format("less than {}", window), .actual = fmt::format("{} and {}", before, after)});
}

void expect_float(const TensorType& type) {
  if (is_float(type.dtype)) return;
  throw Error(ErrorCode::dtype_mismatch, "it takes floating-point pictures",
              {.expected = "f32 or f64", .actual = to_string(type)});
}

/// The type of one number for each window.
TensorType pooled_type(const Pool2dOptions& options, const TensorType& x) {
  expect_float(x);
  expect_four_axes(x, kPictures);
  const auto& [window, given, padding] = options;
  const Size2d stride = stride_of(options);
  const Dim rows = window_positions(
      {.window = window.height, .stride = stride.height, .before = padding.top, .after = padding.bottom},
      x.shape[2], "height");
  const Dim columns = window_positions(
      {.window = window.width, .stride = stride.width, .before = padding.left, .after = padding.right},
      x.shape[3], "width");
  expect_padding_below(window.height, padding.top, padding.bottom);
  expect_padding_below(window.width, padding.left, padding.right);
  return {x.dtype, {x.shape[0], x.shape[1], rows, columns}};
}

/// Checks that an i32 can count the elements of one plane; a run checks sizes that depend on symbols.
void expect_countable_planes(const Shape& shape) {
  const Dim elements = shape[2] * shape[3];
  if (!elements.is_number() || elements.size() <= std::numeric_limits<std::int32_t>::max()) return;
  throw Error(ErrorCode::shape_mismatch, "a plane has more elements than an i32 can count",
              {.expected = "fewer than 2^31", .actual = to_string(elements)});
}

void expect_indices_of_planes(const TensorType& planes, const TensorType& index) {
  expect_float(planes);
  expect_four_axes(planes, kPictures);
  expect_four_axes(index, kPictures);
  expect_countable_planes(planes.shape);
  const Shape expected{planes.shape[0], planes.shape[1], index.shape[2], index.shape[3]};
  if (index.dtype == DType::i32 && index.shape == expected) return;
  throw Error(index.dtype == DType::i32 ? ErrorCode::shape_mismatch : ErrorCode::dtype_mismatch,
              "the indices do not fit the planes",
              {.expected = to_string(TensorType{DType::i32, expected}), .actual = to_string(index)});
}

}  // namespace

std::array<TensorType, 2> MaxPool2d::infer(const TensorType& x) const {
  const TensorType y = pooled_type(*this, x);
  expect_countable_planes(x.shape);
  return {y, {DType::i32, y.shape}};
}
std::vector<Value> MaxPool2d::gradient(const GradientArgs& args) const {
  const Value& dy = args.output_gradients[0];
  if (!dy.has_value()) return {Value()};
  return {plane_scatter_add(dy, args.outputs[1], args.inputs[0].shape())};
}

TensorType PlaneGather::infer(const TensorType& x, const TensorType& index) const {
  expect_indices_of_planes(x, index);
  return {x.dtype, index.shape};
}
std::array<Value, 2> PlaneGather::gradient(Value x, Value index, Value, Value dy) const {
  return {plane_scatter_add(dy, index, x.shape()), Value()};
}

TensorType PlaneScatterAdd::infer(const TensorType& x, const TensorType& index) const {
  TensorType y{x.dtype, shape};
  expect_indices_of_planes(y, index);
  if (x.shape != index.shape) {
    throw Error(ErrorCode::shape_mismatch, "there must be one index for each element",
                {.expected = to_string(x.shape), .actual = to_string(index.shape)});
  }
  return y;
}
std::array<Value, 2> PlaneScatterAdd::gradient(Value, Value index, Value, Value dy) const {
  return {plane_gather(dy, index), Value()};
}

TensorType AvgPool2d::infer(const TensorType& x) const { return pooled_type(*this, x); }
Value AvgPool2d::gradient(Value x, Value, Value dy) const {
  return apply(AvgPool2dGradient{options(), count_include_pad, x.shape()}, dy);
}

TensorType AvgPool2dGradient::infer(const TensorType& dy) const {
  TensorType x{dy.dtype, shape};
  const TensorType y = pooled_type(*this, x);
  if (y != dy) {
    throw Error(ErrorCode::shape_mismatch, "the gradient does not fit the pooled shape",
                {.expected = to_string(y), .actual = to_string(dy)});
  }
  return x;
}
Value AvgPool2dGradient::gradient(Value, Value, Value ddx) const {
  return avg_pool2d(ddx, *this, count_include_pad);
}

Value max_pool2d(const Operand& x, const Pool2dOptions& options) { return apply(MaxPool2d{options}, x); }
Value avg_pool2d(const Operand& x, const Pool2dOptions& options, bool count_include_pad) {
  return apply(AvgPool2d{options, count_include_pad}, x);
}
Value plane_gather(const Operand& x, const Operand& index) { return apply(PlaneGather{}, x, index); }
Value plane_scatter_add(const Operand& x, const Operand& index, const Shape& shape) {
  return apply(PlaneScatterAdd{shape}, x, index);
}

Pool2dSizes pool2d_sizes(const Pool2dOptions& options, std::span<const std::int64_t> x,
                         std::span<const std::int64_t> y) {
  return {.planes = x[0] * x[1],
          .height = x[2],
          .width = x[3],
          .out_height = y[2],
          .out_width = y[3],
          .stride = stride_of(options)};
}

std::vector<double> avg_pool2d_divisors(const Pool2dOptions& options, bool count_include_pad,
                                        const Pool2dSizes& sizes) {
  const auto outputs = static_cast<std::size_t>(sizes.planes * sizes.out_height * sizes.out_width);
  const auto area = static_cast<double>(options.window.height * options.window.width);
  std::vector<double> divisors(outputs, count_include_pad ? area : 0.0);
  if (count_include_pad) return divisors;
  for_each_pooled(options, sizes, [&](std::size_t y, std::size_t, std::int64_t) { divisors[y] += 1.0; });
  return divisors;
}

void check_plane_indices(std::span<const std::int32_t> index, std::span<const std::int64_t> sizes) {
  const ConstArg all{.dtype = DType::i32,
                     .sizes = {},
                     .data = index.data(),
                     .elements = static_cast<std::int64_t>(index.size())};
  check_indices(all, sizes[2] * sizes[3], "index");
}

}  // namespace weft
