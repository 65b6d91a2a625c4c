#include "weft/ops/conv.h"

#include <fmt/format.h>

namespace weft {
namespace {

constexpr std::string_view kWeights = "[filters, channels / groups, kernel height, kernel width]";

void expect_groups(const Conv2dOptions& options, const Shape& x, const Shape& w) {
  const std::int64_t groups = options.groups;
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

}  // namespace

TensorType Conv2d::infer(const TensorType& x, const TensorType& w) const {
  if (x.dtype != w.dtype || !is_float(x.dtype)) {
    throw Error(ErrorCode::dtype_mismatch, "a convolution takes two tensors of one floating dtype",
                {.expected = "f32 or f64, twice",
                 .actual = fmt::format("{} and {}", name_of(x.dtype), name_of(w.dtype))});
  }
  expect_four_axes(x, kPictures, {1});
  expect_four_axes(w, kWeights, {0, 1, 2, 3});
  expect_groups(*this, x.shape, w.shape);
  const Dim rows = window_positions({.window = w.shape[2].size(),
                                     .stride = stride.height,
                                     .dilation = dilation.height,
                                     .before = padding.top,
                                     .after = padding.bottom},
                                    x.shape[2], "height");
  const Dim columns = window_positions({.window = w.shape[3].size(),
                                        .stride = stride.width,
                                        .dilation = dilation.width,
                                        .before = padding.left,
                                        .after = padding.right},
                                       x.shape[3], "width");
  return {x.dtype, {x.shape[0], w.shape[0], rows, columns}};
}
std::array<Value, 2> Conv2d::gradient(Value x, Value w, Value, Value dy) const {
  return {conv2d_input_gradient(dy, w, x.shape(), *this), conv2d_weight_gradient(x, dy, w.shape(), *this)};
}

TensorType Conv2dInputGradient::infer(const TensorType& dy, const TensorType& w) const {
  TensorType x{dy.dtype, shape};
  expect_fit(Conv2d{options()}.infer(x, w), dy);
  return x;
}
std::array<Value, 2> Conv2dInputGradient::gradient(Value dy, Value w, Value, Value ddx) const {
  return {conv2d(ddx, w, *this), conv2d_weight_gradient(ddx, dy, w.shape(), *this)};
}

TensorType Conv2dWeightGradient::infer(const TensorType& x, const TensorType& dy) const {
  TensorType w{x.dtype, shape};
  expect_fit(Conv2d{options()}.infer(x, w), dy);
  return w;
}
std::array<Value, 2> Conv2dWeightGradient::gradient(Value x, Value dy, Value, Value ddw) const {
  return {conv2d_input_gradient(dy, ddw, x.shape(), *this), conv2d(x, ddw, *this)};
}

Value conv2d(const Operand& x, const Operand& w, const Conv2dOptions& options) {
  return apply(Conv2d{options}, x, w);
}
Value conv2d_input_gradient(const Operand& dy, const Operand& w, const Shape& shape,
                            const Conv2dOptions& options) {
  return apply(Conv2dInputGradient{options, shape}, dy, w);
}
Value conv2d_weight_gradient(const Operand& x, const Operand& dy, const Shape& shape,
                             const Conv2dOptions& options) {
  return apply(Conv2dWeightGradient{options, shape}, x, dy);
}

Conv2dSizes conv2d_sizes(std::span<const std::int64_t> x, std::span<const std::int64_t> w,
                         std::span<const std::int64_t> y) {
  return {.batch = x[0],
          .channels = x[1],
          .height = x[2],
          .width = x[3],
          .filters = w[0],
          .kernel_height = w[2],
          .kernel_width = w[3],
          .out_height = y[2],
          .out_width = y[3]};
}

}  // namespace weft
