#include "weft/frontends/nn/norm.h"

#include <fmt/format.h>

#include "weft/frontends/nn/norm_parts.h"
#include "weft/graph/located.h"
#include "weft/ops/communication.h"
#include "weft/ops/control.h"
#include "weft/ops/layout.h"
#include "weft/ops/moments.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"

namespace weft::nn {

using detail::regularized;
using detail::size_of_axis;
using detail::vector_of;

namespace {

/// How a batch is divided into channels: the axes of one channel, and the shape in which a vector [channels]
/// broadcasts with x.
struct Channels {
  Axes axes;
  Shape aligned;
};

Channels channels_of(const Operand& x, const Value& scale, std::int64_t channel_axis) {
  const TensorType& type = x.value("batch_norm").type();
  const Shape& shape = type.shape;
  const std::size_t at =
      located("batch_norm", x.where(), [&] { return normalize_axis(channel_axis, shape.rank()); });
  expect_input("batch_norm", scale, type, shape[at] == scale.shape()[0],
               fmt::format(" with {} along axis {}", to_string(scale.shape()[0]), at), x.where());
  Channels channels;
  std::vector<Dim> dims(shape.rank(), Dim(1));
  dims[at] = shape[at];
  for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
    if (axis != at) channels.axes.push_back(static_cast<std::int64_t>(axis));
  }
  channels.aligned = Shape(std::move(dims));
  return channels;
}

// Both rules get {x, scale, shift, mean, size} with size = sqrt(deviation^2 + epsilon), and with
// h = (x - mean) / size and g = dy scale they give
//   dx = (g - mean(g) - h mean(g h)) / size, dscale = sum(dy h), dshift = sum(dy),
// in two passes over dy and x: mean(g h) comes from the sum of g (x - mean).

std::vector<Value> layer_norm_gradient(const GradientArgs& args) {
  const Value x = args.inputs[0];
  const Value scale = args.inputs[1];
  const Value mean = args.inputs[3];
  const Value size = args.inputs[4];
  const Value dy = args.output_gradients[0];
  const Value count = apply(Count{.axes = {-1}, .dtype = f64}, x);
  const Value narrow = cast(size, x.dtype());
  const Value h = (x - mean) / narrow;
  const Value g = dy * scale;
  const std::vector<Value> sums = apply_all(CentredSums{.axes = {-1}}, {g, x, mean});
  const Value share = sums[0] / cast(count, x.dtype());
  const Value product = cast(sums[1] / (size * count), x.dtype());
  return {(g - share - h * product) / narrow, dy * h, dy, Value(), Value()};
}

/// The moments of the rows of all ranks, each of which has `count` of them; `total` are all.
MomentsOf of_all_ranks(const MomentsOf& own, const Value& count, const Value& total) {
  const Value rows = maximum(total, 1.0);
  const Value centre = cast(own.mean, f64);
  const Value mean = all_reduce(centre * count) / rows;
  const Value variance = all_reduce((square(own.deviation) + square(centre - mean)) * count) / rows;
  return {.mean = cast(mean, own.mean.dtype()), .deviation = sqrt(variance)};
}

/// Here a scale belongs to a whole group, and the sums of dy itself will do. Of `all_ranks`, dx takes the
/// sums of all, while the gradients of scale and shift are this rank's share, as those of other parameters.
GradientRule batch_norm_gradient(const Channels& channels, bool all_ranks) {
  return [channels, all_ranks](const GradientArgs& args) -> std::vector<Value> {
    const auto over_ranks = [&](const Value& sum) { return all_ranks ? all_reduce(sum) : sum; };
    const Value x = args.inputs[0];
    const Value scale = args.inputs[1];
    const Value mean = args.inputs[3];
    const Value size = args.inputs[4];
    const Value dy = args.output_gradients[0];
    const Value count = maximum(over_ranks(apply(Count{.axes = channels.axes, .dtype = f64}, x)), 1.0);
    const Value narrow = cast(size, x.dtype());
    const std::vector<Value> sums = apply_all(CentredSums{.axes = channels.axes}, {dy, x, mean});
    const Value product = sums[1] / size;
    const Value share = over_ranks(sums[0]) / cast(count, x.dtype());
    const Value along = over_ranks(product) / count;
    const Value h = (x - mean) / narrow;
    const Value dx = (dy - share - h * cast(along, x.dtype())) * (reshape(scale, channels.aligned) / narrow);
    return {dx, reshape(cast(product, x.dtype()), scale.shape()), reshape(sums[0], scale.shape()), Value(),
            Value()};
  };
}

}  // namespace

