#include "weft/frontends/nn/norm.h"

#include <fmt/format.h>

#include "weft/frontends/nn/initializers.h"
#include "weft/graph/located.h"
#include "weft/ops/control.h"
#include "weft/ops/layout.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"

namespace weft::nn {
namespace {

/// A parameter [size] that starts as `initial`.
Value vector_of(Graph& graph, std::string_view name, std::int64_t size, DType dtype, double initial,
                Where where) {
  const InitializerArgs args{.graph = graph, .dtype = dtype, .shape = {size}, .where = where};
  return parameter(graph, name, constant(initial)(args), where);
}

/// How a batch is cut into channels: the axes within one, and what a vector [channels] looks like beside x.
struct Channels {
  Axes axes;
  Shape aligned;
};

Channels channels_of(const Operand& x, const Value& scale, std::int64_t channel_axis) {
  const Shape& shape = x.value("batch_norm").shape();
  const std::size_t at =
      located("batch_norm", x.where(), [&] { return normalize_axis(channel_axis, shape.rank()); });
  if (!shape[at].is(scale.shape()[0].size())) {
    throw Error(ErrorCode::shape_mismatch, "the input has another number of channels",
                {.op = "batch_norm",
                 .expected = fmt::format("{} along axis {}", to_string(scale.shape()[0]), at),
                 .actual = to_string(shape),
                 .where = to_string(x.where())});
  }
  Channels channels;
  std::vector<Dim> dims(shape.rank(), Dim(1));
  dims[at] = shape[at];
  for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
    if (axis != at) channels.axes.push_back(static_cast<std::int64_t>(axis));
  }
  channels.aligned = Shape(std::move(dims));
  return channels;
}

}  // namespace

LayerNorm layer_norm(Graph& graph, std::string_view name, std::int64_t features, DType dtype,
                     const NormOptions& options, Where where) {
  const Scope origin(graph, name, where);
  return {.scale = vector_of(graph, "scale", features, dtype, 1.0, where),
          .shift = vector_of(graph, "shift", features, dtype, 0.0, where),
          .epsilon = options.epsilon};
}

Value LayerNorm::operator()(const Operand& x) const {
  const Scope origin(expect_value(scale, "layer_norm", "the scale of the layer", x.where()).graph(), "",
                     x.where());
  const Shape& shape = x.value("layer_norm").shape();
  if (shape.is_scalar() || shape[shape.rank() - 1] != scale.shape()[0]) {
    throw Error(ErrorCode::shape_mismatch, "the input has another number of features",
                {.op = "layer_norm",
                 .expected = fmt::format("[..., {}]", to_string(scale.shape()[0])),
                 .actual = to_string(shape),
                 .where = to_string(x.where())});
  }
  const Value centred = x - mean(x, {-1}, true);
  const Value variance = mean(square(centred), {-1}, true);
  return centred / sqrt(variance + epsilon) * scale + shift;
}

BatchNorm batch_norm(Graph& graph, std::string_view name, std::int64_t channels, DType dtype,
                     const BatchNormOptions& options, Where where) {
  const Scope origin(graph, name, where);
  return {.scale = vector_of(graph, "scale", channels, dtype, 1.0, where),
          .shift = vector_of(graph, "shift", channels, dtype, 0.0, where),
          .running_mean = vector_of(graph, "running_mean", channels, dtype, 0.0, where),
          .running_variance = vector_of(graph, "running_variance", channels, dtype, 1.0, where),
          .options = options};
}

BatchNorm::Trained BatchNorm::train(const Operand& x) const {
  const Scope origin(expect_value(scale, "batch_norm", "the scale of the layer", x.where()).graph(), "",
                     x.where());
  const auto [axes, aligned] = channels_of(x, scale, options.axis);
  const Value batch_mean = mean(x, axes, true);
  const Value centred = x - batch_mean;
  const Value variance = mean(square(centred), axes, true);
  const Value y =
      centred / sqrt(variance + options.epsilon) * reshape(scale, aligned) + reshape(shift, aligned);
  const Value count = apply(Count{.axes = axes, .dtype = scale.dtype()}, x);
  const Value unbiased = variance * (count / maximum(count - 1.0, 1.0));  // of a single number 0
  const auto moved = [&](const Value& running, const Value& batch) {
    return assign(running,
                  (1.0 - options.momentum) * running + options.momentum * reshape(batch, running.shape()));
  };
  return {.y = y, .updates = {moved(running_mean, batch_mean), moved(running_variance, unbiased)}};
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
