#include "weft/frontends/nn/conv.h"

#include <fmt/format.h>

#include <cmath>

#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/pool.h"
#include "weft/ops/source.h"

namespace weft::nn {
namespace {

std::int64_t channels_of(std::string_view name, const TensorType& x, Where where) {
  if (x.shape.rank() == 4 && is_float(x.dtype) && x.shape[1].is_number()) return x.shape[1].size();
  throw Error(ErrorCode::shape_mismatch, "a convolution takes pictures",
              {.op = "conv2d",
               .node = std::string(name),
               .expected = "f32 or f64 [batch, channels, height, width], with a number of channels",
               .actual = to_string(x),
               .where = to_string(where)});
}

}  // namespace

Value Conv2dLayer::operator()(const Operand& x) const {
  const TensorType& type = x.value("conv2d").type();
  expect_value(weight, "conv2d", "the weight of the layer", x.where());
  const std::int64_t channels = weight.shape()[1].size() * sliding.groups;
  expect_input("conv2d", weight, type, type.shape.rank() == 4 && type.shape[1].is(channels),
               fmt::format("[batch, {}, height, width]", channels), x.where());
  const Scope origin(weight.graph(), "", x.where());
  const Value y = weft::conv2d(x, weight, sliding);
  return !bias.has_value() ? y : y + reshape(bias, {1, -1, 1, 1});
}

std::vector<Value> Conv2dLayer::parameters() const {
  return bias.has_value() ? std::vector<Value>{weight, bias} : std::vector<Value>{weight};
}

Conv2dLayer conv2d(Graph& graph, std::string_view name, std::int64_t channels, std::int64_t filters,
                   const Size2d& kernel, DType dtype, const Conv2dLayerOptions& options, Where where) {
  const std::int64_t groups = options.sliding.groups;
  if (groups < 1 || channels % groups != 0 || filters % groups != 0) {
    throw Error(ErrorCode::invalid_argument, "the groups do not divide the channels and the filters",
                {.op = "conv2d",
                 .node = std::string(name),
                 .expected = fmt::format("divisors of {} and {}", channels, filters),
                 .actual = std::to_string(groups),
                 .where = to_string(where)});
  }
  const Transaction whole(graph);
  const Scope origin(graph, name, where);
  const std::int64_t area = kernel.height * kernel.width;
  InitializerArgs args{.graph = graph,
                       .dtype = dtype,
                       .shape = {filters, channels / groups, kernel.height, kernel.width},
                       .fan_in = channels / groups * area,
                       .fan_out = filters / groups * area,
                       .where = where};
  Conv2dLayer layer{.weight = {}, .bias = {}, .sliding = options.sliding};
  layer.weight = parameter(graph, "weight", options.weight_initializer(args), where);
  args.shape = {filters};
  if (options.bias) layer.bias = parameter(graph, "bias", options.bias_initializer(args), where);
  return layer;
}

Lazy<Conv2dLayer> conv2d(Graph& graph, std::string_view name, std::int64_t filters, const Size2d& kernel,
                         const Conv2dLayerOptions& options, Where where) {
  return {
      graph, name,
      [&graph, filters, kernel, options, where](std::string_view full, const TensorType& x, Where applied) {
        return conv2d(graph, full, channels_of(full, x, applied), filters, kernel, x.dtype, options, where);
      }};
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
