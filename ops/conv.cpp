#include "weft/ops/conv.h"

#include <fmt/format.h>

#include "weft/graph/located.h"
#include "weft/ops/layout.h"

namespace weft {
namespace {

constexpr std::string_view kKernels = "[filters, channels / groups, kernel height, kernel width]";
constexpr std::string_view kVolumeKernels =
    "[filters, channels / groups, kernel depth, kernel height, kernel width]";

void expect_groups(std::int64_t groups, const Shape& x, const Shape& w) {
  if (groups < 1) {
    throw Error(ErrorCode::invalid_argument, "a convolution has at least one group",
                {.expected = "groups >= 1", .actual = std::to_string(groups)});
  }
  const std::int64_t channels = x[1].size();
  const std::int64_t filters = w[0].size();
  if (channels % groups != 0 || filters % groups != 0) {
    throw Error(ErrorCode::shape_mismatch, "the groups do not divide the channels and the filters",
                {.expected = fmt::format("multiples of {}", groups),
                 .actual = fmt::format("{} channels and {} filters", channels, filters)});
  }
  if (w[1].size() != channels / groups) {
    throw Error(ErrorCode::shape_mismatch, "the channels differ",
                {.expected = fmt::format("weights of {} channels", channels / groups),
                 .actual = std::to_string(w[1].size())});
  }
}

void expect_fit(const TensorType& expected, const TensorType& dy) {
  if (expected == dy) return;
  throw Error(ErrorCode::shape_mismatch, "the gradient does not fit the convolution",
              {.expected = to_string(expected), .actual = to_string(dy)});
}

/// Checks what the two operands share, and that all sizes of the weights are numbers.
template <std::size_t Axes>
void expect_operands(const TensorType& x, const TensorType& w, std::int64_t groups) {
  if (x.dtype != w.dtype || !is_float(x.dtype)) {
    throw Error(ErrorCode::dtype_mismatch, "a convolution takes two tensors of one floating dtype",
                {.expected = "f32 or f64, twice",
                 .actual = fmt::format("{} and {}", name_of(x.dtype), name_of(w.dtype))});
  }
  expect_axes(Axes + 2, x, spatial_form(Axes), {1});
  if constexpr (Axes == 2) expect_axes(4, w, kKernels, {0, 1, 2, 3});
  if constexpr (Axes == 3) expect_axes(5, w, kVolumeKernels, {0, 1, 2, 3, 4});
  expect_groups(groups, x.shape, w.shape);
}

}  // namespace

template <std::size_t Axes>
TensorType Conv<Axes>::infer(const TensorType& x, const TensorType& w) const {
  expect_operands<Axes>(x, w, this->groups);
  std::vector<Dim> dims{x.shape[0], w.shape[0]};
  for (std::size_t i = 0; i < Axes; ++i) {
    dims.push_back(window_positions({.window = w.shape[2 + i].size(),
                                     .stride = this->stride.values()[i],
                                     .dilation = this->dilation.values()[i],
                                     .before = this->padding.before()[i],
                                     .after = this->padding.after()[i]},
                                    x.shape[2 + i], spatial_axis_name(i, Axes)));
  }
  return {x.dtype, Shape(std::move(dims))};
}
template <std::size_t Axes>
std::array<Value, 2> Conv<Axes>::gradient(Value x, Value w, Value, Value dy) const {
  return {apply(ConvInputGradient<Axes>{this->options(), x.shape()}, dy, w),
          apply(ConvWeightGradient<Axes>{this->options(), w.shape()}, x, dy)};
}

template <std::size_t Axes>
TensorType ConvInputGradient<Axes>::infer(const TensorType& dy, const TensorType& w) const {
  TensorType x{dy.dtype, shape};
  expect_fit(Conv<Axes>{this->options()}.infer(x, w), dy);
  return x;
}
template <std::size_t Axes>
std::array<Value, 2> ConvInputGradient<Axes>::gradient(Value dy, Value w, Value, Value ddx) const {
  return {apply(Conv<Axes>{this->options()}, ddx, w),
          apply(ConvWeightGradient<Axes>{this->options(), w.shape()}, ddx, dy)};
}

template <std::size_t Axes>
TensorType ConvWeightGradient<Axes>::infer(const TensorType& x, const TensorType& dy) const {
  TensorType w{x.dtype, shape};
  expect_fit(Conv<Axes>{this->options()}.infer(x, w), dy);
  return w;
}
template <std::size_t Axes>
std::array<Value, 2> ConvWeightGradient<Axes>::gradient(Value x, Value dy, Value, Value ddw) const {
  return {apply(ConvInputGradient<Axes>{this->options(), x.shape()}, dy, ddw),
          apply(Conv<Axes>{this->options()}, x, ddw)};
}

template struct Conv<2>;
template struct Conv<3>;
template struct ConvInputGradient<2>;
template struct ConvInputGradient<3>;
template struct ConvWeightGradient<2>;
template struct ConvWeightGradient<3>;

template <std::size_t Axes>
ConvSizes conv_sizes(const ConvOptions<Axes>& options, std::span<const std::int64_t> x,
                     std::span<const std::int64_t> w, std::span<const std::int64_t> y) {
  ConvSizes sizes{.axes = Axes, .groups = options.groups, .batch = x[0], .channels = x[1], .filters = w[0]};
  for (std::size_t i = 0; i < Axes; ++i) {
    const std::size_t to = sizes.x.size() - Axes + i;
    sizes.x[to] = x[2 + i];
    sizes.kernel[to] = w[2 + i];
    sizes.y[to] = y[2 + i];
    sizes.stride[to] = options.stride.values()[i];
    sizes.dilation[to] = options.dilation.values()[i];
    sizes.before[to] = options.padding.before()[i];
    sizes.after[to] = options.padding.after()[i];
  }
  return sizes;
}
template ConvSizes conv_sizes<2>(const ConvOptions<2>&, std::span<const std::int64_t>,
                                 std::span<const std::int64_t>, std::span<const std::int64_t>);
template ConvSizes conv_sizes<3>(const ConvOptions<3>&, std::span<const std::int64_t>,
                                 std::span<const std::int64_t>, std::span<const std::int64_t>);

namespace {

/// A signal as a picture of one row, and a kernel of a signal as one of pictures.
Value one_row(const Value& x) {
  if (x.shape().rank() != 3) {
    throw Error(ErrorCode::shape_mismatch, "it takes three axes",
                {.expected = fmt::format("{} and [filters, channels / groups, kernel width]", kSignals),
                 .actual = to_string(x.shape())});
  }
  return reshape(x, Shape{x.shape()[0], x.shape()[1], 1, x.shape()[2]});
}
Value without_rows(const Value& y) { return reshape(y, Shape{y.shape()[0], y.shape()[1], y.shape()[3]}); }
Conv2dOptions of_one_row(const Conv1dOptions& options) {
  return {.stride = {1, options.stride.width},
          .padding = {0, 0, options.padding.left, options.padding.right},
          .dilation = {1, options.dilation.width},
          .groups = options.groups};
}

void expect_output_padding(std::int64_t padding, std::int64_t stride, std::string_view axis) {
  if (padding >= 0 && padding < stride) return;
  throw Error(ErrorCode::invalid_argument,
              fmt::format("the output padding along the {} is smaller than the stride", axis),
              {.expected = fmt::format("0 to {}", stride - 1), .actual = std::to_string(padding)});
}

/// How many elements a transposed convolution makes of `size` along one axis.
Dim spread_size(const WindowAxis& axis, std::int64_t output_padding, const Dim& size, std::string_view what) {
  static_cast<void>(window_positions({.window = 1, .stride = axis.stride}, size, what));
  static_cast<void>(window_positions({.window = axis.window, .dilation = axis.dilation}, Dim("n"), what));
  static_cast<void>(window_positions({.before = axis.before, .after = axis.after}, size, what));
  expect_output_padding(output_padding, axis.stride, what);
  const Dim whole = (size - 1) * axis.stride + axis.reach() + output_padding;
  const std::int64_t padding = axis.before + axis.after;
  if (!whole.is_number() || whole.size() > padding) return whole - padding;
  throw Error(
      ErrorCode::shape_mismatch, fmt::format("nothing is left of the {} without the padding", what),
      {.expected = fmt::format("a padding below {}", whole.size()), .actual = std::to_string(padding)});
}

template <std::size_t Axes>
Shape transposed_shape(const TensorType& x, const TensorType& w, const ConvTransposeOptions<Axes>& options) {
  expect_axes(Axes + 2, x, spatial_form(Axes), {1});
  expect_axes(Axes + 2, w, Axes == 2 ? kKernels : kVolumeKernels);
  const std::optional<Dim> filters =
      w.shape[1].is_number() ? std::optional(w.shape[1] * options.groups) : std::nullopt;
  if (!filters || options.groups < 1) {
    throw Error(ErrorCode::invalid_argument, "a convolution has at least one group, and weights of numbers",
                {.expected = "groups >= 1", .actual = std::to_string(options.groups)});
  }
  std::vector<Dim> dims{x.shape[0], *filters};
  for (std::size_t i = 0; i < Axes; ++i) {
    dims.push_back(spread_size({.window = w.shape[2 + i].size(),
                                .stride = options.stride.values()[i],
                                .dilation = options.dilation.values()[i],
                                .before = options.padding.before()[i],
                                .after = options.padding.after()[i]},
                               options.output_padding.values()[i], x.shape[2 + i],
                               spatial_axis_name(i, Axes)));
  }
  return Shape(std::move(dims));
}

template <std::size_t Axes>
Value transposed(const Value& x, const Value& w, const ConvTransposeOptions<Axes>& options) {
  return apply(ConvInputGradient<Axes>{options.options(), transposed_shape(x.type(), w.type(), options)}, x,
               w);
}

/// What `build` makes of two operands, as the function `name` that a user called.
template <typename Build>
Value built(std::string_view name, const Operand& x, const Operand& w, const Build& build) {
  return located(name, x.where(), [&] {
    const Value value = x.value(name);
    const Scope origin(value.graph(), name, x.where());
    return build(value, w.value(name));
  });
}

}  // namespace

Value conv2d(const Operand& x, const Operand& w, const Conv2dOptions& options) {
  return apply(Conv2d{options}, x, w);
}
Value conv1d(const Operand& x, const Operand& w, const Conv1dOptions& options) {
  return built("conv1d", x, w, [&](const Value& signals, const Value& kernels) {
    return without_rows(conv2d(one_row(signals), one_row(kernels), of_one_row(options)));
  });
}
Value conv3d(const Operand& x, const Operand& w, const Conv3dOptions& options) {
  return apply(Conv3d{options}, x, w);
}
Value conv2d_input_gradient(const Operand& dy, const Operand& w, const Shape& shape,
                            const Conv2dOptions& options) {
  return apply(Conv2dInputGradient{options, shape}, dy, w);
}
Value conv3d_input_gradient(const Operand& dy, const Operand& w, const Shape& shape,
                            const Conv3dOptions& options) {
  return apply(Conv3dInputGradient{options, shape}, dy, w);
}
Value conv2d_weight_gradient(const Operand& x, const Operand& dy, const Shape& shape,
                             const Conv2dOptions& options) {
  return apply(Conv2dWeightGradient{options, shape}, x, dy);
}
Value conv3d_weight_gradient(const Operand& x, const Operand& dy, const Shape& shape,
                             const Conv3dOptions& options) {
  return apply(Conv3dWeightGradient{options, shape}, x, dy);
}

Value conv_transpose2d(const Operand& x, const Operand& w, const ConvTransposeOptions<2>& options) {
  return built("conv_transpose2d", x, w, [&](const Value& pictures, const Value& kernels) {
    return transposed(pictures, kernels, options);
  });
}
Value conv_transpose3d(const Operand& x, const Operand& w, const ConvTransposeOptions<3>& options) {
  return built("conv_transpose3d", x, w, [&](const Value& volumes, const Value& kernels) {
    return transposed(volumes, kernels, options);
  });
}
Value conv_transpose1d(const Operand& x, const Operand& w, const ConvTransposeOptions<1>& options) {
  return built("conv_transpose1d", x, w, [&](const Value& signals, const Value& kernels) {
    const ConvTransposeOptions<2> rows{of_one_row(options), {0, options.output_padding.width}};
    return without_rows(transposed(one_row(signals), one_row(kernels), rows));
  });
}

template detail::Model detail::model_of(Conv2d);
template detail::Model detail::model_of(Conv2dInputGradient);
template detail::Model detail::model_of(Conv2dWeightGradient);
template detail::Model detail::model_of(Conv3d);
template detail::Model detail::model_of(Conv3dInputGradient);
template detail::Model detail::model_of(Conv3dWeightGradient);

}  // namespace weft