LayerNorm layer_norm(Graph& graph, std::string_view name, std::int64_t features, DType dtype,
                     const NormOptions& options, Where where) {
  const Transaction whole(graph);
  const Scope origin(graph, name, where);
  return {.scale = vector_of(graph, "scale", features, dtype, 1.0, where),
          .shift = vector_of(graph, "shift", features, dtype, 0.0, where),
          .epsilon = options.epsilon};
}

Value LayerNorm::operator()(const Operand& x) const {
  const TensorType& type = x.value("layer_norm").type();
  expect_value(scale, "layer_norm", "the scale of the layer", x.where());
  const std::size_t rank = type.shape.rank();
  expect_input("layer_norm", scale, type, rank >= 1 && type.shape[rank - 1] == scale.shape()[0],
               fmt::format("[..., {}]", to_string(scale.shape()[0])), x.where());
  const Scope origin(scale.graph(), "", x.where());
  const auto [mean, deviation] = moments(x, {-1});
  const Value size = regularized(deviation, epsilon);
  const Value y = (x - mean) / cast(size, scale.dtype()) * scale + shift;
  return custom_gradient(y, {{x.value(), scale, shift, mean, size}}, layer_norm_gradient);
}

Lazy<LayerNorm> layer_norm(Graph& graph, std::string_view name, const NormOptions& options, Where where) {
  return {graph, name, [&graph, options, where](std::string_view full, const TensorType& x, Where applied) {
            return layer_norm(graph, full, size_of_axis("layer_norm", full, x, -1, applied), x.dtype, options,
                              where);
          }};
}

BatchNorm batch_norm(Graph& graph, std::string_view name, std::int64_t channels, DType dtype,
                     const BatchNormOptions& options, Where where) {
  const Transaction whole(graph);
  const Scope origin(graph, name, where);
  return {.scale = vector_of(graph, "scale", channels, dtype, 1.0, where),
          .shift = vector_of(graph, "shift", channels, dtype, 0.0, where),
          .running_mean = vector_of(graph, "running_mean", channels, dtype, 0.0, where),
          .running_variance = vector_of(graph, "running_variance", channels, dtype, 1.0, where),
          .options = options};
}

Lazy<BatchNorm> batch_norm(Graph& graph, std::string_view name, const BatchNormOptions& options,
                           Where where) {
  return {graph, name, [&graph, options, where](std::string_view full, const TensorType& x, Where applied) {
            const std::int64_t channels = size_of_axis("batch_norm", full, x, options.axis, applied);
            return batch_norm(graph, full, channels, x.dtype, options, where);
          }};
}

Trained BatchNorm::train(const Operand& x) const {
  const Scope origin(expect_value(scale, "batch_norm", "the scale of the layer", x.where()).graph(), "",
                     x.where());
  const Channels channels = channels_of(x, scale, options.axis);
  const Value own_count = apply(Count{.axes = channels.axes, .dtype = f64}, x);
  const Value count = options.all_ranks ? all_reduce(own_count) : own_count;
  const MomentsOf own = moments(x, channels.axes);
  const auto [mean, deviation] = options.all_ranks ? of_all_ranks(own, own_count, count) : own;
  const Value size = regularized(deviation, options.epsilon);
  const Value normalized = (x - mean) / cast(size, scale.dtype()) * reshape(scale, channels.aligned) +
                           reshape(shift, channels.aligned);
  const Value y = custom_gradient(normalized, {{x.value(), scale, shift, mean, size}},
                                  batch_norm_gradient(channels, options.all_ranks));
  // An empty batch has no moments: they count as 0, and so does its weight in the running values.
  const Value unbiased = square(deviation) * (count / maximum(count - 1.0, 1.0));  // 0 for a single number
  const Value momentum = cast(options.momentum * minimum(count, 1.0), scale.dtype());
  const auto moved = [&](const Value& running, const Value& batch) {
    return assign(running, (1.0 - momentum) * running + momentum * reshape(batch, running.shape()));
  };
  return {.y = y,
          .updates = {moved(running_mean, mean), moved(running_variance, cast(unbiased, scale.dtype()))}};
}

Value BatchNorm::operator()(const Operand& x) const {
  const Scope origin(expect_value(scale, "batch_norm", "the scale of the layer", x.where()).graph(), "",
                     x.where());
  const Channels channels = channels_of(x, scale, options.axis);
  const Value factor = scale / sqrt(running_variance + options.epsilon);
  const Value offset = shift - running_mean * factor;
  return x * reshape(factor, channels.aligned) + reshape(offset, channels.aligned);
}

}  // namespace weft::nn
