#include "weft/frontends/nn/conv.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

#include "weft/graph/located.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/pool.h"
#include "weft/ops/source.h"

namespace weft::nn {
namespace {

template <std::size_t Axes>
constexpr std::string_view kConv = Axes == 1   ? "conv1d"
                                   : Axes == 2 ? "conv2d"
                                               : "conv3d";
template <std::size_t Axes>
constexpr std::string_view kTranspose = Axes == 1   ? "conv_transpose1d"
                                        : Axes == 2 ? "conv_transpose2d"
                                                    : "conv_transpose3d";

Value convolve(const Operand& x, const Value& w, const Conv1dOptions& options) {
  return weft::conv1d(x, w, options);
}
Value convolve(const Operand& x, const Value& w, const Conv2dOptions& options) {
  return weft::conv2d(x, w, options);
}
Value convolve(const Operand& x, const Value& w, const Conv3dOptions& options) {
  return weft::conv3d(x, w, options);
}
Value spread(const Operand& x, const Value& w, const ConvTransposeOptions<1>& options) {
  return weft::conv_transpose1d(x, w, options);
}
Value spread(const Operand& x, const Value& w, const ConvTransposeOptions<2>& options) {
  return weft::conv_transpose2d(x, w, options);
}
Value spread(const Operand& x, const Value& w, const ConvTransposeOptions<3>& options) {
  return weft::conv_transpose3d(x, w, options);
}

Size1d size_of(std::span<const Dim, 1> dims) { return {dims[0].size()}; }
Size2d size_of(std::span<const Dim, 2> dims) { return {dims[0].size(), dims[1].size()}; }
Size3d size_of(std::span<const Dim, 3> dims) { return {dims[0].size(), dims[1].size(), dims[2].size()}; }

/// The sizes of a layer's kernels.
template <std::size_t Axes>
WindowSize<Axes> kernel_of(const Value& weight) {
  return size_of(std::span<const Dim, Axes>(weight.shape().dims().data() + 2, Axes));
}

/// "height, width", and so on.
template <std::size_t Axes>
std::string_view axis_names() {
  std::string_view form = spatial_form(Axes);
  constexpr std::string_view kFirst = "[batch, channels, ";
  form.remove_prefix(kFirst.size());
  form.remove_suffix(1);
  return form;
}

template <std::size_t Axes>
std::int64_t channels_of(std::string_view name, const TensorType& x, Where where) {
  if (x.shape.rank() == Axes + 2 && is_float(x.dtype) && x.shape[1].is_number()) return x.shape[1].size();
  constexpr std::string_view kWhat = Axes == 1 ? "signals" : Axes == 2 ? "pictures" : "volumes";
  throw Error(ErrorCode::shape_mismatch, fmt::format("a convolution takes {}", kWhat),
              {.op = std::string(kConv<Axes>),
               .node = std::string(name),
               .expected = fmt::format("f32 or f64 {}, with a number of channels", spatial_form(Axes)),
               .actual = to_string(x),
               .where = to_string(where)});
}

void expect_dividing_groups(std::string_view op, std::string_view name, std::int64_t groups,
                            std::int64_t channels, std::int64_t filters, Where where) {
  if (groups >= 1 && channels % groups == 0 && filters % groups == 0) return;
  throw Error(ErrorCode::invalid_argument, "the groups do not divide the channels and the filters",
              {.op = std::string(op),
               .node = std::string(name),
               .expected = fmt::format("divisors of {} and {}", channels, filters),
               .actual = std::to_string(groups),
               .where = to_string(where)});
}

/// Checks x, applies `convolved` in the layer's name and adds the bias along the channels.
template <std::size_t Axes, typename Convolved>
Value applied(const Operand& x, std::string_view op, const Value& weight, const Value& bias,
              std::int64_t channels, const Convolved& convolved) {
  const Value value = x.value(op);
  const TensorType& type = value.type();
  expect_input(op, weight, type, type.shape.rank() == Axes + 2 && type.shape[1].is(channels),
               fmt::format("[batch, {}, {}]", channels, axis_names<Axes>()), x.where());
  const Scope origin(weight.graph(), "", x.where());
  const Value y = convolved(value);
  if (!bias.has_value()) return y;
  std::vector<Dim> along_channels(Axes + 2, Dim(1));
  along_channels[1] = bias.shape()[0];
  return y + reshape(bias, Shape(std::move(along_channels)));
}

/// The two parameters of a layer, of which the second is empty without a bias.
struct ConvParameters {
  Value weight;
  Value bias;
};

/// `first` and `second` are the first two sizes of the weights.
template <std::size_t Axes, typename Options>
ConvParameters parameters_of(Graph& graph, std::string_view name, std::array<std::int64_t, 2> first,
                             std::int64_t channels, std::int64_t filters, const WindowSize<Axes>& kernel,
                             DType dtype, const Options& options, Where where) {
  const Transaction whole(graph);
  const Scope origin(graph, name, where);
  std::vector<std::int64_t> sizes(first.begin(), first.end());
  for (const std::int64_t size : kernel.values()) sizes.push_back(size);
  const std::int64_t taps = checked_elements(kernel.values());
  const std::int64_t groups = options.sliding.groups;
  InitializerArgs args{.graph = graph,
                       .dtype = dtype,
                       .shape = Shape::of(sizes),
                       .fan_in = channels / groups * taps,
                       .fan_out = filters / groups * taps,
                       .where = where};
  ConvParameters made{.weight = parameter(graph, "weight", options.weight_initializer(args), where),
                      .bias = {}};
  args.shape = {filters};
  if (options.bias) made.bias = parameter(graph, "bias", options.bias_initializer(args), where);
  return made;
}

template <std::size_t Axes>
ConvLayer<Axes> conv_layer(Graph& graph, std::string_view name, std::int64_t channels, std::int64_t filters,
                           const WindowSize<Axes>& kernel, DType dtype, const ConvLayerOptions<Axes>& options,
                           Where where) {
  const std::int64_t groups = options.sliding.groups;
  expect_dividing_groups(kConv<Axes>, name, groups, channels, filters, where);
  auto [weight, bias] = parameters_of<Axes>(graph, name, {filters, channels / groups}, channels, filters,
                                            kernel, dtype, options, where);
  return {.weight = weight, .bias = bias, .sliding = options.sliding, .same = options.same};
}

template <std::size_t Axes>
Lazy<ConvLayer<Axes>> lazy_conv_layer(Graph& graph, std::string_view name, std::int64_t filters,
                                      const WindowSize<Axes>& kernel, const ConvLayerOptions<Axes>& options,
                                      Where where) {
  return {graph, name,
          [&graph, filters, kernel, options, where](std::string_view full, const TensorType& x,
                                                    Where applied_at) {
            return conv_layer<Axes>(graph, full, channels_of<Axes>(full, x, applied_at), filters, kernel,
                                    x.dtype, options, where);
          }};
}

template <std::size_t Axes>
ConvTransposeLayer<Axes> transpose_layer(Graph& graph, std::string_view name, std::int64_t channels,
                                         std::int64_t filters, const WindowSize<Axes>& kernel, DType dtype,
                                         const ConvTransposeLayerOptions<Axes>& options, Where where) {
  const std::int64_t groups = options.sliding.groups;
  expect_dividing_groups(kTranspose<Axes>, name, groups, channels, filters, where);
  auto [weight, bias] = parameters_of<Axes>(graph, name, {channels, filters / groups}, channels, filters,
                                            kernel, dtype, options, where);
  return {.weight = weight, .bias = bias, .sliding = options.sliding};
}

std::vector<Value> both(const Value& weight, const Value& bias) {
  return bias.has_value() ? std::vector<Value>{weight, bias} : std::vector<Value>{weight};
}

}  // namespace

template <std::size_t Axes>
Value ConvLayer<Axes>::operator()(const Operand& x) const {
  expect_value(weight, kConv<Axes>, "the weight of the layer", x.where());
  const std::int64_t channels = weight.shape()[1].size() * sliding.groups;
  return applied<Axes>(x, kConv<Axes>, weight, bias, channels, [&](const Value& value) {
    ConvOptions<Axes> options = sliding;
    if (same) {
      options.padding = located(kConv<Axes>, x.where(), [&] {
        return same_padding(value.shape(), kernel_of<Axes>(weight), sliding.stride, sliding.dilation);
      });
    }
    return convolve(Operand(value, x.where()), weight, options);
  });
}
template <std::size_t Axes>
std::vector<Value> ConvLayer<Axes>::parameters() const {
  return both(weight, bias);
}

template <std::size_t Axes>
Value ConvTransposeLayer<Axes>::operator()(const Operand& x) const {
  expect_value(weight, kTranspose<Axes>, "the weight of the layer", x.where());
  return applied<Axes>(x, kTranspose<Axes>, weight, bias, weight.shape()[0].size(), [&](const Value& value) {
    return spread(Operand(value, x.where()), weight, sliding);
  });
}
template <std::size_t Axes>
std::vector<Value> ConvTransposeLayer<Axes>::parameters() const {
  return both(weight, bias);
}

template struct ConvLayer<1>;
template struct ConvLayer<2>;
template struct ConvLayer<3>;
template struct ConvTransposeLayer<1>;
template struct ConvTransposeLayer<2>;
template struct ConvTransposeLayer<3>;

Conv1dLayer conv1d(Graph& graph, std::string_view name, std::int64_t channels, std::int64_t filters,
                   const Size1d& kernel, DType dtype, const Conv1dLayerOptions& options, Where where) {
  return conv_layer<1>(graph, name, channels, filters, kernel, dtype, options, where);
}
Conv2dLayer conv2d(Graph& graph, std::string_view name, std::int64_t channels, std::int64_t filters,
                   const Size2d& kernel, DType dtype, const Conv2dLayerOptions& options, Where where) {
  return conv_layer<2>(graph, name, channels, filters, kernel, dtype, options, where);
}
Conv3dLayer conv3d(Graph& graph, std::string_view name, std::int64_t channels, std::int64_t filters,
                   const Size3d& kernel, DType dtype, const Conv3dLayerOptions& options, Where where) {
  return conv_layer<3>(graph, name, channels, filters, kernel, dtype, options, where);
}
Lazy<Conv1dLayer> conv1d(Graph& graph, std::string_view name, std::int64_t filters, const Size1d& kernel,
                         const Conv1dLayerOptions& options, Where where) {
  return lazy_conv_layer<1>(graph, name, filters, kernel, options, where);
}
Lazy<Conv2dLayer> conv2d(Graph& graph, std::string_view name, std::int64_t filters, const Size2d& kernel,
                         const Conv2dLayerOptions& options, Where where) {
  return lazy_conv_layer<2>(graph, name, filters, kernel, options, where);
}
Lazy<Conv3dLayer> conv3d(Graph& graph, std::string_view name, std::int64_t filters, const Size3d& kernel,
                         const Conv3dLayerOptions& options, Where where) {
  return lazy_conv_layer<3>(graph, name, filters, kernel, options, where);
}

ConvTransposeLayer<1> conv_transpose1d(Graph& graph, std::string_view name, std::int64_t channels,
                                       std::int64_t filters, const Size1d& kernel, DType dtype,
                                       const ConvTransposeLayerOptions<1>& options, Where where) {
  return transpose_layer<1>(graph, name, channels, filters, kernel, dtype, options, where);
}
ConvTransposeLayer<2> conv_transpose2d(Graph& graph, std::string_view name, std::int64_t channels,
                                       std::int64_t filters, const Size2d& kernel, DType dtype,
                                       const ConvTransposeLayerOptions<2>& options, Where where) {
  return transpose_layer<2>(graph, name, channels, filters, kernel, dtype, options, where);
}
ConvTransposeLayer<3> conv_transpose3d(Graph& graph, std::string_view name, std::int64_t channels,
                                       std::int64_t filters, const Size3d& kernel, DType dtype,
                                       const ConvTransposeLayerOptions<3>& options, Where where) {
  return transpose_layer<3>(graph, name, channels, filters, kernel, dtype, options, where);
}

Conv2dLayer depthwise_conv2d(Graph& graph, std::string_view name, std::int64_t channels, const Size2d& kernel,
                             std::int64_t multiplier, DType dtype, const Conv2dLayerOptions& options,
                             Where where) {
  Conv2dLayerOptions of_each = options;
  of_each.sliding.groups = channels;
  return conv2d(graph, name, channels, (Dim(channels) * multiplier).size(), kernel, dtype, of_each, where);
}

Value SeparableConv2dLayer::operator()(const Operand& x) const { return pointwise(depthwise(x)); }
std::vector<Value> SeparableConv2dLayer::parameters() const {
  std::vector<Value> all = depthwise.parameters();
  std::ranges::copy(pointwise.parameters(), std::back_inserter(all));
  return all;
}
SeparableConv2dLayer separable_conv2d(Graph& graph, std::string_view name, std::int64_t channels,
                                      std::int64_t filters, const Size2d& kernel, std::int64_t multiplier,
                                      DType dtype, const Conv2dLayerOptions& options, Where where) {
  const Transaction whole(graph);
  const Scope origin(graph, name, where);
  Conv2dLayerOptions first = options;
  first.bias = false;
  Conv2dLayerOptions second = options;
  second.sliding = {};
  second.same = false;
  return {
      .depthwise = depthwise_conv2d(graph, "depthwise", channels, kernel, multiplier, dtype, first, where),
      .pointwise = conv2d(graph, "pointwise", channels * multiplier, filters, 1, dtype, second, where)};
}

Value local_response_norm(const Operand& x, const LocalResponseNormOptions& options) {
  const Value value = x.value("local_response_norm");
  const Scope origin(value.graph(), "local_response_norm", x.where());
  const auto refuse = [&](ErrorCode code, const char* message, const char* expected,
                          const std::string& actual) {
    throw Error(
        code, message,
        {.op = "local_response_norm", .expected = expected, .actual = actual, .where = to_string(x.where())});
  };
  if (options.size < 1 || options.size % 2 == 0)
    refuse(ErrorCode::invalid_argument, "a window of channels has a middle", "an odd size",
           std::to_string(options.size));
  if (!(options.alpha >= 0.0) || !(options.k >= 0.0))
    refuse(ErrorCode::invalid_argument, "a divisor is not negative", "alpha >= 0 and k >= 0",
           fmt::format("alpha={}, k={}", options.alpha, options.k));
  const Shape& shape = value.shape();
  if (shape.rank() != 4)
    refuse(ErrorCode::shape_mismatch, "it takes pictures", "[batch, channels, height, width]",
           to_string(shape));
  // If channels are seen as rows, a window of channels is a pooling window of one column.
  const Shape rows{shape[0], 1, shape[1], shape[2] * shape[3]};
  const Pool2dOptions window{.window = {options.size, 1}, .stride = 1, .padding = {options.size / 2, 0}};
  // With u^2 = alpha x^2 / k, the divisor is (k (1 + mean(u^2)))^beta. Both terms are made small before u is
  // squared, so that it has room, and the root of their sum large again. The power of the root is divided by
  // twice.
  const double unit = options.k > 0.0 ? options.k : 1.0;
  const double shift = options.k > 0.0 ? 0x1p-60 : 1.0;
  const Value small = value * (shift * std::sqrt(options.alpha / unit));
  const Value mean_square = reshape(avg_pool2d(reshape(square(small), rows), window), shape);
  const Value root = sqrt(mean_square + shift * shift * options.k / unit) * (std::sqrt(unit) / shift);
  const Value power = pow(root, options.beta);
  return value / power / power;
}

}  // namespace weft::nn
