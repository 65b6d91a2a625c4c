#include "weft/frontends/nn/group_norm.h"

#include <fmt/format.h>

#include <cmath>

#include "weft/frontends/nn/norm_parts.h"
#include "weft/ops/control.h"
#include "weft/ops/layout.h"
#include "weft/ops/norm.h"

namespace weft::nn {
namespace {

/// scale h + shift for h [batch, channels, ...], or with channels in groups [batch, groups, size, ...].
Value per_channel(const Value& h, const Value& scale, const Value& shift, std::size_t channel_axes) {
  std::vector<Dim> dims(h.shape().rank() - 1, Dim(1));
  for (std::size_t axis = 0; axis < channel_axes; ++axis) dims[axis] = h.shape()[axis + 1];
  const Shape aligned(std::move(dims));
  return h * reshape(scale, aligned) + reshape(shift, aligned);
}

/// All axes from `first` on.
Axes axes_from(std::size_t first, std::size_t rank) {
  Axes axes;
  for (std::size_t axis = first; axis < rank; ++axis) axes.push_back(static_cast<std::int64_t>(axis));
  return axes;
}

void expect_channels(std::string_view layer, const Operand& x, const Value& scale, std::size_t least_rank,
                     std::string_view axes) {
  const TensorType& type = x.value(layer).type();
  expect_value(scale, layer, "the scale of the layer", x.where());
  expect_input(layer, scale, type, type.shape.rank() >= least_rank && type.shape[1] == scale.shape()[0],
               fmt::format("[batch, {}, {}]", to_string(scale.shape()[0]), axes), x.where());
}

/// With h = x / size and g = dy scale: dx = (g - h mean(g h)) / size, dscale = sum(dy h).
std::vector<Value> rms_norm_gradient(const GradientArgs& args) {
  const Value& x = args.inputs[0];
  const Value& scale = args.inputs[1];
  const Value& dy = args.output_gradients[0];
  const Value size = cast(args.inputs[2], x.dtype());
  const Value h = x / size;
  const Value g = dy * scale;
  return {(g - h * mean(g * h, {-1}, true)) / size, dy * h, Value()};
}

}  // namespace

GroupNorm group_norm(Graph& graph, std::string_view name, std::int64_t groups, std::int64_t channels,
                     DType dtype, const NormOptions& options, Where where) {
  if (groups < 1 || channels % groups != 0) {
    throw Error(ErrorCode::invalid_argument, "groups have equally many channels",
                {.op = "group_norm",
                 .node = std::string(name),
                 .expected = "groups that divide the channels",
                 .actual = fmt::format("{} groups, {} channels", groups, channels),
                 .where = to_string(where)});
  }
  const Transaction whole(graph);
  const Scope origin(graph, name, where);
  return {.scale = detail::vector_of(graph, "scale", channels, dtype, 1.0, where),
          .shift = detail::vector_of(graph, "shift", channels, dtype, 0.0, where),
          .groups = groups,
          .epsilon = options.epsilon};
}

Lazy<GroupNorm> group_norm(Graph& graph, std::string_view name, std::int64_t groups,
                           const NormOptions& options, Where where) {
  return {graph, name,
          [&graph, groups, options, where](std::string_view full, const TensorType& x, Where applied) {
            const std::int64_t channels = detail::size_of_axis("group_norm", full, x, 1, applied);
            return group_norm(graph, full, groups, channels, x.dtype, options, where);
          }};
}

Value GroupNorm::operator()(const Operand& x) const {
  expect_channels("group_norm", x, scale, 2, "...");
  const Scope origin(scale.graph(), "", x.where());
  const Shape& shape = x.value().shape();
  std::vector<Dim> grouped{shape[0], groups, scale.shape()[0].size() / groups};
  grouped.insert(grouped.end(), shape.begin() + 2, shape.end());
  const Value apart = reshape(x, Shape(grouped));
  const Value h = detail::standardized(apart, axes_from(2, grouped.size()), epsilon);
  return reshape(per_channel(h, scale, shift, 2), shape);
}

InstanceNorm instance_norm(Graph& graph, std::string_view name, std::int64_t channels, DType dtype,
                           const NormOptions& options, Where where) {
  const Transaction whole(graph);
  const Scope origin(graph, name, where);
  return {.scale = detail::vector_of(graph, "scale", channels, dtype, 1.0, where),
          .shift = detail::vector_of(graph, "shift", channels, dtype, 0.0, where),
          .epsilon = options.epsilon};
}

Lazy<InstanceNorm> instance_norm(Graph& graph, std::string_view name, const NormOptions& options,
                                 Where where) {
  return {graph, name, [&graph, options, where](std::string_view full, const TensorType& x, Where applied) {
            const std::int64_t channels = detail::size_of_axis("instance_norm", full, x, 1, applied);
            return instance_norm(graph, full, channels, x.dtype, options, where);
          }};
}

Value InstanceNorm::operator()(const Operand& x) const {
  expect_channels("instance_norm", x, scale, 3, "size, ...");
  const Scope origin(scale.graph(), "", x.where());
  const Value value = x.value();
  return per_channel(detail::standardized(value, axes_from(2, value.shape().rank()), epsilon), scale, shift,
                     1);
}

RmsNorm rms_norm(Graph& graph, std::string_view name, std::int64_t features, DType dtype,
                 const RmsNormOptions& options, Where where) {
  const Transaction whole(graph);
  const Scope origin(graph, name, where);
  return {.scale = detail::vector_of(graph, "scale", features, dtype, 1.0, where),
          .epsilon = options.epsilon};
}

Lazy<RmsNorm> rms_norm(Graph& graph, std::string_view name, const RmsNormOptions& options, Where where) {
  return {graph, name, [&graph, options, where](std::string_view full, const TensorType& x, Where applied) {
            return rms_norm(graph, full, detail::size_of_axis("rms_norm", full, x, -1, applied), x.dtype,
                            options, where);
          }};
}

Value RmsNorm::operator()(const Operand& x) const {
  const TensorType& type = x.value("rms_norm").type();
  expect_value(scale, "rms_norm", "the scale of the layer", x.where());
  const std::size_t rank = type.shape.rank();
  expect_input("rms_norm", scale, type, rank >= 1 && type.shape[rank - 1] == scale.shape()[0],
               fmt::format("[..., {}]", to_string(scale.shape()[0])), x.where());
  const Scope origin(scale.graph(), "", x.where());
  const double root = std::sqrt(static_cast<double>(std::max<std::int64_t>(scale.shape()[0].size(), 1)));
  const Value size = detail::regularized(wide_norm(x, {-1}, true) / root, epsilon);
  const Value y = x / cast(size, scale.dtype()) * scale;
  return custom_gradient(y, {{x.value(), scale, size}}, rms_norm_gradient);
}

}  // namespace weft::nn
