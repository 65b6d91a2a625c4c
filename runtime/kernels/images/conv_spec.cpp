#include "weft/runtime/kernels/images/conv_spec.h"

#include <array>

#include "weft/ops/activation.h"
#include "weft/ops/conv.h"

namespace weft {
namespace {

/// The convolution, or a gradient of one, whose kernel slides along so many axes.
template <std::size_t Axes>
std::optional<ConvSpec> spec_along(const KernelSite& site) {
  const auto spec = [](ConvKind kind, const ConvOptions<Axes>& options, const TensorType& x,
                       const TensorType& w, const TensorType& y) {
    return ConvSpec{kind, conv_sizes(options, x.shape.sizes(), w.shape.sizes(), y.shape.sizes())};
  };
  const auto& in = site.inputs;
  const TensorType& out = site.outputs[0];
  if (const auto* op = site.op.as<Conv<Axes>>()) return spec(ConvKind::forward, *op, in[0], in[1], out);
  if (const auto* op = site.op.as<ConvInputGradient<Axes>>())
    return spec(ConvKind::input_gradient, *op, out, in[1], in[0]);
  if (const auto* op = site.op.as<ConvWeightGradient<Axes>>())
    return spec(ConvKind::weight_gradient, *op, in[0], out, in[1]);
  return std::nullopt;
}

}  // namespace

std::optional<ConvSpec> conv_spec(const KernelSite& site) {
  if (const auto* fused = site.op.as<FusedConvolution>())
    return conv_spec({.op = fused->convolution.op, .inputs = site.inputs, .outputs = site.outputs});
  if (auto spec = spec_along<2>(site)) return spec;
  return spec_along<3>(site);
}

std::optional<ConvSpec> conv_spec(const Op& convolution, const KernelSite& site,
                                  TensorType (*plain)(const TensorType& pictures)) {
  const ConvolutionPictures pictures = pictures_of(convolution);
  const auto taken = [&](const TensorType& type, bool is_picture) { return is_picture ? plain(type) : type; };
  const std::array inputs{taken(site.inputs[0], pictures.a), taken(site.inputs[1], pictures.b)};
  const std::array outputs{taken(site.outputs[0], pictures.result)};
  return conv_spec({.op = convolution, .inputs = inputs, .outputs = outputs});
}

bool can_finish_convolution(const Op& op) { return op.is<Relu>(); }

std::optional<ConvEnd> conv_end(const Convolution& convolution) {
  const auto& after = convolution.activation.op;
  if (after && !can_finish_convolution(*after)) return std::nullopt;
  return ConvEnd{.bias = convolution.bias, .rectified = after.has_value()};
}

double conv_flops(const ConvSizes& sizes) {
  const std::int64_t outputs = sizes.batch * sizes.filters * sizes.y_plane();
  const std::int64_t each = sizes.channels / sizes.groups * sizes.taps();
  return 2.0 * static_cast<double>(outputs) * static_cast<double>(each);
}

}  // namespace weft
